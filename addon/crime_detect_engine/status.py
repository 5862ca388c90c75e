"""Owns how the engine describes itself: states that are told when they change, info, health."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

from . import __version__
from .domain.clock import Clock
from .domain.errors import StoreError
from .domain.types import RULE_CLASSES, CameraState, ModelSpec
from .domain.wire import SCHEMA_VERSION
from .inference import Worker
from .line import Line, discrete
from .metrics import Figures, metrics_text
from .outputs.outbox import ChannelStatus, Outbox
from .pipeline import Pipeline
from .problems import Problem, low_storage, missing_gpu, refused_logins
from .store.store import Store
from .writer import Writer

_LOG = logging.getLogger(__name__)
TELL_AT_LEAST_EVERY_S = 60.0
TELL_CONFIDENCE_EVERY_S = 5.0
CONFIDENCE_STEP = 0.05
CHECK_EVERY_S = 0.5
SLOW_CHECK_EVERY = 20
TELL_FIGURES_EVERY_S = 300.0
FEATURES = ("cameras", "retention", "sources_test", "mqtt_discovery", "models", "zones", "reports", "evidence")
"""What this version can besides the first one, for programs that meet several."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What does not change while the engine runs."""

    instance: str
    device: str
    specs: Sequence[ModelSpec]
    """The models in use; the first is the one that real cameras use."""
    fallback: str | None = None
    """Why the device is not the one that was asked for."""
    warnings: Sequence[str] = ()
    api_url: str | None = None
    """Where people and programs reach the engine, when somebody has said so."""
    asked: str = "auto"
    """The device that the configuration asks for."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """Where a day begins."""
    precision: str = "fp32"
    """What the model's frame encoder computes in."""


@dataclass(slots=True)
class _Told:
    what: tuple[Any, ...]
    confidence: float
    tick_s: float


