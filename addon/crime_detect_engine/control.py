"""Owns what may be asked of the running engine: `EngineControl` over pipeline, store, configuration and outputs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from .activation import Activation
from .anonymity import Anonymity
from .configuring import Configuring, settings_json
from .domain.clock import Clock
from .domain.errors import InvalidInputError, NotFoundError
from .domain.ports import Actor, CameraView, EvidencePackage, IncidentQuery, ManualReport, Page, StoredMedia
from .domain.reporting import ReportFile, ReportFormat, ReportQuery
from .domain.types import (
    ANOMALY,
    RULE_CLASSES,
    VOCABULARY,
    CameraState,
    Event,
    Incident,
    IncidentSource,
    Picture,
    Severity,
    Verdict,
)
from .domain.wire import timestamp
from .keeping import Keeping
from .line import Line
from .pipeline import Pipeline
from .public_summary import PublicSummaries
from .reporting import Reporter
from .sources.address import redact
from .status import Status
from .store.pictures import encode_jpeg
from .store.store import Store
from .subject_rights import SubjectDesk

MAX_SNOOZE_MINUTES = 60 * 24 * 31


class Control:
    """See `domain.ports.EngineControl`. `anonymity` hides people in every picture that leaves; `configuring` edits the
    configuration file and puts it in force, `activation` its model; `reporter` and `public` make reports;
    `analyze_upload` runs one file; `send_test` tries all channels."""

    def __init__(
        self,
        store: Store,
        pipeline: Pipeline,
        status: Status,
        clock: Clock,
        *,
        anonymity: Anonymity,
        configuring: Configuring,
        activation: Activation,
        reporter: Reporter,
        public: PublicSummaries,
        analyze_upload: Callable[[Path], Awaitable[Mapping[str, Any]]],
        send_test: Callable[[Actor], Awaitable[Mapping[str, Any]]],
    ) -> None:
        self._store = store
        self._pipeline = pipeline
        self._status = status
        self._clock = clock
        self._anonymity = anonymity
        self._configuring = configuring
        self._activation = activation
        self._reporter = reporter
        self.public = public
        self._analyze_upload = analyze_upload
        self._send_test = send_test
        self._switching = asyncio.Lock()
        self.subjects = SubjectDesk(store, clock, pipeline.lines)
        self.keeping = Keeping(store, clock)
        self.originals = store.originals
        self.uuid = store.uuid
        self.epoch = store.epoch

    # --- how things are ----------------------------------------------------------------------------------------

    def info(self) -> Mapping[str, Any]:
        return self._status.info()

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        return self._status.health()

    def metrics(self) -> str:
        return self._status.metrics()

    def cameras(self) -> Sequence[CameraView]:
        return [self._view(line) for line in self._pipeline.lines.values()]

    def camera(self, camera: str) -> CameraView:
        return self._view(self._line(camera))

    def live_picture(self, camera: str) -> Picture | None:
        line = self._line(camera)
        return None if _blind(line) else line.recorder.newest()

    def objects(self, camera: str) -> Mapping[str, Any]:
        line, now = self._line(camera), self._clock.now()
        items = () if line.scene is None or _blind(line) else line.scene.objects_json(self._clock.tick_s())
        return {"at": timestamp(now), "items": list(items)}

    def encode_jpeg(self, camera: str, picture: Picture, max_height: int = 720) -> bytes:
        blur = self._anonymity.of(self._line(camera).config)
        return encode_jpeg(self._anonymity.hide(picture.rgb(max_height), blur))

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        return self._store.subscribe(listener)

    async def events_since(self, seq: int, limit: int = 1000) -> Sequence[Event]:
        return await self._store.events_since(seq, limit)

    async def sequence_range(self) -> tuple[int, int]:
        return await self._store.sequence_range()

    # --- incidents ---------------------------------------------------------------------------------------------

    async def incidents(self, query: IncidentQuery) -> Page:
        return await self._store.incidents(query)

    async def incident(self, incident_id: str) -> Incident:
        return await self._store.incident(incident_id)

    async def scores(self, incident_id: str) -> Sequence[Mapping[str, Any]]:
        return await self._store.scores(incident_id)

    async def media(self, incident: Incident, kind: str, actor: Actor | None = None) -> StoredMedia | None:
        if actor is None:
            return await self._store.media(incident, kind)
        return await self._store.media(incident, kind, actor.name[:64])

    async def evidence(self, incident_id: str, actor: Actor, *, originals: bool = False) -> EvidencePackage:
        return await self._store.evidence.make(incident_id, actor, originals=originals)

    async def evidence_signature(self, incident_id: str, sha256: str) -> bytes:
        return await self._store.evidence.signature(incident_id, sha256)

    async def evidence_key(self) -> bytes:
        return (await self._store.evidence.key()).public.pem

    async def set_verdict(self, incident_id: str, verdict: Verdict | None, actor: Actor) -> Incident:
        incident = await self._store.set_verdict(incident_id, verdict, actor)
        line = self._pipeline.lines.get(incident.camera)
        if verdict is Verdict.CONFIRMED and line is not None and line.anomaly is not None:
            line.anomaly.confirm(incident.started_at, incident.ended_at or self._clock.now())
        return incident

    async def acknowledge(self, incident_id: str, acknowledged: bool, actor: Actor) -> Incident:
        return await self._store.acknowledge(incident_id, acknowledged, actor)

    async def hold(self, incident_id: str, hold: bool, actor: Actor) -> Incident:
        return await self._store.hold(incident_id, hold, actor)

    async def delete(self, incident_id: str, actor: Actor) -> None:
        await self._store.delete(incident_id, actor)

    async def report(self, report: ManualReport, actor: Actor) -> Incident:
        line = self._line(report.camera)
        if report.label not in VOCABULARY[1:]:
            allowed = ", ".join(VOCABULARY[1:])
            raise InvalidInputError(f"no such class; allowed are {allowed}", {"label": f"one of {allowed}"})
        return await self._store.report(report, actor, line.config.location)

    async def make_report(self, query: ReportQuery, format_: ReportFormat, actor: Actor) -> ReportFile:
        return await self._reporter.make_report(query, format_, actor)

    async def export_incidents(
        self, query: IncidentQuery, format_: ReportFormat, actor: Actor, *, bom: bool = False
    ) -> AsyncIterator[bytes]:
        return await self._reporter.export_incidents(query, format_, actor, bom=bom)

    # --- switches ----------------------------------------------------------------------------------------------

    async def snooze(self, camera: str, minutes: float, label: str | None, actor: Actor) -> None:
        line = self._line(camera)
        if not 0 <= minutes <= MAX_SNOOZE_MINUTES:
            raise InvalidInputError("a snooze lasts up to 31 days", {"minutes": f"0 to {MAX_SNOOZE_MINUTES}"})
        known = (*line.spec.labels[1:], *RULE_CLASSES, *((ANOMALY,) if line.anomaly else ()))
        if label is not None and label not in known:
            raise InvalidInputError(f"the model of this camera does not know {label!r}", {"label": "not a class"})
        until = self._clock.now() + timedelta(minutes=minutes) if minutes else None
        line.runtime = await self._store.cameras.snooze(camera, until, label, actor)
        await self._status.tell_camera(camera)

    async def accept_view(self, camera: str, actor: Actor) -> None:
        line = self._line(camera)
        if line.scene is not None:
            line.scene.accept_view()
        await self._store.audit.append(actor, "accept_view", camera, {})
        await self._status.tell_camera(camera)

    async def set_detection(self, camera: str, on: bool, actor: Actor) -> None:
        line = self._line(camera)
        line.runtime = await self._store.cameras.set_detection(camera, on, actor)
        await self._status.tell_camera(camera)

    async def set_privacy(self, camera: str, on: bool, actor: Actor) -> None:
        line = self._line(camera)
        async with self._switching:
            if not on and not line.runtime.privacy:
                return
            # On in memory, then in the record, then the connection is closed; off in the record first: a crash in
            # between, or a store that refuses, leaves the camera private.
            line.runtime = replace(line.runtime, privacy=True)
            try:
                line.runtime = await self._store.cameras.set_privacy(camera, on, actor)
            finally:
                if line.runtime.privacy:
                    await self._pipeline.pause(camera)
            if not on:
                self._pipeline.resume(camera)
        await self._status.tell_camera(camera)

    async def set_threshold(self, camera: str, threshold: float, actor: Actor) -> None:
        self._line(camera)
        if not 0.0 < threshold <= 1.0:
            raise InvalidInputError("a threshold lies above 0 and up to 1", {"threshold": "above 0, up to 1"})
        await self._configuring.set_threshold(camera, threshold)
        await self._store.audit.append(actor, "threshold", camera, {"threshold": threshold})
        await self._status.tell_camera(camera)

    # --- set-up ------------------------------------------------------------------------------------------------

    async def add_camera(self, camera: str | None, source: str, name: str | None, actor: Actor) -> CameraView:
        return self.camera(await self._configuring.add_camera(camera, source, name, actor))

    async def remove_camera(self, camera: str, actor: Actor) -> None:
        await self._configuring.remove_camera(camera, actor)

    async def change_camera(self, camera: str, changes: Mapping[str, Any], actor: Actor) -> None:
        await self._configuring.change_camera(camera, changes, actor)
        await self._status.tell_camera(camera)

    def why_fixed(self, camera: str) -> str | None:
        return self._configuring.why_fixed(camera)

    async def try_source(self, source: str) -> bytes:
        image = await self._configuring.try_source(source)
        blur = self._anonymity.of(None)
        for line in self._pipeline.lines.values():
            if line.config.source == source:
                blur = blur.joined(self._anonymity.of(line.config))
        return await asyncio.to_thread(lambda: encode_jpeg(self._anonymity.hide(image, blur)))

    def frigate_cameras(self) -> Sequence[tuple[str, str]]:
        return self._configuring.frigate_cameras()

    def retention(self) -> Mapping[str, Any]:
        return self._configuring.retention()

    async def set_retention(self, changes: Mapping[str, Any], actor: Actor) -> Mapping[str, Any]:
        return await self._configuring.set_retention(changes, actor)

    async def end_mqtt_discovery(self, actor: Actor) -> None:
        await self._configuring.end_mqtt_discovery(actor)

    # --- models ------------------------------------------------------------------------------------------------

    async def models(self) -> Sequence[Mapping[str, Any]]:
        return await self._activation.list()

    async def activate_model(self, name: str, actor: Actor) -> None:
        await self._activation.activate(name, actor)

    async def roll_back_model(self, name: str, actor: Actor) -> str:
        return await self._activation.roll_back(name, actor)

    # --- jobs --------------------------------------------------------------------------------------------------

    async def analyze(self, path: Path, name: str) -> Mapping[str, Any]:
        answer = await self._analyze_upload(path)
        return {**answer, "path": name}

    async def test_alert(self, actor: Actor) -> Mapping[str, Any]:
        await self._store.audit.append(actor, "test_alert", "alerts", {})
        return await self._send_test(actor)

    def _line(self, camera: str) -> Line:
        line = self._pipeline.lines.get(camera)
        if line is None:
            raise NotFoundError(f"no camera {camera[:40]!r}")
        return line

    def _view(self, line: Line) -> CameraView:
        config = line.config
        state = line.view(self._clock.now(), self._clock.tick_s())
        status = line.capture.status()
        problem = status.last_error if status.state in (CameraState.LOST, CameraState.FROZEN) else None
        address, masked = redact(config.source), bool(config.masks)
        settings = {**settings_json(config), "blurring": self._anonymity.of(config)._asdict()}
        return CameraView(line.id, config.name, address, config.location, masked, state, problem, settings)


def _blind(line: Line) -> bool:
    """Whether nothing is shown: the last that was seen of a camera that is away would look as if it were now."""
    return line.runtime.privacy or line.capture.status().state is CameraState.LOST


def test_incident(clock: Clock, labels: Sequence[str]) -> Incident:
    """What a test alert talks about; stored nowhere."""
    now = clock.now()
    return Incident(
        incident_id="0" * 26,
        camera="test",
        source=IncidentSource.MANUAL,
        label=labels[1] if len(labels) > 1 else "fighting",
        confidence=1.0,
        threshold=0.8,
        severity=Severity.ALERT,
        notify=True,
        suppressed_by=None,
        started_at=now,
        ended_at=now,
        model=None,
    )
