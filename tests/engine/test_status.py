"""Owns the tests of how the engine describes itself: told when it changes, honest about being blind, no secrets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine import background
from crime_detect_engine import status as status_module
from crime_detect_engine.domain.errors import BackendError, StoreError
from crime_detect_engine.domain.ports import Actor, CameraRuntime, ManualReport
from crime_detect_engine.domain.types import (
    Alert,
    CameraChanged,
    CameraState,
    CameraStatus,
    ChangeType,
    EngineChanged,
    Severity,
)
from crime_detect_engine.status import Identity, Status
from crime_detect_engine.store.store import Store
from crime_detect_engine.writer import Writer


@pytest.fixture
async def engine(tmp_path: Path, make_flow: Any, small_spec: Any, monkeypatch: Any) -> AsyncIterator[SimpleNamespace]:
    monkeypatch.setattr(status_module, "CHECK_EVERY_S", 0.01)
    flow = make_flow(device="cuda")
    store = await Store.open(tmp_path / "data", flow.clock, reserve_bytes=0)
    writer = Writer(lambda _entry: store.storage())
    identity = Identity("home", "cuda", [small_spec], warnings=("UTC is used",))
    status = Status(identity, store, flow.pipeline, flow.workers, writer, flow.clock)
    events: list[Any] = []
    store.subscribe(events.append)
    yield SimpleNamespace(flow=flow, store=store, writer=writer, status=status, events=events)
    await store.close()


@pytest.fixture
async def running(engine: SimpleNamespace) -> AsyncIterator[SimpleNamespace]:
    task = background.start(engine.status.run(), "status", engine.status.died)
    yield engine
    await background.end(task)


def camera_events(engine: SimpleNamespace) -> list[CameraChanged]:
    return [event for event in engine.events if isinstance(event, CameraChanged)]


def show(line: Any, state: CameraState) -> None:
    """The camera is in this state from now on."""
    line.capture.status = lambda: CameraStatus(line.id, state, fps=7.5)


async def test_a_change_is_told_at_once_and_sameness_once_a_minute(running, until):
    line = running.flow.add()
    show(line, CameraState.LIVE)
    await until(lambda: len(camera_events(running)) == 1)
    assert camera_events(running)[0].data["state"] == "live"
    running.flow.clock.advance(59.0)
    show(line, CameraState.LOST)
    await until(lambda: len(camera_events(running)) == 2)
    assert (camera_events(running)[1].data["state"], camera_events(running)[1].data["online"]) == ("lost", False)
    running.flow.clock.advance(59.0)
    running.flow.clock.advance(2.0)
    await until(lambda: len(camera_events(running)) == 3)
    assert camera_events(running)[2].data["state"] == "lost"


async def test_an_incident_is_told_as_active_with_its_class(running, until):
    line = running.flow.add()
    show(line, CameraState.LIVE)
    await running.flow.feed(0.95, 32)
    await until(lambda: camera_events(running) and camera_events(running)[-1].data["active"])
    data = camera_events(running)[-1].data
    assert (data["label"], data["online"], data["fps"]) == ("fighting", True, 7.5)
    assert data["confidence"] == pytest.approx(0.95, abs=0.01)


async def test_what_the_store_refused_is_told_later(running, until, monkeypatch, caplog):
    line = running.flow.add()
    show(line, CameraState.LIVE)
    await until(lambda: len(camera_events(running)) == 1)
    append, refused = running.store.append_camera_event, []

    async def refuse(*_):
        refused.append(1)
        raise StoreError("the disk is full")

    monkeypatch.setattr(running.store, "append_camera_event", refuse)
    show(line, CameraState.LOST)
    await until(lambda: len(refused) > 5)
    monkeypatch.setattr(running.store, "append_camera_event", append)
    await until(lambda: len(camera_events(running)) == 2)
    assert camera_events(running)[1].data["state"] == "lost"
    assert caplog.text.count("the disk is full") == 1, "said once, not twice a second"


async def test_a_camera_that_is_removed_stops_nothing(running, until):
    running.flow.add("yard")
    running.flow.add("gate")
    await until(lambda: len(camera_events(running)) == 2)
    await running.flow.pipeline.remove("yard")
    await running.status.tell_camera("yard")

    def cameras() -> list[str]:
        told = [event for event in running.events if isinstance(event, EngineChanged)]
        return [camera["id"] for camera in told[-1].data["cameras"]] if told else []

    await until(lambda: cameras() == ["gate"])


# --- health -------------------------------------------------------------------------------------------------------


async def test_an_engine_without_any_picture_is_blind_and_one_camera_away_is_only_said(engine):
    yard, gate = engine.flow.add("yard"), engine.flow.add("gate")
    show(yard, CameraState.LOST)
    show(gate, CameraState.LIVE)
    healthy, said = engine.status.health()
    assert healthy
    assert said["notes"] == ["1 of 2 cameras deliver no pictures"]
    show(gate, CameraState.LOST)
    healthy, said = engine.status.health()
    assert not healthy
    assert "blind" in said["reasons"][0]
    assert said["blind"]


async def test_a_private_camera_neither_blinds_nor_hides_blindness(engine):
    yard, gate = engine.flow.add("yard"), engine.flow.add("gate")
    yard.runtime = gate.runtime = CameraRuntime(privacy=True)
    show(yard, CameraState.PAUSED)
    assert engine.status.health()[0], "private is not broken"
    gate.runtime = CameraRuntime()
    show(gate, CameraState.LOST)
    assert not engine.status.health()[0], "the only camera that should be seen is away"


async def test_a_frozen_picture_is_said(engine):
    show(engine.flow.add(), CameraState.FROZEN)
    assert "does not change" in engine.status.health()[1]["notes"][0]


async def test_a_lost_gpu_is_seen_in_info_and_health(engine):
    show(engine.flow.add(), CameraState.LIVE)
    await engine.flow.feed(0.1, 8)
    engine.flow.classifiers[0].plan = [BackendError("CUDA error: device lost")]
    await engine.flow.feed(0.1, 1)
    healthy, said = engine.status.health()
    assert not healthy, "until frames are scored again"
    assert "device lost" in said["reasons"][0]
    await engine.flow.feed(0.1, 16)
    healthy, said = engine.status.health()
    assert healthy
    assert any("going on with the CPU" in note for note in said["notes"])
    assert "device lost" in engine.status.info()["fallback"]


async def test_a_refusing_store_is_unhealthy(engine):
    show(engine.flow.add(), CameraState.LIVE)
    engine.writer._refusal = "the disk is full"
    healthy, said = engine.status.health()
    assert not healthy
    assert said["reasons"] == ["store: the disk is full"]


async def test_a_part_that_ended_is_unhealthy_until_the_restart(engine):
    async def part() -> None:
        return

    task = background.start(part(), "retention", engine.status.died)
    await task
    assert not engine.status.health()[0]
    assert "retention has ended" in engine.status.health()[1]["reasons"][0]


async def test_no_camera_is_said(engine):
    assert engine.status.health() == (True, {"reasons": [], "notes": ["no camera is configured"], "blind": False})


# --- info -----------------------------------------------------------------------------------------------------------


async def test_info_is_complete_plain_json_without_secrets(engine):
    engine.flow.add()
    info = engine.status.info()
    assert {"uuid", "epoch", "versions", "labels", "cameras", "api_url", "device", "model", "fallback"} <= set(info)
    assert info["cameras"] == [{"id": "yard", "name": "Yard"}]
    assert info["warnings"] == ["UTC is used"]
    assert "p4ss" not in json.dumps(info)


async def test_figures_are_those_of_this_engine(running, until):
    show(running.flow.add("yard"), CameraState.LIVE)
    await until(lambda: "crime_detect_disk_free_bytes" in running.status.metrics())
    text = running.status.metrics()
    assert 'crime_detect_camera_online{camera="yard"} 1.0' in text
    assert "crime_detect_alerts_stored_total 0.0" in text
    assert "crime_detect_gpu_load_percent" not in text
    running.status.gpu_load = lambda: 40.0
    await until(lambda: "crime_detect_gpu_load_percent 40.0" in running.status.metrics())


# --- for programs -------------------------------------------------------------------------------------------------


def problems(engine) -> list[tuple[str, str | None]]:
    return [(one["code"], one["camera"]) for one in engine.status.info()["problems"]]


async def test_a_refused_login_is_a_problem_of_its_camera_until_it_is_mended(running, until):
    line = running.flow.add("yard")
    refused = CameraStatus("yard", CameraState.LOST, last_error="user name or password refused", unauthorized=True)
    line.capture.status = lambda: refused
    assert problems(running) == [("camera_credentials", "yard")]

    def told() -> list[Any]:
        events = [event for event in running.events if isinstance(event, EngineChanged)]
        return events[-1].data["problems"] if events else []

    await until(lambda: [one["code"] for one in told()] == ["camera_credentials"])
    show(line, CameraState.LIVE)
    await until(lambda: told() == [])


async def test_a_private_camera_has_no_login_to_mend(engine):
    line = engine.flow.add("yard", runtime=CameraRuntime(privacy=True))
    line.capture.status = lambda: CameraStatus("yard", CameraState.LOST, unauthorized=True)
    assert problems(engine) == []


async def test_a_gpu_that_was_asked_for_or_that_failed_is_a_problem(engine, small_spec):
    note = "no CUDA device was found; using openvino on cpu"
    for asked, found in (("cuda", [("gpu_absent", None)]), ("auto", []), ("cpu", [])):
        engine.status.identity = Identity("home", "cpu", [small_spec], note, asked=asked)
        assert problems(engine) == found, asked
    engine.status.identity = Identity("home", "cuda", [small_spec])
    show(engine.flow.add(), CameraState.LIVE)
    await engine.flow.feed(0.1, 8)
    engine.flow.classifiers[0].plan = [BackendError("CUDA error: device lost")]
    await engine.flow.feed(0.1, 1)
    assert problems(engine) == [("gpu_absent", None)]


async def test_little_space_is_a_problem_before_it_hurts(engine):
    for free, total, error, found in (
        (2 * 10**9, 10**12, None, []),
        (9 * 10**8, 10**12, None, [("storage_low", None)]),
        (9 * 10**8, 10**10, None, []),
        (4 * 10**8, 10**10, None, [("storage_low", None)]),
        (10**10, 10**12, "the media folder is missing", [("storage_low", None)]),
    ):
        engine.status._storage = {"free_bytes": free, "total_bytes": total, "error": error}
        assert problems(engine) == found, (free, total, error)


async def test_alerts_are_counted_from_the_midnight_of_the_place(engine, running, until, small_spec):
    for number, hours_ago in enumerate((1, 11, 14, 20)):
        at = running.flow.clock.now() - timedelta(hours=hours_ago)
        alert = Alert(
            f"01KDW{number:021}", "yard", ChangeType.NEW, "fighting", 0.9, 0.8, Severity.ALERT, True, None, at, at,
        )  # fmt: skip
        await running.store.write(alert, None)
    noon = running.flow.clock.now()
    await running.store.report(ManualReport("yard", "fire", noon, noon, None), Actor("anna", "operator"))
    running.status.identity = Identity("home", "cpu", [small_spec], zone=ZoneInfo("UTC"))
    await running.status._look_at_figures()
    assert running.status.info()["alerts_today"] == 2, "from 00:00 UTC, without what a person reported"
    running.status.identity = Identity("home", "cpu", [small_spec], zone=ZoneInfo("Pacific/Auckland"))
    await running.status._look_at_figures()
    assert running.status.info()["alerts_today"] == 1, "there it is one in the morning"


async def test_the_load_of_the_gpu_is_asked_now_and_then(running, until):
    running.status.gpu_load = lambda: 37.0
    await running.status._look_at_figures()
    assert running.status.info()["gpu_load"] == 37.0
