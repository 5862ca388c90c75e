"""Owns changes of the set-up while it runs: written to the configuration file, then put in force."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import voluptuous as vol

from .config import CameraConfig, Config, fields
from .config.areas import area_changes
from .config.complaints import InvalidConfig
from .config.editor import ConfigEditor
from .config.settings import RESERVED_CAMERAS
from .decision.schedule import DAYS, ScheduleWindow
from .domain.clock import Clock
from .domain.errors import ConfigError, InvalidInputError, NotFoundError, SourceError
from .domain.ports import Actor
from .domain.types import Image
from .keeping import rules_json
from .line import Line
from .pipeline import Pipeline
from .sources import build_source
from .sources.address import redact
from .sources.frigate import FrigateDiscovery
from .sources.trial import first_picture
from .store.audit import Audit
from .store.retention import RetentionOptions
from .tracking.places import CrossingLine, Zone

Changes = Mapping[tuple[str, ...], Any]
_PLACES = {
    "name": ("name",),
    "source": ("source",),
    "schedule": ("schedule",),
    "masks": ("masks",),
    "detector": ("detector",),
    "per_class": ("detection", "per_class"),
    "blur_faces": ("privacy", "blur_faces"),
    "blur_persons": ("privacy", "blur_persons"),
}
_HIDDEN = "***"
_ID_LENGTH = 28
NO_FILE = (
    "this engine runs without a configuration file and could not keep this; write one (an empty file will do) and "
    "start it with --config FILE"
)
FROM_COMMAND_LINE = "{} comes from the command line (--camera); name it in the file to change it here"


class Configuring:
    """The part of `EngineControl` that is `domain.administration.Administration`, and the threshold.

    `editor` is None without a file; `apply` puts a new content in force; `retention` and `discovery` tell what is in
    force now; `extra` are cameras of the command line.
    """

    def __init__(
        self,
        editor: ConfigEditor | None,
        apply: Callable[[Config], Awaitable[None]],
        pipeline: Pipeline,
        audit: Audit,
        clock: Clock,
        *,
        retention: Callable[[], RetentionOptions] = RetentionOptions,
        discovery: Callable[[], FrigateDiscovery | None] = lambda: None,
        extra: frozenset[str] = frozenset(),
    ) -> None:
        self._editor = editor
        self._apply = apply
        self._pipeline = pipeline
        self._audit = audit
        self._clock = clock
        self._retention = retention
        self._discovery = discovery
        self._extra = extra
        self._changing = asyncio.Lock()

    # --- cameras -----------------------------------------------------------------------------------------------

    async def add_camera(self, camera: str | None, source: str, name: str | None, actor: Actor) -> str:
        """Returns the id."""
        editor = self._file()
        _refuse_references([source, name])
        address = self._address(source)
        title = _checked(fields.text, name, "name") if name is not None else None
        async with self._changing:
            standing = set(await asyncio.to_thread(_cameras_in, editor))
            taken = standing | self._pipeline.lines.keys()
            camera_id = _free_id(title or "camera", taken) if camera is None else camera
            _checked(fields.camera_id, camera_id, "id")
            if camera_id in taken:
                raise ConfigError(f"there is a camera {camera_id} already; choose another id or change that one")
            config = await self._edit(("cameras", camera_id), {("source",): address, ("name",): title})
            try:
                await self._apply(config)
            except ConfigError:
                if camera_id not in self._pipeline.lines:  # it cannot be built: nothing was added
                    await self._apply(await asyncio.to_thread(editor.remove_camera, camera_id))
                raise
        await self._audit.append(actor, "camera_add", camera_id, {"source": redact(address), "name": title})
        return camera_id

    async def remove_camera(self, camera: str, actor: Actor) -> None:
        editor = self._file()
        async with self._changing:
            self._require_own(camera)
            line, discovery = self._pipeline.lines.get(camera), self._discovery()
            by_frigate = line.config.source.partition("frigate:")[2] if line else ""
            if discovery is not None and by_frigate in discovery.cameras:
                reason = "leave it out of frigate.cameras in the configuration file, or disable it in Frigate"
                raise ConfigError(f"Frigate brings this camera and would bring it back: {reason}")
            await self._apply(await asyncio.to_thread(editor.remove_camera, camera))
        await self._audit.append(actor, "camera_remove", camera)

    async def change_camera(self, camera: str, changes: Mapping[str, Any], actor: Actor) -> None:
        """Raises InvalidInputError that names each wrong key."""
        same = ("source", redact(self._line(camera).config.source))
        wanted = {key: value for key, value in changes.items() if (key, value) != same}
        _refuse_references(wanted)
        if "source" in wanted:
            wanted["source"] = self._address(wanted["source"])
        if wanted:
            await self._change_camera(camera, self._places(camera, wanted))
            shown = {key: redact(value) if key == "source" else value for key, value in wanted.items()}
            await self._audit.append(actor, "camera_change", camera, shown)

    def _places(self, camera: str, wanted: Mapping[str, Any]) -> Changes:
        changes: dict[tuple[str, ...], Any] = {}
        standing = settings_json(self._line(camera).config)
        for key, value in wanted.items():
            if key in ("zones", "lines"):
                changes |= area_changes(key, standing[key], value or {})
            else:
                changes[_PLACES[key]] = value if value is False else value or None
        return changes

    def why_fixed(self, camera: str) -> str | None:
        """Why no setting of this camera can be kept, for people; None where they can."""
        if self._editor is None:
            return NO_FILE
        return FROM_COMMAND_LINE.format(camera) if camera in self._extra else None

    async def set_threshold(self, camera: str, threshold: float) -> None:
        await self._change_camera(camera, {("detection", "threshold"): round(threshold, 4)})

    async def _change_camera(self, camera: str, changes: Changes) -> None:
        editor = self._file()
        async with self._changing:
            self._require_own(camera)
            line = self._line(camera)
            if camera not in await asyncio.to_thread(_cameras_in, editor):
                # Frigate brought it: from now on the file names it, under the same id.
                changes = {("source",): line.config.source, ("name",): line.config.name, **changes}
            await self._write(("cameras", camera), changes)

    def _address(self, source: object) -> str:
        """What a camera may have as its source, checked before anything is written: it would be gone otherwise."""
        address = _checked(fields.source, source, "source")
        if _HIDDEN in address:
            raise InvalidInputError("the address has its password hidden", {"source": "write it whole, without ***"})
        try:
            build_source(address, clock=self._clock, discovery=self._discovery())
        except SourceError as error:
            raise InvalidInputError("Not valid: source.", {"source": redact(str(error))}) from None
        return address

    # --- sources -----------------------------------------------------------------------------------------------

    async def try_source(self, source: str) -> Image:
        """The first picture, as it comes; the address is held to the same rules as a camera's. Raises SourceError."""
        try:
            address = fields.source(source)
        except vol.Invalid as error:
            raise SourceError(str(error.error_message), permanent=True) from None
        built = build_source(address, clock=self._clock, discovery=self._discovery(), realtime=False)
        try:
            return await first_picture(built)
        except SourceError as error:
            raise SourceError(redact(str(error)), permanent=error.permanent) from None

    def frigate_cameras(self) -> Sequence[tuple[str, str]]:
        discovery = self._discovery()
        watched = {line.config.source for line in self._pipeline.lines.values()}
        found = [(f"frigate:{name}", name) for name in sorted(discovery.offered)] if discovery else []
        return [(source, name.replace("_", " ").capitalize()) for source, name in found if source not in watched]

    # --- the rest of the file ----------------------------------------------------------------------------------

    def retention(self) -> Mapping[str, Any]:
        return rules_json(self._retention())

    async def set_retention(self, changes: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        now = self.retention()
        wanted = {key: value for key, value in changes.items() if value != now.get(key)}
        _refuse_references(wanted)
        if wanted:
            async with self._changing:
                await self._write(("retention",), {(key,): value or None for key, value in wanted.items()})
            await self._audit.append(actor, "retention", "retention", wanted)
        return self.retention()

    async def set_model(self, name: str) -> None:
        """Writes the name; whether the model can be loaded is for the caller to know before."""
        async with self._changing:
            await self._write(("model",), {("name",): name})

    async def end_mqtt_discovery(self, actor: Actor) -> None:
        """A file that does not ask for it stays as it is."""
        editor = self._editor
        if editor is None:
            return  # nothing but a file asks for it
        async with self._changing:
            mqtt = (await asyncio.to_thread(editor.settings)).get("mqtt")
            if not isinstance(mqtt, dict) or not mqtt.get("ha_discovery"):
                return
            await self._write(("mqtt",), {("ha_discovery",): False})
        await self._audit.append(actor, "mqtt_discovery", "mqtt", {"on": False})

    # -----------------------------------------------------------------------------------------------------------

    async def _write(self, path: tuple[str, ...], changes: Changes) -> None:
        await self._apply(await self._edit(path, changes))

    async def _edit(self, path: tuple[str, ...], changes: Changes) -> Config:
        try:
            return await asyncio.to_thread(self._file().change, path, changes)
        except InvalidConfig as error:
            raise _refusal(error, path) from None

    def _file(self) -> ConfigEditor:
        if self._editor is None:
            raise ConfigError(NO_FILE)
        return self._editor

    def _require_own(self, camera: str) -> None:
        if camera in self._extra:
            raise ConfigError(FROM_COMMAND_LINE.format(camera))

    def _line(self, camera: str) -> Line:
        line = self._pipeline.lines.get(camera)
        if line is None:
            raise NotFoundError(f"no camera {camera[:40]!r}")
        return line


def settings_json(camera: CameraConfig) -> dict[str, Any]:
    """What of a camera can be changed, as it holds now; `schedule` null is always armed, `blur_…` null as for all."""
    rules = camera.rules
    return {
        "mode": rules.mode,
        "threshold": rules.threshold,
        "per_class": dict(rules.per_class),
        "schedule": _schedule_json(camera.schedule) or None,
        "masks": [[list(point) for point in polygon] for polygon in camera.masks],
        "zones": {one.zone.name: _area_json(one.zone, one.schedule) for one in camera.zones},
        "lines": {one.line.name: _area_json(one.line, one.schedule) for one in camera.lines},
        "detector": camera.detector,
        "blur_faces": camera.privacy.blur_faces,
        "blur_persons": camera.privacy.blur_persons,
        "votes": rules.votes,
        "window": rules.window,
        "cooldown_s": rules.cooldown_s,
    }


def _area_json(area: Zone | CrossingLine, schedule: Sequence[ScheduleWindow]) -> dict[str, Any]:
    return {**area.written(), "schedule": _schedule_json(schedule) or None}


def _schedule_json(windows: Sequence[ScheduleWindow]) -> list[dict[str, Any]]:
    return [
        {
            "days": [DAYS[day] for day in sorted(window.days)],
            "from": f"{window.start // 60:02}:{window.start % 60:02}",
            "to": f"{window.end // 60:02}:{window.end % 60:02}",
        }
        for window in windows
    ]


def _cameras_in(editor: ConfigEditor) -> Mapping[str, Any]:
    return editor.settings().get("cameras") or {}


def _free_id(name: str, taken: set[str]) -> str:
    """`back_yard` of "Back yard"; a number follows where that is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", plain)[:_ID_LENGTH].strip("_") or "camera"
    taken = taken | RESERVED_CAMERAS
    return next(one for one in (slug, *(f"{slug}_{n}" for n in range(2, 1000))) if one not in taken)


def _checked(check: Callable[[object], str], value: object, key: str) -> str:
    try:
        return check(value)
    except vol.Invalid as error:
        raise InvalidInputError(f"Not valid: {key}.", {key: error.error_message}) from None


def _refuse_references(value: Any) -> None:
    """`!secret x` in a name would show the secret to everybody who sees the name."""
    if isinstance(value, str) and value.lstrip().startswith("!"):
        raise InvalidInputError("a value may not begin with !; references are for the file")
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for one in inner:
        _refuse_references(one)


def _refusal(error: InvalidConfig, path: tuple[str, ...]) -> InvalidInputError | InvalidConfig:
    """What is wrong with what was sent, by its key; the file's own problems stay the file's."""
    own = [problem for problem in error.problems if problem.path[: len(path)] == path]
    if not own or len(own) < len(error.problems):
        return error
    details = {".".join(str(part) for part in one.path[len(path) :] if part != "detection"): one.text for one in own}
    return InvalidInputError(f"Not valid: {', '.join(sorted(details))}.", details)
