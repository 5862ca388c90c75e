"""Owns what the end-to-end tests watch: loops of real clips with equally many cuts, served over RTSP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rig.engine import EngineProcess
from tests.rig.loops import first_of_each_source, write_loop
from tests.rig.mosquitto import Mosquitto, mosquitto_missing
from tests.rig.rtsp import RtspServer


@pytest.fixture(scope="session")
def loops(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`fight_0`, `fight_1`: five fights, then five calm scenes; `normal_0`, `normal_1`: ten calm ones; `short`: three
    fights, then three calm scenes.

    Every clip is of another source, so all loops have the same number of cuts: what cuts raise, all would raise.
    """
    folder = tmp_path_factory.mktemp("loops")
    fights, calm = first_of_each_source(clips, "fighting"), first_of_each_source(clips, "normal")
    chosen = {
        "fight_0": fights[:5] + calm[:5],
        "fight_1": fights[5:10] + calm[5:10],
        "short": fights[:3] + calm[:3],
        "normal_0": calm[:10],
        "normal_1": calm[10:20],
    }
    for name, files in chosen.items():
        write_loop(files, folder / f"{name}.mp4")
    return {name: folder / f"{name}.mp4" for name in chosen}


@pytest.fixture
def rtsp(loops: dict[str, Path]) -> Iterator[RtspServer]:
    if missing := RtspServer.missing():
        pytest.skip(missing)
    with RtspServer({name: [path] for name, path in loops.items()}) as server:
        yield server


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    if missing := mosquitto_missing():
        pytest.skip(missing)
    with Mosquitto(tmp_path / "broker", password=True) as running:
        yield running


@pytest.fixture
def start_engine(tmp_path: Path) -> Iterator[Callable[..., EngineProcess]]:
    """`start_engine(config, *arguments)`: a running engine that ends with the test."""
    started: list[EngineProcess] = []

    def start(config: str | None = None, *arguments: str) -> EngineProcess:
        engine = EngineProcess(tmp_path / f"engine_{len(started)}", config, *arguments)
        started.append(engine)
        engine.start()
        return engine

    yield start
    for engine in started:
        engine.close()
