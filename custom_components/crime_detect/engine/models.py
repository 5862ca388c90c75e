"""Owns the types of the wire (docs/api.md, docs/mqtt.md): read from JSON here, dataclasses everywhere else.

Unknown keys are ignored: a newer engine may say more. Missing or wrong ones raise BadMessageError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from .errors import BadMessageError

SCHEMA_VERSION = 1


class Severity(IntEnum):
    """Ordered: a rise is a greater number."""

    DETECTION = 0
    ALERT = 1
    CRITICAL = 2


class ChangeType(StrEnum):
    NEW = "new"
    UPDATE = "update"
    END = "end"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Position:
    """Where in an engine's events we are; kept over restarts."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Something a person can mend; `code` has a repair issue, `camera` where, `detail` the engine's sentence."""

    code: str
    camera: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """`info` on MQTT, `/info` on HTTP; what MQTT does not carry is None or empty."""

    uuid: str
    epoch: str
    instance: str
    version: str
    schema_version: int
    labels: tuple[str, ...]
    """Classes of the model, `normal` first."""
    cameras: Mapping[str, str]
    """Name by id."""
    api_url: str | None = None
    device: str | None = None
    """cpu, cuda or openvino."""
    model: str | None = None
    features: frozenset[str] = frozenset()
    """What this engine can besides the first version: see docs/api.md."""
    fallback: str | None = None
    """Why the device is not the one that was asked for."""
    storage_used_bytes: int | None = None
    storage_free_bytes: int | None = None
    alerts_today: int | None = None
    gpu_load: float | None = None
    """Percent; None without a GPU."""
    problems: tuple[Problem, ...] = ()
    mqtt_discovery: bool = False
    """The engine announces its cameras to Home Assistant by itself (`mqtt.ha_discovery`)."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EngineInfo:
        def read() -> EngineInfo:
            versions = data.get("versions") or {}
            storage = data.get("storage") or {}
            model = data.get("model") or {}
            return cls(
                uuid=_text(data["uuid"]),
                epoch=_text(data["epoch"]),
                instance=_text(data["instance"]),
                version=_text(data.get("version") or versions["engine"]),
                schema_version=int(data["schema_version"]),
                labels=tuple(_text(label) for label in data["labels"]),
                cameras={_name(one["id"]): _text(one["name"]) for one in data["cameras"]},
                api_url=_optional_text(data.get("api_url")),
                device=_optional_text(data.get("device")),
                model=_optional_text(model.get("name") or versions.get("model")),
                features=frozenset(_text(one) for one in data.get("features") or ()),
                fallback=_optional_text(data.get("fallback")),
                storage_used_bytes=_sum(storage.get("database_bytes"), storage.get("media_bytes")),
                storage_free_bytes=_sum(storage.get("free_bytes")),
                alerts_today=_sum(data.get("alerts_today")),
                gpu_load=_number(data.get("gpu_load")),
                problems=tuple(
                    Problem(_text(one["code"]), _optional_text(one.get("camera")), _text(one.get("detail", "")))
                    for one in data.get("problems") or ()
                ),
                mqtt_discovery=_flag(data.get("mqtt_discovery", False)),
            )

        return _checked("info", read)


