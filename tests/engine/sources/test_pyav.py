from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.sources.pyav import PyavFrame, PyavSource
from crime_detect_engine.sources.timing import Moment

from tests.rig.videos import scene

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def frame_of(picture: Any) -> PyavFrame:
    return PyavFrame(picture, Moment(0.0, 0.0, False), NOW, cut=False)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "nv12", "yuyv422", "gray", "rgb24", "yuv420p10le"])
@pytest.mark.parametrize("size", [(160, 96), (170, 98)])
def test_every_pixel_format_gives_luma_and_rgb_of_the_right_shape(pixels: str, size: tuple[int, int]) -> None:
    rgb = scene(5, 176, 104)[: size[1], : size[0]]
    frame = frame_of(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24").reformat(format=pixels))
    assert frame.luma().shape == (size[1], size[0])
    assert frame.luma().std() > 20
    image = frame.rgb(64, 48, "area")
    assert image.shape == (48, 64, 3)
    assert not image.flags.writeable


def test_a_rotated_picture_stands_upright() -> None:
    picture = av.VideoFrame.from_ndarray(scene(0), "rgb24").reformat(format="yuv420p")
    upright, turned = frame_of(picture), frame_of(SimpleNamespace(rotation=90))
    turned._picture = picture
    assert (turned.width, turned.height) == (96, 160)
    assert np.array_equal(turned.luma(), np.rot90(upright.luma()))
    assert np.array_equal(turned.rgb(96, 160, "bilinear"), np.rot90(upright.rgb(160, 96, "bilinear")))


class Feed:
    """Packets that a test makes up: (pts in ms, keyframe, arrival in s)."""

    def __init__(self, clock: ManualClock, packets: list[tuple[int, bool, float]]) -> None:
        self.clock, self.packets = clock, packets

    def __iter__(self) -> Any:
        for pts, keyframe, arrival_s in self.packets:
            self.clock.advance(max(0.0, arrival_s - self.clock.tick_s()))
            yield SimpleNamespace(
                pts=pts, dts=pts, time_base=Fraction(1, 1000), is_keyframe=keyframe, size=9, stream=None
            )


class Network(PyavSource):
    def _open(self) -> Any:
        raise NotImplementedError


def decoded(packets: list[tuple[int, bool, float]], decode_s: float = 0.0) -> tuple[list[int], Network]:
    """The pts that reach the decoder, which needs `decode_s` for each."""
    clock = ManualClock(NOW)
    source, taken = Network("camera", clock), []
    for packet in source._catch_up(iter(Feed(clock, packets)), None):
        source._time.advance(packet.pts / 1000, clock.tick_s())
        clock.advance(decode_s)
        taken.append(packet.pts)
    return taken, source


def stream(count: int, gop: int = 25) -> list[tuple[int, bool, float]]:
    return [(n * 40, n % gop == 0, n * 0.04) for n in range(count)]


def test_a_stream_in_time_is_decoded_whole() -> None:
    taken, source = decoded(stream(200), decode_s=0.01)
    assert len(taken) == 200
    assert source.dropped == 0


def test_overload_costs_counted_packets_and_never_delay() -> None:
    taken, source = decoded(stream(1000), decode_s=0.08)
    assert source.dropped + len(taken) == 1000
    assert source.dropped > 300
    clock_end_s = taken[-1] / 1000
    assert clock_end_s > 36.0
    # Packets after a gap begin with a keyframe: nothing is decoded without what it refers to.
    assert all(b - a == 40 or b % 1000 == 0 for a, b in pairwise(taken))


def test_a_burst_after_a_stall_loses_nothing_where_the_decoder_is_quick() -> None:
    burst = [(n * 40, n % 25 == 0, 8.0) for n in range(100, 200)]
    taken, source = decoded(stream(100) + burst + stream(260)[200:], decode_s=0.004)
    assert len(taken) == 260
    assert source.dropped == 0


def test_a_stream_that_is_late_for_good_is_not_taken_for_overload() -> None:
    packets = stream(100) + [(n * 40, n % 25 == 0, n * 0.04 + 5.0) for n in range(100, 300)]
    taken, source = decoded(packets)
    assert len(taken) == 300
    assert source.dropped == 0
