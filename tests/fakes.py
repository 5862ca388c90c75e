"""Owns the doubles that several parts' tests share; everything else is tested against the real thing."""

from __future__ import annotations

import asyncio
import itertools
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np
from aiohttp import web
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError, SourceError, StoreError
from crime_detect_engine.domain.ports import (
    Actor,
    CameraView,
    Delivery,
    EvidencePackage,
    IncidentQuery,
    ManualReport,
    Page,
    StoredMedia,
)
from crime_detect_engine.domain.reporting import CameraWord, ReportFile, ReportFormat, ReportQuery
from crime_detect_engine.domain.subjects import Erasure, SubjectExport, SubjectFinding, SubjectQuery, SubjectRecord
from crime_detect_engine.domain.types import (
    CameraChanged,
    ChangeType,
    Event,
    Frame,
    Image,
    Incident,
    IncidentChanged,
    IncidentSource,
    Location,
    ModelRef,
    ModelSpec,
    Picture,
    Severity,
    Vector,
    Verdict,
)
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.domain.wire import timestamp
from crime_detect_engine.keeping import changed, plan_json, rules_json
from crime_detect_engine.reporting import Reporter, ReportSite
from crime_detect_engine.store.media_key import MediaKey
from crime_detect_engine.store.planning import Deletion, Plan
from crime_detect_engine.store.retention import RetentionOptions
from crime_detect_engine.store.stored_file import StoredFile
from crime_detect_engine.vision.anomaly import AnomalyDetector

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class FakePicture:
    """A drawn scene: sky, ground and two figures whose distance depends on `step`."""

    def __init__(self, step: int = 0, width: int = 1280, height: int = 720) -> None:
        self.width, self.height, self._step = width, height, step

    def rgb(self, max_height: int | None = None) -> Image:
        image = np.zeros((self.height, self.width, 3), np.uint8)
        image[:] = np.linspace(70, 130, self.height, dtype=np.uint8)[:, None, None]
        image[self.height * 2 // 3 :] = (82, 88, 84)
        for side in (-1, 1):
            x = self.width // 2 + side * (60 + 30 * (self._step % 6))
            cv2.circle(image, (x, self.height // 2 - 40), 34, (188, 150, 130), -1, cv2.LINE_AA)
            cv2.rectangle(image, (x - 38, self.height // 2), (x + 38, self.height // 2 + 170), (60, 74, 120), -1)
        if max_height is not None and max_height < self.height:
            image = cv2.resize(image, (self.width * max_height // self.height, max_height))
        return image


@dataclass
class FakeEngine:
    """An `EngineControl` in memory. Actions are appended to `actions`; `clock_at` is the time it believes in."""

    folder: Path
    uuid: str = "0c4f1f9e-6f3e-4b6e-9a5e-000000000001"
    epoch: str = "epoch-1"
    demo: bool = False
    healthy: bool = True
    clock_at: datetime = NOON
    actions: list[tuple[Any, ...]] = field(default_factory=list)
    views: dict[str, CameraView] = field(default_factory=dict)
    pictures: dict[str, Picture | None] = field(default_factory=dict)
    stored: dict[str, Incident] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    analysis: Mapping[str, Any] = field(default_factory=dict)
    keeps: dict[str, Any] = field(
        default_factory=lambda: rules_json(RetentionOptions(per_class_s={"fighting": 90 * 86400.0}))
    )
    """The retention."""
    due: list[Deletion] = field(default_factory=list)
    """What retention would delete."""
    doubts: list[str] = field(default_factory=list)
    """Why clean-up waits."""
    offered: list[tuple[str, str]] = field(default_factory=lambda: [("frigate:shed", "Shed")])
    """Cameras of Frigate."""
    fixed: str | None = None
    """Why no camera can be changed."""
    active_model: str = "fights"
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """Who was not let in to an original."""
    serve_public: bool = False
    media_key: MediaKey | None = None
    """What opens sealed files in `folder`."""
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Who and what is in view, by camera, as `objects` answers it."""

    def __post_init__(self) -> None:
        self._listeners: list[Callable[[Event], None]] = []
        self._seq = itertools.count(1)
        self.put_camera("front_door", "Front door")
        self.put_camera("yard", "Yard")

    # what tests arrange

    def put_camera(self, camera: str, name: str, **state: Any) -> None:
        payload = {
            "schema_version": 1, "state": "live", "online": True, "active": False, "label": "normal",
            "confidence": 0.12, "threshold": 0.8, "detection": True, "privacy": False, "tampered": False,
            "tamper": None, "persons": None, "objects": {}, "zones": {}, "snoozed_until": None, "fps": 7.5,
            "latency_ms": 84.0, "model": "demo", "updated_at": timestamp(self.clock_at),
        } | state  # fmt: skip
        source = f"rtsp://10.0.0.5:554/{camera}"
        self.views[camera] = CameraView(camera, name, source, Location(52.1, 4.3), False, payload)
        self.pictures[camera] = FakePicture(len(self.views))

    def alter_camera(self, camera: str, **state: Any) -> None:
        view = self.views[camera]
        self.views[camera] = replace(view, state={**view.state, **state})
        self._emit(CameraChanged(next(self._seq), camera, self.views[camera].state, self.clock_at))

    def open_incident(self, camera: str = "front_door", label: str = "fighting", **fields: Any) -> Incident:
        started_at = fields.pop("started_at", self.clock_at)
        incident_id = ulid(started_at, camera, label, str(len(self.stored)))
        picture = self.folder / f"{incident_id}.jpg"
        picture.write_bytes(self.encode_jpeg(camera, FakePicture(len(self.stored))))
        incident = Incident(
            incident_id, camera, IncidentSource.MODEL, label, 0.93, 0.8, Severity.ALERT, True, None, started_at, None,
            ModelRef("demo", "1"), probabilities={"normal": 0.07, label: 0.93}, snapshot=picture.name, snapshot_rev=1,
            scores_summary={"count": 8, "max": 0.93, "mean": 0.81},
        )  # fmt: skip
        return self._change(replace(incident, **fields), ChangeType.NEW)

    def close_incident(self, incident: Incident, clip: bytes = b"") -> Incident:
        (self.folder / f"{incident.incident_id}.mp4").write_bytes(clip)
        ended_at = incident.started_at + timedelta(seconds=9)
        clip_name = f"{incident.incident_id}.mp4" if clip else None
        return self._change(replace(incident, ended_at=ended_at, clip=clip_name), ChangeType.END)

    def _change(self, after: Incident, kind: ChangeType = ChangeType.UPDATE) -> Incident:
        before = self.stored.get(after.incident_id)
        self.stored[after.incident_id] = after
        self._emit(IncidentChanged(next(self._seq), kind, before, after, self.clock_at))
        return after

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        for listener in tuple(self._listeners):
            listener(event)

    # EngineControl

    @property
    def keeping(self) -> FakeKeeping:
        return FakeKeeping(self)

    @property
    def originals(self) -> FakeOriginals:
        return FakeOriginals(self)

    @property
    def public(self) -> FakePublic:
        return FakePublic(self)

    @property
    def subjects(self) -> FakeSubjects:
        return FakeSubjects(self)

    def info(self) -> Mapping[str, Any]:
        model = {"name": "demo" if self.demo else "default", "version": "1", "labels": ["normal", "fighting"]}
        return {
            "uuid": self.uuid, "epoch": self.epoch, "version": "0.1.0", "labels": ["normal", "fighting"],
            "cameras": list(self.views), "api_url": None, "device": "cpu", "fallback": None,
            "model": {**model, "demo": self.demo}, "uptime_s": 42.0,
        }  # fmt: skip

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        return self.healthy, {"reasons": [] if self.healthy else ["front_door: no picture for 31 s"]}

    def cameras(self) -> Sequence[CameraView]:
        return list(self.views.values())

    def camera(self, camera: str) -> CameraView:
        if camera not in self.views:
            raise NotFoundError("No such camera.")
        return self.views[camera]

    def live_picture(self, camera: str) -> Picture | None:
        return None if self.camera(camera).state["privacy"] else self.pictures[camera]

    def objects(self, camera: str) -> Mapping[str, Any]:
        private = self.camera(camera).state["privacy"]
        return {"at": timestamp(self.clock_at), "items": [] if private else self.seen.get(camera, [])}

    def encode_jpeg(self, camera: str, picture: Picture, max_height: int = 720) -> bytes:
        return cv2.imencode(".jpg", cv2.cvtColor(picture.rgb(max_height), cv2.COLOR_RGB2BGR))[1].tobytes()

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def events_since(self, seq: int, limit: int = 1000) -> Sequence[Event]:
        return [event for event in self.events if event.seq > seq][:limit]

    async def sequence_range(self) -> tuple[int, int]:
        if not self.events:
            return 1, 0
        return self.events[0].seq, self.events[-1].seq

    async def incidents(self, query: IncidentQuery) -> Page:
        found = [incident for incident in self.stored.values() if _matches(incident, query)]
        found.sort(key=lambda incident: incident.incident_id, reverse=True)
        found = [incident for incident in found if query.cursor is None or incident.incident_id < query.cursor]
        more = len(found) > query.limit
        return Page(found[: query.limit], found[query.limit - 1].incident_id if more else None)

    async def incident(self, incident_id: str) -> Incident:
        if incident_id not in self.stored:
            raise NotFoundError(f"No incident {incident_id}.")
        return self.stored[incident_id]

    async def scores(self, incident_id: str) -> Sequence[Mapping[str, Any]]:
        incident = await self.incident(incident_id)
        values = [0.3, 0.55, 0.78, 0.86, 0.93, 0.91, 0.84, 0.7, 0.45, 0.2]
        return [
            {
                "at": timestamp(incident.started_at + timedelta(seconds=0.5 * i)),
                "probabilities": {"normal": round(1 - value, 2), incident.label: value},
            }
            for i, value in enumerate(values)
        ]

    async def media(self, incident: Incident, kind: str, actor: Actor | None = None) -> StoredMedia | None:
        name = incident.snapshot if kind == "snapshot" else incident.clip
        path = self.folder / name if name else None
        return StoredFile(path, self.media_key) if path is not None and path.is_file() else None

    async def evidence(self, incident_id: str, actor: Actor, *, originals: bool = False) -> EvidencePackage:
        self.actions.append(("evidence with originals" if originals else "evidence", incident_id, actor.name))
        path = self.folder / f"{len(self.actions)}.zip"
        path.write_bytes(b"PK evidence")
        return EvidencePackage(path, StoredFile(path), 11, "e" * 64, b"s" * 64, "k" * 64)

    async def evidence_signature(self, incident_id: str, sha256: str) -> bytes:
        if sha256 != "e" * 64:
            raise NotFoundError("no package of this incident with this digest was made here")
        return b"s" * 64

    async def evidence_key(self) -> bytes:
        return b"-----BEGIN PUBLIC KEY-----\n"

    async def make_report(self, query: ReportQuery, format_: ReportFormat, actor: Actor) -> ReportFile:
        return await self._reporter().make_report(query, format_, actor)

    async def export_incidents(
        self, query: IncidentQuery, format_: ReportFormat, actor: Actor, *, bom: bool = False
    ) -> AsyncIterator[bytes]:
        return await self._reporter().export_incidents(query, format_, actor, bom=bom)

    def _reporter(self) -> Reporter:
        site = ReportSite("home", ZoneInfo("Europe/Amsterdam"), lambda: {c.id: c.name for c in self.cameras()})
        return Reporter(FakeRecords(self), site, ManualClock(self.clock_at))

    async def set_verdict(self, incident_id: str, verdict: Verdict | None, actor: Actor) -> Incident:
        self.actions.append(("verdict", incident_id, verdict, actor.name))
        return self._change(replace(self.stored[incident_id], verdict=verdict))

    async def acknowledge(self, incident_id: str, acknowledged: bool, actor: Actor) -> Incident:
        self.actions.append(("acknowledge", incident_id, acknowledged, actor.name))
        return self._change(replace(self.stored[incident_id], acknowledged=acknowledged))

    async def hold(self, incident_id: str, hold: bool, actor: Actor) -> Incident:
        self.actions.append(("hold", incident_id, hold, actor.name))
        return self._change(replace(self.stored[incident_id], hold=hold))

    async def delete(self, incident_id: str, actor: Actor) -> None:
        self.actions.append(("delete", incident_id, actor.name))
        before = self.stored.pop(incident_id)
        self._emit(IncidentChanged(next(self._seq), ChangeType.DELETED, before, None, self.clock_at))

    async def report(self, report: ManualReport, actor: Actor) -> Incident:
        self.actions.append(("report", report, actor.name))
        return self.open_incident(
            report.camera, report.label, started_at=report.started_at, source=IncidentSource.MANUAL, model=None
        )

    async def snooze(self, camera: str, minutes: float, label: str | None, actor: Actor) -> None:
        self.actions.append(("snooze", camera, minutes, label, actor.name))
        until = timestamp(self.clock_at + timedelta(minutes=minutes)) if minutes else None
        self.alter_camera(camera, snoozed_until=until)

    async def accept_view(self, camera: str, actor: Actor) -> None:
        self.actions.append(("accept_view", camera, actor.name))
        self.alter_camera(camera, tampered=False, tamper=None)

    async def set_detection(self, camera: str, on: bool, actor: Actor) -> None:
        self.actions.append(("detection", camera, on, actor.name))
        self.alter_camera(camera, detection=on)

    async def set_privacy(self, camera: str, on: bool, actor: Actor) -> None:
        self.actions.append(("privacy", camera, on, actor.name))
        self.alter_camera(camera, privacy=on)

    async def set_threshold(self, camera: str, threshold: float, actor: Actor) -> None:
        self.actions.append(("threshold", camera, threshold, actor.name))
        self.alter_camera(camera, threshold=threshold)

    async def add_camera(self, camera: str | None, source: str, name: str | None, actor: Actor) -> CameraView:
        self.actions.append(("add_camera", camera, source, name, actor.name))
        added = camera or (name or "camera").lower().replace(" ", "_")
        self.put_camera(added, name or added)
        return self.views[added]

    async def remove_camera(self, camera: str, actor: Actor) -> None:
        self.actions.append(("remove_camera", camera, actor.name))
        del self.views[camera]

    async def change_camera(self, camera: str, changes: Mapping[str, Any], actor: Actor) -> None:
        self.actions.append(("change_camera", camera, dict(changes), actor.name))
        if "masks" in changes:
            settings = {**self.views[camera].settings, "masks": changes["masks"] or []}
            self.views[camera] = replace(self.views[camera], settings=settings, masked=bool(changes["masks"]))
        drawn = {key: changes[key] or {} for key in ("zones", "lines") if key in changes}
        if "blur_faces" in changes:
            drawn["blurring"] = {"faces": bool(changes["blur_faces"]), "persons": False}
        self.views[camera] = replace(self.views[camera], settings={**self.views[camera].settings, **drawn})

    def why_fixed(self, camera: str) -> str | None:
        return self.fixed

    async def try_source(self, source: str) -> bytes:
        if not source.startswith("rtsp://"):
            raise SourceError("connection refused; nothing listens there")
        return self.encode_jpeg("trial", FakePicture())

    def frigate_cameras(self) -> Sequence[tuple[str, str]]:
        return self.offered

    def retention(self) -> Mapping[str, Any]:
        return self.keeps

    async def set_retention(self, changes: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        self.actions.append(("retention", dict(changes), actor.name))
        self.keeps |= changes
        return self.keeps

    async def end_mqtt_discovery(self, actor: Actor) -> None:
        self.actions.append(("end_mqtt_discovery", actor.name))

    async def models(self) -> Sequence[Mapping[str, Any]]:
        return [
            {
                "name": name, "version": "1", "labels": ["normal", "fighting"], "active": name == self.active_model,
                "cameras": sorted(self.views) if name == self.active_model else [], "usable": True, "error": None,
                "demo": False, "metrics": {"accuracy": 0.9},
            }
            for name in ("fights", "mine")
        ]  # fmt: skip

    async def activate_model(self, name: str, actor: Actor) -> None:
        if name not in ("fights", "mine"):
            raise NotFoundError(f"no model {name!r}")
        self.actions.append(("activate_model", name, actor.name))
        self.active_model = name

    async def roll_back_model(self, name: str, actor: Actor) -> str:
        if name != self.active_model:
            raise InvalidInputError(f"{name} is not active", {"name": "not active"})
        self.actions.append(("roll_back_model", name, actor.name))
        self.active_model = "fights"
        return self.active_model

    async def analyze(self, path: Path, name: str) -> Mapping[str, Any]:
        if not path.read_bytes().startswith(b"video"):  # noqa: ASYNC240 - a few bytes
            raise SourceError(f"{name} is not a video.", permanent=True)
        return {"path": str(path), "model": "default", **self.analysis}

    async def test_alert(self, actor: Actor) -> Mapping[str, Any]:
        self.actions.append(("test_alert", actor.name))
        return {"sent": ["mqtt"]}

    def metrics(self) -> str:
        return "crime_detect_up 1\n"


class FakeKeeping:
    """A `Keeping` over a FakeEngine: nothing is due, and each file was made once."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    async def state(self) -> Mapping[str, Any]:
        archive = {"configured": False, "there": False, "error": None, "usage": {}, "bytes": 0, "on_their_way": 0}
        return {
            "rules": self._engine.retention(), "held_off": self._engine.doubts,
            "usage": {"front_door": {"snapshot": 1000}},
            "media_bytes": 1000, "media_quota": 20 * 10**9, "database_bytes": 4096, "free_bytes": 5 * 10**9,
            "total_bytes": 10**10, "error": None, "records": 1, "on_hold": 0, "to_be_deleted": 0, "archive": archive,
        }  # fmt: skip

    async def dry_run(self, rules: Mapping[str, Any], limit: int, offset: int) -> Mapping[str, Any]:
        options = changed(RetentionOptions(), rules)
        return plan_json(Plan(self._engine.due), options, self._engine.clock_at, limit, offset)

    async def confirm(self, actor: Actor) -> None:
        self._engine.actions.append(("retention_confirm", actor.name))
        self._engine.doubts.clear()

    async def files(self, incident_id: str) -> Mapping[str, Any]:
        at, path = timestamp(self._engine.clock_at), f"yard/2026-11-21/030000_fighting_{incident_id}.jpg"
        file = {"path": path, "kind": "snapshot", "bytes": 1000, "created_at": at, "archived": True}
        made = {"at": at, "action": "create", "path": path, "actor": "engine", "reason": None}
        return {"items": [{**file, "to_be_deleted": None}], "log": [{**made, "action": "archive"}, made]}


class FakeOriginals:
    """`Originals` over a FakeEngine: what a test put into its folder as ID.original.jpg or .mp4."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    def _file(self, incident_id: str, kind: str) -> Path:
        return self._engine.folder / f"{incident_id}.original.{'jpg' if kind == 'snapshot' else 'mp4'}"

    async def kinds(self, incident_id: str) -> frozenset[str]:
        return frozenset(kind for kind in ("snapshot", "clip") if self._file(incident_id, kind).exists())

    async def open(self, incident: Incident, kind: str, actor: Actor) -> StoredMedia | None:
        self._engine.actions.append(("original", incident.incident_id, kind, actor.name))
        path = self._file(incident.incident_id, kind)
        return StoredFile(path, self._engine.media_key) if path.exists() else None

    async def refuse(self, incident_id: str, kind: str, actor: Actor) -> None:
        self._engine.refused.append((incident_id, kind, actor.name))


class FakeRecords:
    """What reports read of a FakeEngine: nobody acknowledged anything, and nothing is known of cameras' states."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    async def incidents(self, query: IncidentQuery) -> Page:
        return await self._engine.incidents(query)

    async def acknowledged(self, start: datetime) -> Mapping[str, datetime]:
        return {}

    async def camera_words(self, start: datetime, end: datetime, after_seq: int) -> Sequence[CameraWord]:
        return []

    async def snapshot(self, incident: Incident, reader: str) -> StoredMedia | None:
        return await self._engine.media(incident, "snapshot")

    async def storage(self) -> Mapping[str, Any]:
        media = {camera: {"snapshot": 1000} for camera in self._engine.views}
        return {"media": media, "media_quota": 20 * 10**9, "free_bytes": 5 * 10**9}

    def keeps(self) -> RetentionOptions:
        return RetentionOptions()

    async def audit(self, actor: Actor, action: str, target: str, details: Mapping[str, Any]) -> None:
        self._engine.actions.append((action, target, dict(details), actor.name))


def _matches(incident: Incident, query: IncidentQuery) -> bool:
    wanted = (
        (query.camera, incident.camera),
        (query.label, incident.label),
        (query.severity, incident.severity),
        (query.verdict, incident.verdict),
    )
    return (
        all(want is None or want == have for want, have in wanted)
        and (query.cameras is None or incident.camera in query.cameras)
        and (query.start is None or incident.started_at >= query.start)
        and (query.end is None or incident.started_at < query.end)
        and incident.confidence >= (query.min_confidence or 0)
        and (query.text is None or query.text in f"{incident.camera} {incident.label} {incident.note or ''}")
    )


# --- outputs ------------------------------------------------------------------------------------------------------


@dataclass
class MemoryOutbox:
    """An `OutboxStore` in memory, with the order of the real one: nothing overtakes within a recipient."""

    clock_now: Callable[[], datetime]
    events: dict[int, IncidentChanged] = field(default_factory=dict)
    rows: dict[int, Delivery] = field(default_factory=dict)
    state: dict[int, str] = field(default_factory=dict)
    retry_at: dict[int, datetime] = field(default_factory=dict)
    snapshots: dict[str, bytes] = field(default_factory=dict)
    failing: bool = False
    """True: every call is refused, as by a locked database."""

    def add(self, event: IncidentChanged, channel: str, recipient: str) -> Delivery:
        self.events[event.seq] = event
        known = event.after or event.before
        delivery = Delivery(
            len(self.rows) + 1, channel, recipient, event.seq, known.incident_id if known else None,
            self.clock_now(), 0, None, None,
        )  # fmt: skip
        self.rows[delivery.id], self.state[delivery.id] = delivery, "pending"
        return delivery

    def _usable(self) -> None:
        if self.failing:
            raise StoreError("the database is locked")

    async def due(self, channel: str, now: datetime, limit: int = 50) -> Sequence[Delivery]:
        self._usable()
        heads: dict[str, Delivery] = {}
        for row in self.rows.values():
            if row.channel == channel and self.state[row.id] in ("pending", "sending"):
                heads.setdefault(row.recipient, row)
        ready = [
            row for row in heads.values() if self.state[row.id] == "sending" or self.retry_at.get(row.id, now) <= now
        ]
        return [replace(row, receipt="maybe") if self.state[row.id] == "sending" else row for row in ready][:limit]

    async def mark_sending(self, delivery_id: int) -> None:
        self._usable()
        self.state[delivery_id] = "sending"

    async def mark_sent(self, delivery_id: int, receipt: str | None, at: datetime) -> None:
        self._usable()
        self.state[delivery_id] = "sent"
        self.rows[delivery_id] = replace(self.rows[delivery_id], receipt=receipt, last_error=None)

    async def mark_failed(
        self, delivery_id: int, error: str, retry_at: datetime | None, *, ambiguous: bool = False
    ) -> None:
        self._usable()
        row = self.rows[delivery_id]
        self.rows[delivery_id] = replace(
            row, attempts=row.attempts + 1, last_error=error, receipt="maybe" if ambiguous else None
        )
        self.state[delivery_id] = "failed" if retry_at is None else "pending"
        if retry_at is not None:
            self.retry_at[delivery_id] = retry_at

    async def event(self, seq: int) -> IncidentChanged | None:
        self._usable()
        return self.events.get(seq)

    async def snapshot_jpeg(self, incident_id: str) -> bytes | None:
        return self.snapshots.get(incident_id)

    async def pending_counts(self) -> Mapping[str, int]:
        waiting = [self.rows[i].channel for i, state in self.state.items() if state in ("pending", "sending")]
        return {channel: waiting.count(channel) for channel in set(waiting)}


class TwilioServer:
    """Twilio's messages resource: POST and list. `plan`: what becomes of the next POSTs; without one they are accepted.

    `accept`, `invalid` (21211), `unauthorized` (401), `too_many` (429), `error` (500), `hang` (no answer, not taken
    over), `accept_hang` (taken over, no answer), `accept_error` (taken over, 500).
    """

    sid, token = "AC" + "0" * 32, "secret-token"

    def __init__(self) -> None:
        self.plan: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.posts = 0
        self.lists = 0
        self._released = asyncio.Event()

    async def __aenter__(self) -> TwilioServer:
        app = web.Application()
        path = f"/2010-04-01/Accounts/{self.sid}/Messages.json"
        app.router.add_post(path, self._post)
        app.router.add_get(path, self._list)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._released.set()
        await self._runner.cleanup()

    def _refuse(self, status: int, code: int, message: str, **headers: str) -> web.Response:
        body = {
            "code": code,
            "message": message,
            "status": status,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
        }
        return web.json_response(body, status=status, headers=headers)

    def _known(self, request: web.Request) -> bool:
        credentials = b64encode(f"{self.sid}:{self.token}".encode()).decode()
        return request.headers.get("Authorization") == f"Basic {credentials}"

    async def _post(self, request: web.Request) -> web.Response:
        self.posts += 1
        form = await request.post()
        todo = self.plan.pop(0) if self.plan else "accept"
        if todo == "unauthorized" or not self._known(request):
            return self._refuse(401, 20003, "Authenticate")
        if todo == "invalid":
            return self._refuse(400, 21211, f"Invalid 'To' Phone Number: {form['To']}")
        if todo == "too_many":
            return self._refuse(429, 20429, "Too many requests", **{"Retry-After": "7"})
        if todo in ("error", "hang"):
            if todo == "hang":
                await self._released.wait()
            return self._refuse(500, 20500, "Internal server error")
        message = self._take_over(form)
        if todo == "accept_hang":
            await self._released.wait()
        return self._refuse(500, 20500, "oops") if todo == "accept_error" else web.json_response(message, status=201)

    def _take_over(self, form: Mapping[str, Any]) -> dict[str, Any]:
        message = {
            "sid": f"SM{len(self.messages):032x}", "to": form["To"], "from": form.get("From"), "body": form["Body"],
            "status": "queued", "direction": "outbound-api", "date_sent": None, "num_media": "0", "error_code": None,
            "date_created": format_datetime(datetime.now(UTC)), "account_sid": self.sid,
        }  # fmt: skip
        self.messages.append(message)
        return message

    async def _list(self, request: web.Request) -> web.Response:
        self.lists += 1
        if not self._known(request):
            return self._refuse(401, 20003, "Authenticate")
        found = [message for message in reversed(self.messages) if message["to"] == request.query.get("To")]
        return web.json_response({"messages": found, "next_page_uri": None, "page": 0, "page_size": 50})


class FakePublic:
    """The summary for everybody, which `serve_public` of the engine gives to them."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    def served(self) -> bool:
        return self._engine.serve_public

    async def make(self, month: date | None, format_: ReportFormat, *, over: bool = False) -> ReportFile:
        types = {ReportFormat.JSON: "application/json", ReportFormat.CSV: "text/csv", ReportFormat.HTML: "text/html"}
        return ReportFile(f"public.{format_}", types[format_], f'{{"month": "{month}"}}'.encode())


class FakeSubjects:
    """Everything of the stored incidents is kept and nothing is on hold; what is asked is an action."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    def _finding(self, query: SubjectQuery) -> SubjectFinding:
        found = [
            SubjectRecord(one.incident_id, one.camera, one.label, one.started_at, one.ended_at, one.hold, 2, 1000)
            for one in self._engine.stored.values()
            if query.start <= one.started_at <= query.end and (query.cameras is None or one.camera in query.cameras)
        ]
        return SubjectFinding(found, f"confirm-{len(found)}")

    async def find(self, query: SubjectQuery, actor: Actor) -> SubjectFinding:
        self._engine.actions.append(("subject_find", query, actor.name))
        return self._finding(query)

    async def export(self, query: SubjectQuery, actor: Actor) -> SubjectExport:
        self._engine.actions.append(("subject_export", query, actor.name))
        path = self._engine.folder / "kept.zip"
        path.write_bytes(b"PK kept")
        return SubjectExport(path, StoredFile(path), 7, len(self._finding(query).records))

    async def erase(self, query: SubjectQuery, confirm: str, reason: str, actor: Actor) -> Erasure:
        found = self._finding(query)
        if confirm != found.confirm:
            raise InvalidInputError("look again")
        self._engine.actions.append(("subject_erase", query, reason, actor.name))
        gone = [one for one in found.records if one.spared is None]
        for one in gone:
            del self._engine.stored[one.incident_id]
        return Erasure(len(gone), 2 * len(gone), 1000 * len(gone), [one for one in found.records if one.spared])


class WebhookServer:
    """Keeps every POST as (headers, body). `statuses`: the next answers; without one 204. `hang`: never answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[Mapping[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.hang = False
        self._released = asyncio.Event()

    async def __aenter__(self) -> WebhookServer:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._post)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self.port}/alert"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._released.set()
        await self._runner.cleanup()

    async def _post(self, request: web.Request) -> web.Response:
        self.requests.append((request.headers.copy(), await request.read()))
        if self.hang:
            await self._released.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        headers = {"Location": self.url} if 300 <= status < 400 else {"Retry-After": "9"} if status == 429 else {}
        return web.Response(status=status, headers=headers)


# --- pipeline -----------------------------------------------------------------------------------------------------


def told_frame(camera: str, tick_s: float, probability: float, *, cut: bool = False, seq: int = 0) -> Frame:
    """A frame that tells a `ScriptedClassifier` how probable a fight is."""
    image = np.full((4, 4, 3), round(probability * 100), np.uint8)
    at = NOON + timedelta(seconds=tick_s)
    return Frame(camera, seq, at, tick_s, image, None if cut else image, FakePicture(seq, 64, 36), True, cut)


class ScriptedClassifier:
    """A Classifier that reads the probability of a fight off the newest picture (`told_frame`).

    `plan`: what happens to the next calls of `features`; an error is raised, a function is called first.
    """

    def __init__(self, spec: ModelSpec, device: str = "cpu") -> None:
        self.spec = spec
        self.device = device
        self.plan: list[Exception | Callable[[], object]] = []
        self.batches: list[list[Frame]] = []

    def features(self, frames: Sequence[Frame]) -> Sequence[Vector | None]:
        self.batches.append(list(frames))
        todo = self.plan.pop(0) if self.plan else None
        if isinstance(todo, Exception):
            raise todo
        if todo is not None:
            todo()
        return [None if one.previous is None else one.image[0, 0, :1].astype(np.float32) / 100 for one in frames]

    def probabilities(self, windows: Sequence[Any]) -> Sequence[Mapping[str, float]]:
        return [{"normal": 1 - float(window[-1, 0]), "fighting": float(window[-1, 0])} for window in windows]


class IdleSource:
    """A connected camera that sends nothing until it is told to end; counts its connections."""

    live = True

    def __init__(self) -> None:
        self.connections = 0
        self._ended = threading.Event()

    def frames(self, on_packet: Any = None) -> Iterator[Any]:
        self.connections += 1
        self._ended.clear()
        self._ended.wait()
        yield from ()

    def interrupt(self) -> None:
        self._ended.set()


def plain_detector(normal: Vector, version: str = "20261121T030000", key: str = "") -> AnomalyDetector:
    """Knows one normal description of a window [W]: half a unit away from it nothing is usual any more."""
    width = len(normal)
    return AnomalyDetector(
        centre=np.asarray(normal, np.float32),
        components=np.eye(width, dtype=np.float32) * 10,
        vectors=np.zeros((1, width), np.float32),
        weights=np.ones(1, np.float32),
        gamma=0.5,
        layers=(np.zeros((width, width), np.float32), np.zeros(width, np.float32)),
        middle=np.array([-1, 0], np.float32),
        spread=np.ones(2, np.float32),
        knots=np.linspace(-21, 0, 96, dtype=np.float32),
        tail=0.2,
        version=version,
        key=key,
    )