@dataclass(slots=True)
class Status:
    """What changed becomes an event of the store, whose listeners carry it on.

    `outbox`, `notes` (what the outputs have switched off and why), `complaints` (what is wrong with them),
    `mqtt_discovery` (whether Home Assistant is told of cameras over MQTT) and `gpu_load` (percent) are set once these
    are built.
    """

    identity: Identity
    store: Store
    pipeline: Pipeline
    workers: Sequence[Worker]
    writer: Writer
    clock: Clock
    outbox: Outbox | None = None
    notes: Callable[[], Sequence[str]] = tuple
    complaints: Callable[[], Sequence[Problem]] = tuple
    mqtt_discovery: Callable[[], bool] = bool
    gpu_load: Callable[[], float | None] = lambda: None
    _told: dict[str, _Told] = field(default_factory=dict)
    _channels: Mapping[str, ChannelStatus] = field(default_factory=dict)
    _storage: Mapping[str, Any] = field(default_factory=dict)
    _alerts_today: int = 0
    _gpu_load: float | None = None
    _started_tick_s: float = 0.0
    _death: str | None = None
    _info: tuple[Any, ...] = ()
    _info_tick_s: float = 0.0

    async def run(self) -> None:
        """Tells changes until cancelled; what the store refuses is told again at the next look."""
        self._started_tick_s = self.clock.tick_s()
        count, refusal = 0, ""
        while True:
            try:
                if count % SLOW_CHECK_EVERY == 0:
                    await self._look_at_figures()
                for line in list(self.pipeline.lines.values()):
                    await self._tell_if_changed(line)
                for camera in self._told.keys() - self.pipeline.lines.keys():
                    del self._told[camera]
                await self._tell_engine_if_changed()
                refusal = ""
            except (StoreError, OSError) as error:
                if str(error) != refusal:
                    _LOG.warning("changes of state are not told: %s", error)
                refusal = str(error)
            count += 1
            await asyncio.sleep(CHECK_EVERY_S)

    async def _look_at_figures(self) -> None:
        self._channels = await self.outbox.status() if self.outbox else {}
        self._storage = await self.store.storage()
        local = self.clock.now().astimezone(self.identity.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        self._alerts_today = await self.store.alerts_since(midnight.astimezone(UTC))
        self._gpu_load = await asyncio.to_thread(self.gpu_load)

    def use_models(self, specs: Sequence[ModelSpec], precision: str) -> None:
        """From now on these are in force."""
        self.identity = replace(self.identity, specs=specs, precision=precision)

    def died(self, fault: str) -> None:
        """A part of the engine has ended that never should: said until the restart."""
        self._death = fault

    async def tell_camera(self, camera: str) -> None:
        """Makes an event of the camera's state now."""
        line = self.pipeline.lines.get(camera)
        if line is None:
            return
        view = line.view(self.clock.now(), self.clock.tick_s())
        told = _Told(discrete(view), view["confidence"], self.clock.tick_s())
        await self.store.append_camera_event(camera, view)
        self._told[camera] = told

    async def _tell_if_changed(self, line: Line) -> None:
        view = line.view(self.clock.now(), self.clock.tick_s())
        told = self._told.get(line.id)
        if told is not None and discrete(view) == told.what:
            age_s = self.clock.tick_s() - told.tick_s
            moved = abs(view["confidence"] - told.confidence) >= CONFIDENCE_STEP
            if age_s < (TELL_CONFIDENCE_EVERY_S if moved else TELL_AT_LEAST_EVERY_S):
                return
        await self.tell_camera(line.id)

    async def _tell_engine_if_changed(self) -> None:
        info, now_tick_s = self.info(), self.clock.tick_s()
        told = ("model", "cameras", "fallback", "problems", "mqtt_discovery", "alerts_today")
        now = (*(info[key] for key in told), self._storage.get("error"))
        if now != self._info or now_tick_s - self._info_tick_s >= TELL_FIGURES_EVERY_S:
            await self.store.append_engine_event(info)
            self._info, self._info_tick_s = now, now_tick_s

    def _faults(self) -> tuple[str, ...]:
        """What keeps frames from being scored now."""
        faults = (self._death, self.pipeline.fault, *(worker.fault for worker in self.workers))
        return tuple(dict.fromkeys(filter(None, faults)))

    def _fallbacks(self) -> tuple[str, ...]:
        """Why the engine runs on another device than it was asked to."""
        fallbacks = (self.identity.fallback, *(worker.fallback for worker in self.workers))
        return tuple(dict.fromkeys(filter(None, fallbacks)))

    def _problems(self) -> list[Problem]:
        given_up = [worker.fallback for worker in self.workers if worker.fallback]
        return [
            *missing_gpu(self.identity.asked, self.identity.fallback, given_up),
            *low_storage(self._storage),
            *refused_logins(self.pipeline.lines.values()),
            *self.complaints(),
        ]

    def info(self) -> Mapping[str, Any]:
        """The `info` payload of contracts.md and what the page and the doctor want to know besides."""
        identity, first = self.identity, self.identity.specs[0]
        return {
            "schema_version": SCHEMA_VERSION,
            "uuid": self.store.uuid,
            "epoch": self.store.epoch,
            "instance": identity.instance,
            "version": __version__,
            "versions": {"engine": __version__, "model": f"{first.name} {first.version}", "schema": SCHEMA_VERSION},
            "features": list(FEATURES),
            "labels": list(first.labels),
            "rules": list(RULE_CLASSES),
            "cameras": [{"id": line.id, "name": line.config.name} for line in self.pipeline.lines.values()],
            "api_url": identity.api_url,
            "mqtt_discovery": self.mqtt_discovery(),
            "device": identity.device,
            "model": {
                "name": first.name,
                "version": first.version,
                "labels": list(first.labels),
                "demo": first.demo,
                "metrics": dict(first.metrics),
                "precision": identity.precision,
            },
            "models": [spec.name for spec in identity.specs],
            "fallback": "; ".join(dict.fromkeys((*self._fallbacks(), *self._faults()))) or None,
            "gpu_load": self._gpu_load,
            "warnings": [*identity.warnings, *self.notes()],
            "problems": [problem.json() for problem in self._problems()],
            "alerts_today": self._alerts_today,
            "outbox": {name: asdict(channel) for name, channel in self._channels.items()},
            "storage": {k: v for k, v in self._storage.items() if k != "media"},
            "uptime_s": round(self.clock.tick_s() - self._started_tick_s, 1),
        }

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Unhealthy when the engine is blind or cannot keep what it sees; one camera that is away is only said."""
        problems = list(self._faults())
        lines = list(self.pipeline.lines.values())
        watching = [line for line in lines if not line.runtime.privacy]
        states = [line.capture.status().state for line in watching]
        lost, frozen = states.count(CameraState.LOST), states.count(CameraState.FROZEN)
        blind = bool(watching) and lost == len(watching)
        if blind:
            problems.append("blind: no camera delivers pictures")
        if self.writer.fault:
            problems.append(f"store: {self.writer.fault}")
        if self.writer.lost:
            problems.append(f"{self.writer.lost} alerts were lost because the store refused for too long")
        error = self.store.storage_error
        notes = [f"{lost} of {len(lines)} cameras deliver no pictures"] if lost else []
        if frozen:
            notes.append(f"{frozen} of {len(lines)} cameras show a picture that does not change")
        notes += self._fallbacks()
        if self.writer.bare:
            notes.append(f"{self.writer.bare} alerts were stored without picture and clip: too many waited")
        if error:
            notes.append(f"storage: {error}")
        if not lines:
            notes.append("no camera is configured")
        return not problems, {"reasons": problems, "notes": notes, "blind": blind}

    def metrics(self) -> str:
        return metrics_text(
            Figures(
                lines=list(self.pipeline.lines.values()),
                pipeline=self.pipeline,
                workers=self.workers,
                writer=self.writer,
                channels=self._channels,
                storage=self._storage,
                audit_lost=self.store.audit.accesses.lost,
                gpu_load=self._gpu_load,
                now_tick_s=self.clock.tick_s(),
            )
        )
