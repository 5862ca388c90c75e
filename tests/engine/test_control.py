"""Owns the tests of what may be asked of the running engine, on a real store and a real configuration file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crime_detect_engine.activation import Activation
from crime_detect_engine.anomaly_watch import AnomalyWatch, anomaly_rules
from crime_detect_engine.anonymity import Anonymity
from crime_detect_engine.assembly import build_reporter
from crime_detect_engine.config import Config
from crime_detect_engine.config.editor import ConfigEditor
from crime_detect_engine.configuring import Configuring
from crime_detect_engine.control import Control
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor, IncidentQuery, ManualReport
from crime_detect_engine.domain.reporting import ReportFormat, ReportKind, ReportQuery
from crime_detect_engine.domain.types import CameraChanged, CameraState, CameraStatus, IncidentChanged, Verdict
from crime_detect_engine.models import Models
from crime_detect_engine.scene_watch import NOBODY_LOOKS
from crime_detect_engine.status import Identity, Status
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.store import Store
from crime_detect_engine.vision.anomaly import AnomalyOptions
from crime_detect_engine.writer import Writer, store_entry

from tests.fakes import plain_detector

ANNA = Actor("anna", "operator")
CONFIG = """\
# my house
timezone: Europe/Paris
cameras:
  yard:
    source: rtsp://u:p4ss@10.0.0.5/s   # the old one
    detection: {threshold: 0.8}
