"""Owns what the end-to-end tests watch: loops of real clips with equally many cuts, served over RTSP."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.rig.engine import EngineProcess
from tests.rig.mosquitto import Mosquitto, mosquitto_missing
from tests.rig.rtsp import RtspServer

FPS, SIZE = 25, (480, 360)


def write_loop(clips: list[Path], target: Path) -> None:
    """The clips one after the other at one size and rate, H.264 with a keyframe a second, no audio."""
    with av.open(str(target), "w") as output:
        stream = output.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "g": str(FPS), "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for clip in clips:
            with av.open(str(clip)) as container:
                pictures = [(f.time or 0.0, f) for f in container.decode(video=0)]
            start_s, end_s = pictures[0][0], pictures[-1][0]
            times = np.array([time for time, _ in pictures])
            for at_s in np.arange(start_s, end_s, 1 / FPS):
                picture = pictures[int(np.abs(times - at_s).argmin())][1].reformat(*SIZE, "yuv420p")
                fresh = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
                output.mux(stream.encode(fresh))
        output.mux(stream.encode(None))


@pytest.fixture(scope="session")
def loops(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`fight_0`, `fight_1`: five fights, then five calm scenes; `normal_0`, `normal_1`: ten calm ones; `short`: three
    fights, then three calm scenes.

    Every clip is of another source, so all loops have the same number of cuts: what cuts raise, all would raise.
    """
    folder = tmp_path_factory.mktemp("loops")
    fights, calm = _firsts(clips, "fighting"), _firsts(clips, "normal")
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


def _firsts(clips: Path, label: str) -> list[Path]:
    """The first clip of every source that has one of the label."""
    firsts: dict[str, Path] = {}
    with (clips / "surveillance_fight" / "clips.csv").open() as stream:
        for row in csv.DictReader(stream):
            if row["label"] == label and float(row["duration_s"]) >= 1.9:
                firsts.setdefault(row["group"], clips / "surveillance_fight" / row["path"])
    return [firsts[group] for group in sorted(firsts)]


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
