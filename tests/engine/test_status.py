"""Owns the tests of how the engine describes itself: told when it changes, honest about being blind, no secrets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crime_detect_engine import background
from crime_detect_engine import status as status_module
from crime_detect_engine.domain.errors import BackendError, StoreError
from crime_detect_engine.domain.ports import CameraRuntime
from crime_detect_engine.domain.types import CameraChanged, CameraState, CameraStatus, EngineChanged
from crime_detect_engine.status import Identity, Status
from crime_detect_engine.store.store import Store
from crime_detect_engine.writer import Writer
from prometheus_client.parser import text_string_to_metric_families


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


# --- figures ------------------------------------------------------------------------------------------------------


async def test_figures_can_be_read_by_prometheus_and_carry_no_secret(engine):
    line = engine.flow.add("yard", name='Yard "p4ss" \\ \n')
    show(line, CameraState.LIVE)
    await engine.flow.feed(0.1, 8)
    engine.flow.classifiers[0].plan = [BackendError("lost")]
    await engine.flow.feed(0.1, 1)
    text = engine.status.metrics()
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["crime_detect_camera_online", "yard"] == 1.0
    assert samples["crime_detect_frames_sampled_total", "yard"] == 9.0
    assert samples["crime_detect_frames_scored_total", "yard"] == 8.0
    assert samples["crime_detect_frames_dropped_total", "failed_run", "yard"] == 1.0
    assert samples["crime_detect_inference_failures_total",] == 1.0
    assert "p4ss" not in text
    assert "10.0.0.5" not in text


async def test_an_unknown_delay_is_left_out_instead_of_zero(engine):
    show(engine.flow.add(), CameraState.LIVE)
    assert not [line for line in engine.status.metrics().splitlines() if line.startswith("crime_detect_latency_p95")]


async def test_info_is_complete_plain_json_without_secrets(engine):
    engine.flow.add()
    info = engine.status.info()
    assert {"uuid", "epoch", "versions", "labels", "cameras", "api_url", "device", "model", "fallback"} <= set(info)
    assert info["cameras"] == [{"id": "yard", "name": "Yard"}]
    assert info["warnings"] == ["UTC is used"]
    assert "p4ss" not in json.dumps(info)