"""


@pytest.fixture
async def engine(tmp_path: Path, make_flow: Any, small_spec: Any) -> AsyncIterator[SimpleNamespace]:
    """Store, pipeline, status and control together, as the service puts them; one camera `yard`."""
    held: dict[str, Writer] = {}
    flow = make_flow(on_alert=lambda line, judge, alert: held["writer"].put(line, judge, alert))
    store = await Store.open(tmp_path / "data", flow.clock, reserve_bytes=0)
    anonymity = Anonymity(PrivacyOptions(), tmp_path)
    writer = held["writer"] = Writer(partial(store_entry, store, anonymity))
    writer.start()
    file = tmp_path / "crime_detect.yaml"
    file.write_text(CONFIG)
    editor = ConfigEditor(file, {})
    editor.load()
    status = Status(Identity("home", "cpu", [small_spec]), store, flow.pipeline, flow.workers, writer, flow.clock)

    async def apply(config: Config) -> None:
        flow.pipeline.set_config("yard", config.cameras["yard"])

    async def analyze(path: Path) -> dict[str, Any]:
        return {"path": str(path), "label": "normal"}

    async def send_test(_actor: Actor) -> dict[str, Any]:
        return {"sms:me": {"ok": True, "error": None}}

    configuring = Configuring(editor, apply, flow.pipeline, store.audit, flow.clock)
    reporter, public = build_reporter(store, flow.pipeline, editor.load, flow.clock)
    control = Control(
        store, flow.pipeline, status, flow.clock,
        anonymity=anonymity, configuring=configuring,
        activation=Activation(Models([]), configuring, flow.pipeline, store.audit, lambda: "default"),
        reporter=reporter, public=public,
        analyze_upload=analyze, send_test=send_test,
    )  # fmt: skip
    line = flow.add()
    yield SimpleNamespace(control=control, flow=flow, store=store, status=status, writer=writer, file=file, line=line)
    await flow.pipeline.stop()
    await writer.stop(5.0)
    await store.close()


async def test_who_is_in_view_is_told_while_it_may_be_seen(engine, monkeypatch):
    asked = []
    seen = {"track": 7, "label": "person", "box": [0.4, 0.3, 0.1, 0.5]}
    assert engine.control.objects("yard")["items"] == [], "nobody looks"
    engine.line.scene = SimpleNamespace(
        objects_json=lambda now_tick_s: asked.append(now_tick_s) or [seen],
        judges=(),
        view=lambda _: NOBODY_LOOKS,
        clear=lambda: None,
    )
    assert engine.control.objects("yard")["items"] == [seen]
    assert asked == [engine.flow.clock.tick_s()]
    with monkeypatch.context() as away:
        away.setattr(engine.line.capture, "status", lambda: CameraStatus("yard", CameraState.LOST))
        assert engine.control.objects("yard")["items"] == []
    await engine.control.set_privacy("yard", True, ANNA)
    assert engine.control.objects("yard")["items"] == []
    with pytest.raises(NotFoundError):
        engine.control.objects("nowhere")


async def test_a_snooze_holds_alerts_back_and_ends_by_itself(engine, until):
    await engine.control.snooze("yard", 1.0, None, ANNA)
    assert engine.control.camera("yard").state["snoozed_until"] is not None
    await engine.flow.feed(0.95, 32)
    assert not any(alert.notify for alert in engine.flow.alerts)
    assert engine.flow.alerts[-1].suppressed_by == "snooze"
    engine.flow.clock.advance(61.0)
    assert engine.control.camera("yard").state["snoozed_until"] is None
    await until(lambda: engine.flow.told()[-1] == "end")
    await engine.flow.feed(0.95, 32)
    assert engine.flow.alerts[-1].notify


async def test_a_snooze_of_one_class_leaves_the_others(engine):
    await engine.control.snooze("yard", 10, "fighting", ANNA)
    assert engine.line.arming(engine.flow.clock.now()).is_snoozed("fighting")
    assert not engine.line.arming(engine.flow.clock.now()).is_snoozed("fire")
    await engine.control.snooze("yard", 0, "fighting", ANNA)
    assert not engine.line.arming(engine.flow.clock.now()).is_snoozed("fighting")


@pytest.mark.parametrize("minutes", [-1.0, float("nan"), float("inf"), 50_000.0])
async def test_a_snooze_that_makes_no_sense_is_refused(engine, minutes):
    with pytest.raises(InvalidInputError):
        await engine.control.snooze("yard", minutes, None, ANNA)
    assert engine.line.runtime.snoozed_until is None


@pytest.mark.parametrize("label", ["normal", "fire", "<script>"])
async def test_a_snooze_of_a_class_that_the_model_does_not_know_is_refused(engine, label):
    with pytest.raises(InvalidInputError):
        await engine.control.snooze("yard", 5, label, ANNA)


async def test_a_threshold_is_written_to_the_file_and_rules_without_the_stream_being_rebuilt(engine, until):
    await until(lambda: engine.line.capture._source.connections == 1)
    await engine.control.set_threshold("yard", 0.65, ANNA)
    text = engine.file.read_text()
    assert text == CONFIG.replace("0.8", "0.65"), "comments and everything else stay"
    assert engine.control.camera("yard").state["threshold"] == 0.65
    assert engine.flow.pipeline.lines["yard"] is engine.line
    assert engine.line.capture._source.connections == 1
    events = await engine.store.events_since(0)
    assert [event.data["threshold"] for event in events if isinstance(event, CameraChanged)] == [0.65]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
async def test_a_threshold_outside_0_to_1_changes_nothing(engine, threshold):
    with pytest.raises(InvalidInputError):
        await engine.control.set_threshold("yard", threshold, ANNA)
    assert engine.file.read_text() == CONFIG


async def test_detection_off_stores_and_does_not_tell(engine):
    await engine.control.set_detection("yard", False, ANNA)
    await engine.flow.feed(0.95, 32)
    assert not any(alert.notify for alert in engine.flow.alerts)
    assert engine.control.camera("yard").state["detection"] is False
    assert (await engine.store.cameras.get("yard")).detection is False


# --- privacy ------------------------------------------------------------------------------------------------------


async def test_privacy_is_recorded_before_the_connection_is_closed(engine, monkeypatch):
    """A power cut between the two leaves a camera that stays private at the next start."""

    async def power_cut(_camera):
        assert (await engine.store.cameras.get("yard")).privacy
        raise asyncio.CancelledError

    monkeypatch.setattr(engine.flow.pipeline, "pause", power_cut)
    with pytest.raises(asyncio.CancelledError):
        await engine.control.set_privacy("yard", True, ANNA)


async def test_a_store_that_refuses_leaves_the_camera_private(engine, monkeypatch):
    async def refuse(*_):
        raise StoreError("the disk is full")

    await engine.flow.feed(0.1, 8)
    record = engine.store.cameras.set_privacy
    monkeypatch.setattr(engine.store.cameras, "set_privacy", refuse)
    with pytest.raises(StoreError):
        await engine.control.set_privacy("yard", True, ANNA)
    assert engine.control.live_picture("yard") is None
    assert engine.line.capture.status().state is CameraState.PAUSED
    with pytest.raises(StoreError):
        await engine.control.set_privacy("yard", False, ANNA)
    assert engine.line.capture.status().state is CameraState.PAUSED
    monkeypatch.setattr(engine.store.cameras, "set_privacy", record)
    await engine.control.set_privacy("yard", True, ANNA)
    assert (await engine.store.cameras.get("yard")).privacy, "asking again records it"


async def test_privacy_shows_no_picture_and_comes_back(engine, until):
    await engine.flow.feed(0.1, 8)
    assert engine.control.live_picture("yard") is not None
    await engine.control.set_privacy("yard", True, ANNA)
    assert engine.control.live_picture("yard") is None
    state = engine.control.camera("yard").state
    assert (state["state"], state["online"], state["privacy"]) == ("paused", False, True)
    await engine.control.set_privacy("yard", False, ANNA)
    await until(lambda: engine.line.capture.status().state is not CameraState.PAUSED)
    await engine.flow.feed(0.1, 8)
    assert engine.control.live_picture("yard") is not None


async def test_switching_on_and_off_at_once_ends_as_recorded(engine):
    await asyncio.gather(*(engine.control.set_privacy("yard", on, ANNA) for on in (True, False, True, False)))
    recorded = (await engine.store.cameras.get("yard")).privacy
    assert engine.line.runtime.privacy == recorded
    assert (engine.line.capture.status().state is CameraState.PAUSED) == recorded


# --- incidents ----------------------------------------------------------------------------------------------------


async def test_a_report_of_a_person_is_an_incident_and_told(engine):
    now = engine.flow.clock.now()
    report = ManualReport("yard", "vandalism", now - timedelta(minutes=5), now, "graffiti")
    incident = await engine.control.report(report, ANNA)
    assert (incident.label, str(incident.source), incident.notify) == ("vandalism", "manual", False)
    events = [event for event in await engine.store.events_since(0) if isinstance(event, IncidentChanged)]
    assert events[0].after.incident_id == incident.incident_id


@pytest.mark.parametrize(("camera", "label"), [("yard", "normal"), ("yard", "boredom"), ("nowhere", "fire")])
async def test_a_report_of_what_is_not_there_is_refused(engine, camera, label):
    now = engine.flow.clock.now()
    with pytest.raises((InvalidInputError, NotFoundError)):
        await engine.control.report(ManualReport(camera, label, now, None, None), ANNA)
    assert (await engine.control.incidents(IncidentQuery())).items == []


async def test_a_verdict_an_acknowledgement_and_a_hold_stay_with_the_incident(engine, until):
    await engine.flow.feed(0.95, 32)
    await until(lambda: engine.writer.written >= 2)
    (incident,) = (await engine.control.incidents(IncidentQuery())).items
    await engine.control.set_verdict(incident.incident_id, Verdict.FALSE_ALARM, ANNA)
    await engine.control.acknowledge(incident.incident_id, True, ANNA)
    await engine.control.hold(incident.incident_id, True, ANNA)
    found = await engine.control.incident(incident.incident_id)
    assert (found.verdict, found.acknowledged, found.hold) == (Verdict.FALSE_ALARM, True, True)
    with pytest.raises(InvalidInputError, match="hold"):
        await engine.control.delete(incident.incident_id, ANNA)


async def test_a_camera_that_is_not_there_is_said(engine):
    for ask in (
        engine.control.snooze("nowhere", 5, None, ANNA),
        engine.control.set_privacy("nowhere", True, ANNA),
        engine.control.set_detection("nowhere", True, ANNA),
        engine.control.set_threshold("nowhere", 0.5, ANNA),
    ):
        with pytest.raises(NotFoundError, match="nowhere"):
            await ask
    with pytest.raises(NotFoundError):
        engine.control.camera("nowhere")


async def test_what_is_shown_of_a_camera_has_no_password(engine):
    (view,) = engine.control.cameras()
    assert "10.0.0.5" in view.source
    assert "p4ss" not in repr(view)


async def test_a_test_alert_is_audited_and_uploads_keep_their_name(engine):
    assert (await engine.control.test_alert(ANNA))["sms:me"]["ok"]
    assert (await engine.control.analyze(Path("/tmp/x1.part"), "street.mp4"))["path"] == "street.mp4"


async def test_the_unusual_can_be_snoozed_and_what_a_person_confirms_of_it_is_not_learned(engine, until):
    with pytest.raises(InvalidInputError):
        await engine.control.snooze("yard", 10, "anomaly", ANNA)
    options = AnomalyOptions(enabled=True)
    watch = engine.line.anomaly = AnomalyWatch(options, anomaly_rules(options, engine.line.rules))
    watch.detector = plain_detector([0.05, 0.0], version="v3")
    await engine.flow.feed(0.05, 32)
    await engine.flow.feed(0.3, 32)
    await until(lambda: engine.writer.written)
    (incident,) = (await engine.control.incidents(IncidentQuery())).items
    assert (incident.source, incident.label, incident.severity.wire) == ("anomaly", "anomaly", "detection")
    assert (incident.model.name, incident.model.version, incident.notify) == ("anomaly", "v3", False)
    await engine.control.set_verdict(incident.incident_id, Verdict.FALSE_ALARM, ANNA)
    assert list(watch.take_confirmed()) == []
    await engine.control.set_verdict(incident.incident_id, Verdict.CONFIRMED, ANNA)
    ((start, end),) = watch.take_confirmed()
    assert start < incident.started_at < end
    await engine.control.snooze("yard", 10, "anomaly", ANNA)
    assert engine.line.arming(engine.flow.clock.now()).is_snoozed("anomaly")


async def test_a_view_that_somebody_accepts_is_not_tampered_with(engine):
    accepted = []
    engine.line.scene = SimpleNamespace(
        accept_view=lambda: accepted.append(True), judges=(), view=lambda _: NOBODY_LOOKS, clear=lambda: None
    )
    await engine.control.accept_view("yard", ANNA)
    assert accepted == [True]
    with pytest.raises(NotFoundError):
        await engine.control.accept_view("nowhere", ANNA)


async def test_a_report_names_the_cameras_that_are_watched(engine):
    query = ReportQuery(ReportKind.DAILY)
    report = json.loads((await engine.control.make_report(query, ReportFormat.JSON, ANNA)).data)
    assert [one["camera"] for one in report["by_camera"]] == ["yard"]
    chunks = await engine.control.export_incidents(IncidentQuery(), ReportFormat.JSON, ANNA)
    assert json.loads(b"".join([chunk async for chunk in chunks])) == {"items": [], "next_cursor": None}
