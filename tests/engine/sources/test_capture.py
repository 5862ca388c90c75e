from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.clock import ManualClock, SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.types import CameraState, CameraStatus, Frame
from crime_detect_engine.sources.capture import Capture, CaptureLimits, StillPicture
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.sources.ring import RingLimits
from crime_detect_engine.sources.rtsp import RtspSource

from tests.rig.rtsp import RtspServer, wait_for

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUICK = CaptureLimits(first_retry_s=0.02, last_retry_s=0.1)
Serve = Callable[..., RtspServer]


@dataclass
class Raw:
    stream_s: float = 0.0
    cut: bool = False
    width: int = 64
    height: int = 48
    at: datetime = NOON
    seed: int = 0
    level: int = 100

    @property
    def tick_s(self) -> float:
        return self.stream_s

    def luma(self) -> Any:
        noise = np.random.default_rng(self.seed).integers(0, 7, (self.height, self.width), np.uint8)
        return noise * (self.seed > 0) + np.uint8(self.level)

    def rgb(self, width: int, height: int, interpolation: str) -> Any:
        return np.zeros((height, width, 3), np.uint8)


class Script:
    """A source that plays one list of frames and errors a connection, then waits to be interrupted."""

    def __init__(self, *connections: list[Any], live: bool = True) -> None:
        self.live = live
        self.connections = list(connections)
        self.opened = 0
        self.interrupts = threading.Event()

    def frames(self, on_packet: Any) -> Iterator[Any]:
        self.opened += 1
        self.interrupts.clear()
        if not self.connections:
            self.interrupts.wait(20)
            return
        for item in self.connections.pop(0):
            if isinstance(item, Exception):
                raise item
            if item == "hang":
                self.interrupts.wait(20)
                return
            yield item

    def interrupt(self) -> None:
        self.interrupts.set()


class EveryFrame:
    def offer(self, raw: Any) -> Any:
        return raw


class Rig:
    """A capture over a script, and what it told."""

    def __init__(self, source: Any, clock: Any = None, limits: CaptureLimits = QUICK, **more: Any) -> None:
        self.frames: list[Frame] = []
        self.told: list[CameraStatus] = []
        self.capture = Capture(
            "yard", source, EveryFrame(), self.frames.append,
            clock=clock, on_status=self.told.append, limits=limits, rng=random.Random(1), **more,
        )  # fmt: skip
        self.capture.start()

    def states(self) -> list[CameraState]:
        return [status.state for status in self.told]

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.capture.stop()


def test_an_ended_stream_is_a_disconnect_and_comes_back() -> None:
    source = Script([Raw(cut=True), Raw(0.1)], [Raw(cut=True)])
    with Rig(source) as rig:
        wait_for(lambda: source.opened == 3)
        assert len(rig.frames) == 3
        assert rig.capture.counters().reconnects == 2
        assert CameraState.LOST not in rig.states()


def test_any_exception_of_a_decoder_is_survived_and_told_without_secrets() -> None:
    source = Script([RuntimeError("rtsp://eye:s3cret@cam/ broke")], [Raw(), "hang"])
    with Rig(source) as rig:
        wait_for(lambda: rig.frames)
        assert rig.told[0].state is CameraState.LOST
        assert rig.told[0].last_error == "RuntimeError: rtsp://***@cam/ broke"
        assert rig.capture.status().state is CameraState.LIVE
        assert rig.capture.status().last_error is None


def test_a_login_refused_for_a_while_recovers() -> None:
    refused = SourceError("rtsp://cam/x: user name or password refused")
    source = Script([refused], [refused], [refused], [Raw()])
    with Rig(source) as rig:
        wait_for(lambda: rig.frames)
        assert rig.states()[0] is CameraState.LOST
        assert rig.states()[-1] is CameraState.LIVE


def test_a_permanent_error_is_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    with Rig(FileSource(path, realtime=True)) as rig:
        wait_for(lambda: rig.told)
        status = rig.capture.status()
        assert (status.state, status.last_error) == (CameraState.LOST, "not a video: no known video or picture format")
        assert rig.capture.counters().reconnects == 1


def test_a_file_that_has_ended_is_not_played_again(video: Path) -> None:
    with Rig(FileSource(video)) as rig:
        wait_for(lambda: rig.capture.status().state is CameraState.LOST)
        assert rig.capture.status().last_error == "the file has ended"
        assert len(rig.frames) == 50
        assert rig.capture.counters().decoded == 50


