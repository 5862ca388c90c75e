"""Owns the proof that pictures become frames unchanged, and that H.264 spoils them without moving them in time."""

from __future__ import annotations

import numpy as np
import pytest
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.sources.pictures import picture_frames, through_h264, timed_pictures

from tests.rig.videos import scene

PICTURES = [(0.04 * n, scene(n, noise=8)) for n in range(30)]


def errors(frames: list) -> list[float]:
    shown = [frame.rgb(160, 96, "bilinear") for frame in frames]
    return [float(np.abs(a.astype(int) - b).mean()) for a, (_, b) in zip(shown, PICTURES, strict=True)]


def test_pictures_come_out_as_they_went_in() -> None:
    frames = list(picture_frames(PICTURES))
    assert errors(frames) == [0.0] * 30
    assert [frame.cut for frame in frames] == [True] + [False] * 29
    assert [frame.tick_s for frame in frames] == [pytest.approx(at_s) for at_s, _ in PICTURES]
    assert frames[0].luma().shape == (96, 160)
    assert [at_s for at_s, _ in timed_pictures(frames)] == [at_s for at_s, _ in PICTURES]


def test_poor_quality_spoils_the_picture_and_keeps_every_frame_at_its_time() -> None:
    poor, fine = list(through_h264(PICTURES, 45)), list(through_h264(PICTURES, 15))
    assert len(poor) == len(fine) == 30
    assert [frame.stream_s for frame in poor] == [pytest.approx(at_s, abs=0.001) for at_s, _ in PICTURES]
    assert [frame.cut for frame in poor] == [True] + [False] * 29
    assert np.mean(errors(poor)) > 1.3 * np.mean(errors(fine))
    assert np.mean(errors(poor)) < 20


def test_odd_sides_and_another_size_in_the_middle_are_encoded() -> None:
    pictures = [(0.0, scene(0)[:95, :159]), (0.1, scene(1)[:95, :159]), (0.2, scene(2, 320, 192))]
    frames = list(through_h264(pictures, 30))
    assert [(frame.width, frame.height) for frame in frames] == [(158, 94), (158, 94), (320, 192)]
    assert [frame.cut for frame in frames] == [True, False, True]


def test_the_pictures_of_a_file_can_be_taken_and_given_back(video) -> None:
    frames = list(picture_frames(timed_pictures(FileSource(video).frames())))
    assert len(frames) == 50
    assert frames[-1].stream_s == pytest.approx(1.96, abs=0.01)
