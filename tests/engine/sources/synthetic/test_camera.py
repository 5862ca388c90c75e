"""Owns the proof that the synthetic camera is a source like any other: address, frames, pace, interruption."""

import itertools
import threading

import numpy as np
import pytest
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources.synthetic import SyntheticOptions, SyntheticSource, parse_address


@pytest.mark.parametrize(
    ("address", "options"),
    [
        ("synthetic:", SyntheticOptions()),
        ("synthetic:7", SyntheticOptions(seed=7)),
        ("synthetic:yard?seed=3&night=1", SyntheticOptions(seed=3, place="yard", night=True)),
        ("synthetic:?fps=10&size=320x180", SyntheticOptions(fps=10.0, width=320, height=180)),
    ],
)
def test_addresses_that_work(address, options):
    assert parse_address(address) == options


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("synthetic:moon", "moon"),
        ("synthetic:yard?seed=x", "seed"),
        ("synthetic:?fps=500", "fps"),
        ("synthetic:?size=20x20", "WIDTHxHEIGHT"),
        ("synthetic:?size=321x180", "even"),
        ("synthetic:?exec=ls", "exec"),
        ("synthetic:?seed", "synthetic:SEED"),
    ],
)
def test_addresses_that_do_not_say_what_is_wrong_and_what_is_allowed(address, named):
    with pytest.raises(SourceError, match=named) as caught:
        parse_address(address)
    assert caught.value.permanent
    assert "yard, street, shop" in str(caught.value)


def small(**options):
    return SyntheticSource(SyntheticOptions(width=320, height=180, **options), realtime=False)


def test_frames_are_decoded_pictures_like_those_of_any_camera():
    frames = list(itertools.islice(small().frames(None), 31))
    assert [frame.cut for frame in frames] == [True] + [False] * 30
    assert frames[30].stream_s == pytest.approx(2.0)
    frame = frames[-1]
    assert (frame.width, frame.height) == (320, 180)
    luma = frame.luma()
    assert luma.shape == (180, 320)
    assert luma.std() > 10
    image = frame.rgb(112, 112, "bilinear")
    assert image.shape == (112, 112, 3)
    assert image.dtype == np.uint8
    assert frame.at.tzinfo is not None


def test_a_second_connection_goes_on_with_the_story():
    source = small()
    first = list(itertools.islice(source.frames(), 10))
    second = next(source.frames())
    assert second.stream_s > first[-1].stream_s
    assert second.cut


def test_realtime_waits_for_each_frame_and_interrupt_ends_the_wait():
    source = SyntheticSource(SyntheticOptions(width=320, height=180, fps=1.0))
    got = threading.Event()
    ended = threading.Event()
    frames = []

    def read():
        for frame in source.frames():
            frames.append(frame)
            got.set()
        ended.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    assert got.wait(60)
    source.interrupt()
    assert ended.wait(60)
    assert len(frames) <= 20
    thread.join(60)


def test_a_camera_that_fell_behind_goes_on_from_there(manual_clock):
    source = SyntheticSource(SyntheticOptions(width=320, height=180, fps=2.0), clock=manual_clock)
    frames = source.frames()
    first = next(frames)
    manual_clock.advance(60.0)
    second = next(frames)
    assert second.stream_s - first.stream_s == pytest.approx(0.5), "no burst to catch up"
    assert second.tick_s - first.tick_s == pytest.approx(60.0)