def test_back_off_doubles_to_its_limit_and_differs_from_camera_to_camera() -> None:
    waits: dict[int, list[float]] = {}
    for seed in range(30):
        capture = Capture("c", Script(), EveryFrame(), lambda frame: None, rng=random.Random(seed))
        waits[seed] = []
        capture._wait = waits[seed].append  # type: ignore[method-assign,assignment]
        for failures in range(9):
            capture._back_off(failures)
    for row in waits.values():
        for failures, wait_s in enumerate(row):
            assert min(60, 2**failures) / 2 <= wait_s <= min(60, 2**failures)
    assert len({round(row[0], 3) for row in waits.values()}) == 30


def test_a_hung_read_is_noticed_by_whoever_asks_and_broken_off() -> None:
    clock = ManualClock(NOON)
    source = Script([Raw(), "hang"], [Raw(9.0), "hang"])
    with Rig(source, clock) as rig:
        wait_for(lambda: rig.frames)
        clock.advance(9.9)
        assert rig.capture.status().state is CameraState.LIVE
        clock.advance(0.2)
        assert rig.capture.status().state is CameraState.LOST
        wait_for(lambda: len(rig.frames) == 2)
        assert list(dict(groupby(rig.states()))) == [CameraState.LIVE, CameraState.LOST]
        assert rig.states()[-1] is CameraState.LIVE


def still(seeds: list[int], levels: list[int] | None = None) -> float:
    picture, lasted_s = StillPicture(), 0.0
    for second, seed in enumerate(seeds):
        level = levels[second] if levels else 100
        lasted_s = picture.lasted_s(Raw(float(second), seed=seed, level=level))  # type: ignore[arg-type]
    return lasted_s


def test_a_frozen_picture_is_told_from_a_quiet_one() -> None:
    assert still([1] * 40) == 39.0
    assert still(list(range(1, 41))) == 0.0
    assert still([0] * 40, [100, 101] * 20) == 39.0
    assert still([0] * 40, [100] * 30 + [120] * 10) == 9.0


@pytest.mark.parametrize(("live", "state"), [(True, CameraState.FROZEN), (False, CameraState.LIVE)])
def test_a_live_camera_whose_picture_stands_still_is_frozen(live: bool, state: CameraState) -> None:
    source = Script([*[Raw(n / 2, seed=5) for n in range(80)], "hang"], live=live)
    with Rig(source) as rig:
        wait_for(lambda: len(rig.frames) == 80)
        assert rig.capture.status().state is state


def test_privacy_closes_the_source_and_forgets_its_packets(serve: Serve, video: Path) -> None:
    source = RtspSource(serve({"yard": [video]}).url("yard"), SystemClock())
    with Rig(source, keep_packets=RingLimits()) as rig:
        wait_for(lambda: len(rig.frames) > 30)
        assert rig.capture.span(0, 1e12) is not None
        rig.capture.pause()
        assert rig.capture.status().state is CameraState.PAUSED
        assert rig.capture.span(0, 1e12) is None
        wait_for(lambda: source._interrupted.is_set())
        count = len(rig.frames)
        rig.capture.resume()
        wait_for(lambda: len(rig.frames) > count + 5)
        assert rig.frames[count].cut or rig.frames[count + 1].cut
        assert rig.capture.status().state is CameraState.LIVE


def test_a_killed_and_a_stalled_server_come_back_by_themselves(serve: Serve, video: Path) -> None:
    server = serve({"yard": [video]})
    with Rig(RtspSource(server.url("yard"), SystemClock())) as rig:
        wait_for(lambda: rig.frames)
        server.kill()
        wait_for(lambda: CameraState.LOST in rig.states())
        server.start()
        wait_for(lambda: rig.states()[-1] is CameraState.LIVE)
        server.stall()
        wait_for(lambda: rig.capture.status().state is CameraState.LOST, timeout_s=20)
        server.resume()
        wait_for(lambda: rig.capture.status().state is CameraState.LIVE)


def test_stopping_ends_the_thread_even_in_a_hanging_read(serve: Serve, video: Path) -> None:
    server = serve({"yard": [video]})
    rig = Rig(RtspSource(server.url("yard"), SystemClock()))
    wait_for(lambda: rig.frames)
    server.stall()
    rig.capture.stop()
    assert not any(thread.name == "capture-yard" for thread in threading.enumerate())
