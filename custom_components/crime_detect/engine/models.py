"""Owns the types of the wire (docs/api.md, docs/mqtt.md): read from JSON here, dataclasses everywhere else.

Unknown keys are ignored: a newer engine may say more. Missing or wrong ones raise BadMessageError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any

from . import values

SCHEMA_VERSION = 1
NORMAL = "normal"
"""The class that is no incident."""


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
    rules: tuple[str, ...] = ()
    """Classes that rules over people, things and zones find; none from engines without zones."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What an incident may be called, by the model or by a rule."""
        return tuple(dict.fromkeys(label for label in (*self.labels, *self.rules) if label != NORMAL))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EngineInfo:
        def read() -> EngineInfo:
            versions = data.get("versions") or {}
            storage = data.get("storage") or {}
            model = data.get("model") or {}
            return cls(
                uuid=values.text(data["uuid"]),
                epoch=values.text(data["epoch"]),
                instance=values.text(data["instance"]),
                version=values.text(data.get("version") or versions["engine"]),
                schema_version=int(data["schema_version"]),
                labels=tuple(values.text(label) for label in data["labels"]),
                cameras={values.identifier(one["id"]): values.text(one["name"]) for one in data["cameras"]},
                api_url=values.optional_text(data.get("api_url")),
                device=values.optional_text(data.get("device")),
                model=values.optional_text(model.get("name") or versions.get("model")),
                features=frozenset(values.text(one) for one in data.get("features") or ()),
                fallback=values.optional_text(data.get("fallback")),
                storage_used_bytes=values.total(storage.get("database_bytes"), storage.get("media_bytes")),
                storage_free_bytes=values.total(storage.get("free_bytes")),
                alerts_today=values.total(data.get("alerts_today")),
                gpu_load=values.optional_number(data.get("gpu_load")),
                problems=tuple(
                    Problem(
                        values.text(one["code"]),
                        values.optional_text(one.get("camera")),
                        values.text(one.get("detail", "")),
                    )
                    for one in data.get("problems") or ()
                ),
                mqtt_discovery=values.flag(data.get("mqtt_discovery", False)),
                rules=tuple(values.text(label) for label in data.get("rules") or ()),
            )

        return values.checked("info", read)


@dataclass(frozen=True, slots=True)
class ZoneState:
    """Who is in one zone of a camera now."""

    persons: int
    occupied: bool
    """By anything that the zone is about: a person, a car, …"""


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
    tamper: str | None = None
    """What was done to the camera: covered, sprayed, blinded, defocused, moved or frozen."""
    persons: int | None = None
    """In view; None where nobody looks."""
    zones: Mapping[str, ZoneState] = field(default_factory=dict)
    """By name; none where nobody looks."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CameraState:
        def read() -> CameraState:
            return cls(
                state=values.text(data["state"]),
                online=values.flag(data["online"]),
                active=values.flag(data["active"]),
                label=values.optional_text(data.get("label")),
                confidence=values.optional_number(data.get("confidence")),
                threshold=values.number(data["threshold"]),
                detection=values.flag(data["detection"]),
                privacy=values.flag(data["privacy"]),
                tampered=values.flag(data["tampered"]),
                snoozed_until=values.optional_time(data.get("snoozed_until")),
                fps=values.optional_number(data.get("fps")),
                latency_ms=values.optional_number(data.get("latency_ms")),
                model=values.optional_text(data.get("model")),
                updated_at=values.time(data["updated_at"]),
                mode=values.optional_text(data.get("mode")),
                false_alarm_budget=values.optional_number(data.get("false_alarm_budget")),
                tamper=values.optional_text(data.get("tamper")),
                persons=values.total(data.get("persons")),
                zones={
                    values.identifier(name): ZoneState(int(zone["persons"]), values.flag(zone["occupied"]))
                    for name, zone in (data.get("zones") or {}).items()
                },
            )

        return values.checked("camera state", read)


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
    zone: str | None = None
    """Where, of what happened in a zone or at a line."""
    rule: str | None = None
    """Which rule decided: intrusion, dwell, returns, …"""
    why: tuple[str, ...] = ()
    """What the decision rests on besides the score, as the engine calls it."""

    @property
    def things(self) -> frozenset[str]:
        """What the boxes are around: person, car, …"""
        return frozenset(str(box["label"]) for box in self.raw.get("boxes") or () if "label" in box)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Incident:
        def read() -> Incident:
            media = data["media"]
            return cls(
                incident_id=values.identifier(data["incident_id"]),
                camera=values.identifier(data["camera"]),
                source=values.text(data["source"]),
                label=values.text(data["label"]),
                confidence=values.number(data["confidence"]),
                severity=Severity[values.text(data["severity"]).upper()],
                notify=values.flag(data["notify"]),
                suppressed_by=values.optional_text(data.get("suppressed_by")),
                started_at=values.time(data["started_at"]),
                ended_at=values.optional_time(data.get("ended_at")),
                snapshot_rev=int(media["snapshot_rev"]) if media.get("snapshot") else 0,
                has_clip=bool(media.get("clip")),
                verdict=values.optional_text(data.get("verdict")),
                acknowledged=values.flag(data["acknowledged"]),
                hold=values.flag(data["hold"]),
                raw=dict(data),
                zone=values.optional_text(data.get("zone")),
                rule=values.optional_text(data.get("rule")),
                why=tuple(values.text(one["reason"]) for one in data.get("why") or ()),
            )

        return values.checked("incident", read)


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
                uuid=values.text(data["uuid"]),
                epoch=values.text(data["epoch"]),
                seq=int(data["seq"]),
                type=ChangeType(data["type"]),
                before=None if before is None else Incident.from_json(before),
                after=None if after is None else Incident.from_json(after),
                replayed=replayed,
            )

        return values.checked("incident message", read)


@dataclass(frozen=True, slots=True)
class Hello:
    """First words of a connection: everything as it is now. Over MQTT it is put together from retained messages."""

    info: EngineInfo
    cameras: Mapping[str, CameraState]
    seq: int | None
    """Newest event of the engine; None over MQTT."""
