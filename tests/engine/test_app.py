"""Owns the tests of the whole service in this process: what a person must mend is said, and nothing is left behind."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from crime_detect_engine.app import Service
from crime_detect_engine.config import CameraConfig, from_arguments, parse_config
from crime_detect_engine.config.editor import ConfigEditor
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import CheckpointError, ConfigError, CrimeDetectError, NotFoundError
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.domain.types import CameraState
from crime_detect_engine.vision.checkpoint import find_checkpoint

from tests.rig.postgres import PASSWORD, QUOTED, Postgres
from tests.rig.videos import scene, write_video

try:
    find_checkpoint("default")
except CheckpointError as absent:
    pytestmark = pytest.mark.skip(reason=f"the shipped model is absent: {absent}")

ADMIN = Actor("owner", "admin")
Build = Callable[..., Service]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = [scene(n, 320, 192, noise=4) for n in range(75)]
    return write_video(tmp_path_factory.mktemp("app") / "scene.mp4", pictures)


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """`build(yaml)`: a service on `tmp_path/data`, stopped after the test."""
    services: list[Service] = []

    def make(text: str) -> Service:
        config = parse_config(f"timezone: UTC\n{text}", tmp_path / "c.yaml", {})
        services.append(Service(config, tmp_path / "data", None, SystemClock()))
        return services[-1]

    yield make
    for service in services:
        await service.stop()


def threads() -> set[str]:
    named = ("inference-", "capture-", "store", "store-clips", "paho")
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(named)}


async def test_it_watches_serves_and_leaves_no_thread(build: Build, video: Path, until: Any, tmp_path: Path) -> None:
    before = threads()
    service = build(f"cameras: {{yard: {{source: 'loop:{video}', name: Back yard}}}}")
    server = await service.start("127.0.0.1", 0)
    line = service._pipeline.lines["yard"]
    await until(lambda: line.scored > 8)
    assert line.capture.status().state is CameraState.LIVE
    token = (tmp_path / "data" / "admin-token").read_text().strip()
    address = f"http://127.0.0.1:{server.port}"
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/health") as answer:
            assert answer.status == 200
        async with session.get(f"{address}/api/v1/info", headers={"Authorization": f"Bearer {token}"}) as answer:
            assert (await answer.json())["cameras"] == [{"id": "yard", "name": "Back yard"}]
    await service.stop()
    await until(lambda: threads() <= before)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), 1).close()


async def test_an_incident_that_is_open_at_the_stop_is_ended_and_stored(build: Build, video: Path, until: Any) -> None:
    service = build(f"cameras: {{yard: {{source: 'loop:{video}'}}}}")
    await service.start("127.0.0.1", 0)
    line = service._pipeline.lines["yard"]
    await until(lambda: line.scored > 8)
    score = replace(await until(lambda: line.score), probabilities={"normal": 0.05, "fighting": 0.95})
    for n in range(1, 6):
        service._pipeline._decide(replace(score, tick_s=score.tick_s + 100 + n / 2))
    await until(lambda: service._writer.written >= 1)
    await service.stop()
    again = build(f"cameras: {{yard: {{source: 'loop:{video}'}}}}")
    await again.start("127.0.0.1", 0)
    (incident,) = (await again._control.incidents(IncidentQuery(limit=5))).items
    assert incident.ended_at is not None
    assert incident.snapshot_rev >= 1


async def test_alerts_wait_for_a_database_server_that_restarts(
    build: Build, video: Path, until: Any, postgres: Postgres
) -> None:
    name = postgres.create()
    service = build(f"database: {postgres.url(name)}\ncameras: {{yard: {{source: 'loop:{video}'}}}}")
    server = await service.start("127.0.0.1", 0)
    line = service._pipeline.lines["yard"]
    await until(lambda: line.scored > 8)
    score = replace(await until(lambda: line.score), probabilities={"normal": 0.05, "fighting": 0.95})
    await asyncio.to_thread(postgres.stop)
    try:
        for n in range(1, 6):
            service._pipeline._decide(replace(score, tick_s=score.tick_s + 100 + n / 2))
        fault = await until(lambda: service._writer.fault)
        assert f"{postgres.port}/{name} refuses" in fault
        assert QUOTED not in fault
        assert PASSWORD not in fault
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{server.port}/health") as answer,
        ):
            assert answer.status == 503
            assert PASSWORD not in await answer.text()
    finally:
        await asyncio.to_thread(postgres.start)
    await until(lambda: service._writer.written >= 1)
    assert service._writer.lost == 0
    (incident,) = (await service._control.incidents(IncidentQuery(limit=5))).items
    assert (incident.label, incident.snapshot_rev >= 1) == ("fighting", True)
    await service.stop()
    postgres.drop(name)


async def test_a_taken_port_is_said_and_everything_is_put_away(build: Build, video: Path, until: Any) -> None:
    before = threads()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CrimeDetectError, match=f"Cannot listen on 127.0.0.1:{port}.*--port"):
            await build(f"cameras: {{yard: {{source: 'loop:{video}'}}}}").start("127.0.0.1", port)
    await until(lambda: threads() <= before)


async def test_an_unknown_model_is_said(build: Build) -> None:
    with pytest.raises(CheckpointError, match="nonsense"):
        await build("model: {name: nonsense}").start("127.0.0.1", 0)


async def test_an_address_that_no_source_can_read_is_said(build: Build, until: Any) -> None:
    before = threads()
    service = build("")
    service.config = replace(service.config, cameras={"yard": CameraConfig("yard", "exec:u:p4ss@x", "Yard")})
    with pytest.raises(ConfigError, match="camera yard: exec: is not allowed") as refused:
        await service.start("127.0.0.1", 0)
    assert "p4ss" not in str(refused.value)
    await until(lambda: threads() <= before)


async def test_a_file_that_is_missing_is_one_lost_camera(build: Build, video: Path, until: Any) -> None:
    service = build(f"cameras: {{yard: {{source: 'loop:{video}'}}, gate: {{source: /nowhere/x.mp4}}}}")
    await service.start("127.0.0.1", 0)
    gate = service._pipeline.lines["gate"].capture
    await until(lambda: gate.status().state is CameraState.LOST)
    assert gate.status().last_error == "no such file"
    await until(lambda: service._pipeline.lines["yard"].scored > 0)


async def test_a_frigate_that_is_away_stops_nothing(build: Build, until: Any) -> None:
    service = build("frigate: {url: 'http://127.0.0.1:9'}")
    await service.start("127.0.0.1", 0)
    await until(lambda: any("Frigate" in note for note in service._notes()))
    assert service._control.info()["model"]["name"] == find_checkpoint("default").spec.name


async def test_every_nth_frame_is_followed_or_said(build: Build, video: Path, until: Any) -> None:
    """25 frames a second: every third is 8.3, near enough to the model's 8; every tenth is not."""
    service = build(
        f"cameras: {{near: {{source: 'loop:{video}', detection: {{frame_skip: 3}}}}, "
        f"far: {{source: 'loop:{video}', detection: {{frame_skip: 10}}}}}}"
    )
    await service.start("127.0.0.1", 0)
    lines = service._pipeline.lines
    await until(lambda: lines["near"].note is None and "2.5 frames a second" in (lines["far"].note or ""))
    notes = [note for note in service._control.info()["warnings"] if "frame_skip" in note]
    assert len(notes) == 1
    assert notes[0].startswith("far: ")


async def test_a_camera_of_the_command_line_has_no_threshold_in_a_file(tmp_path: Path, video: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("timezone: UTC\ncameras: {}\n")
    editor = ConfigEditor(file, {})
    editor.load()
    config = from_arguments({"yard": f"loop:{video}"}, environment={"TZ": "UTC"})
    service = Service(config, tmp_path / "data", editor, SystemClock(), frozenset({"yard"}))
    await service.start("127.0.0.1", 0)
    try:
        with pytest.raises((NotFoundError, ConfigError), match="yard"):
            await service._control.set_threshold("yard", 0.5, ADMIN)
        assert "yard" in service.config.cameras
    finally:
        await service.stop()


async def test_an_upload_is_analysed_and_a_broken_one_is_said(build: Build, video: Path, tmp_path: Path) -> None:
    service = build("")
    await service.start("127.0.0.1", 0)
    (tmp_path / "text.mp4").write_text("hello")
    good, bad = await asyncio.gather(
        service._control.analyze(video, "scene.mp4"), service._control.analyze(tmp_path / "text.mp4", "text.mp4")
    )
    assert good["path"] == "scene.mp4"
    assert good["windows"]
    assert "not a video" in bad["error"]