@dataclass(frozen=True, slots=True)
class CameraState:
    """`<camera>/state`."""

    state: str
    """starting, live, lost, frozen or paused."""
    online: bool
    active: bool
    label: str | None
    confidence: float | None
    threshold: float
    detection: bool
    privacy: bool
    tampered: bool
    snoozed_until: datetime | None
    fps: float | None
    latency_ms: float | None
    model: str | None
    updated_at: datetime
    mode: str | None = None
    """threshold or budget; None from engines that know only thresholds."""
    false_alarm_budget: float | None = None
    """False alarms a week; None where there is no budget."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CameraState:
        def read() -> CameraState:
            return cls(
                state=_text(data["state"]),
                online=_flag(data["online"]),
                active=_flag(data["active"]),
                label=_optional_text(data.get("label")),
                confidence=_number(data.get("confidence")),
                threshold=_required_number(data["threshold"]),
                detection=_flag(data["detection"]),
                privacy=_flag(data["privacy"]),
                tampered=_flag(data["tampered"]),
                snoozed_until=_time(data.get("snoozed_until")),
                fps=_number(data.get("fps")),
                latency_ms=_number(data.get("latency_ms")),
                model=_optional_text(data.get("model")),
                updated_at=_required_time(data["updated_at"]),
                mode=_optional_text(data.get("mode")),
                false_alarm_budget=_number(data.get("false_alarm_budget")),
            )

        return _checked("camera state", read)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as everywhere on the wire; `raw` is what came, for answers of actions."""

    incident_id: str
    camera: str
    source: str
    label: str
    confidence: float
    severity: Severity
    notify: bool
    suppressed_by: str | None
    started_at: datetime
    ended_at: datetime | None
    snapshot_rev: int
    """0: no picture yet."""
    has_clip: bool
    verdict: str | None
    acknowledged: bool
    hold: bool
    raw: Mapping[str, Any]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Incident:
        def read() -> Incident:
            media = data["media"]
            return cls(
                incident_id=_name(data["incident_id"]),
                camera=_name(data["camera"]),
                source=_text(data["source"]),
                label=_text(data["label"]),
                confidence=_required_number(data["confidence"]),
                severity=Severity[_text(data["severity"]).upper()],
                notify=_flag(data["notify"]),
                suppressed_by=_optional_text(data.get("suppressed_by")),
                started_at=_required_time(data["started_at"]),
                ended_at=_time(data.get("ended_at")),
                snapshot_rev=int(media["snapshot_rev"]) if media.get("snapshot") else 0,
                has_clip=bool(media.get("clip")),
                verdict=_optional_text(data.get("verdict")),
                acknowledged=_flag(data["acknowledged"]),
                hold=_flag(data["hold"]),
                raw=dict(data),
            )

        return _checked("incident", read)


@dataclass(frozen=True, slots=True)
class IncidentMessage:
    """What happened to an incident. `replayed`: it was told in answer to a resume, not as it happened."""

    uuid: str
    epoch: str
    seq: int
    type: ChangeType
    before: Incident | None
    after: Incident | None
    replayed: bool = False

    @property
    def incident(self) -> Incident:
        """The newest that is known of it."""
        found = self.after or self.before
        assert found is not None  # from_json made sure
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, replayed: bool = False) -> IncidentMessage:
        """`data` of the WebSocket message, which is the MQTT payload."""

        def read() -> IncidentMessage:
            before, after = data.get("before"), data.get("after")
            if before is None and after is None:
                raise ValueError("neither before nor after")
            return cls(
                uuid=_text(data["uuid"]),
                epoch=_text(data["epoch"]),
                seq=int(data["seq"]),
                type=ChangeType(data["type"]),
                before=None if before is None else Incident.from_json(before),
                after=None if after is None else Incident.from_json(after),
                replayed=replayed,
            )

        return _checked("incident message", read)


@dataclass(frozen=True, slots=True)
class Hello:
    """First words of a connection: everything as it is now. Over MQTT it is put together from retained messages."""

    info: EngineInfo
    cameras: Mapping[str, CameraState]
    seq: int | None
    """Newest event of the engine; None over MQTT."""


def _checked[T](what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except BadMessageError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessageError(f"{what}: {type(error).__name__}: {error}", "bad_message") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, not {type(value).__name__}")
    return value


def _name(value: Any) -> str:
    """Ids become parts of file names: letters, digits, `_` and `-` only."""
    text = _text(value)
    if len(text) > 64 or not text.isascii() or not text.replace("_", "").replace("-", "").isalnum():
        raise ValueError("not an id")
    return text


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, not {type(value).__name__}")
    return value


def _number(value: Any) -> float | None:
    return None if value is None else _required_number(value)


def _required_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("expected a number")
    return float(value)


def _sum(*parts: Any) -> int | None:
    known = [int(part) for part in parts if part is not None]
    return sum(known) if known else None


def _time(value: Any) -> datetime | None:
    return None if value is None else _required_time(value)


def _required_time(value: Any) -> datetime:
    at = datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError("a time without an offset")
    return at
