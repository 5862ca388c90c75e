"""Owns the proof that each condition does to a stream what it says, the same each time, and leaves time alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.stress.spoil import CONDITIONS, frames_of

from tests.rig.videos import scene, write_video


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("videos") / "one.mp4", [scene(n, 320, 192) for n in range(25)])


def shown(path: Path, condition: str) -> np.ndarray:
    frames = list(frames_of(path, condition))
    return np.stack([frame.rgb(160, 96, "area") for frame in frames]).astype(int)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_the_same_each_time_and_keeps_the_time(video: Path, condition: str) -> None:
    first, again = (list(frames_of(video, condition)) for _ in range(2))
    assert [frame.stream_s for frame in first] == [frame.stream_s for frame in again]
    assert np.array_equal(first[-1].rgb(64, 64, "area"), again[-1].rgb(64, 64, "area"))
    assert first[0].cut
    assert all(frame.stream_s * 25 == pytest.approx(round(frame.stream_s * 25), abs=0.05) for frame in first)


def test_low_light_is_dark_and_noise_flickers(video: Path) -> None:
    clean = shown(video, "clean")
    assert shown(video, "low_light").mean() < 0.35 * clean.mean()
    noisy = shown(video, "noise")
    assert abs(noisy.mean() - clean.mean()) < 5
    assert np.abs(np.diff(noisy, axis=0)).mean() > 2 * np.abs(np.diff(clean, axis=0)).mean()


def test_grey_has_no_colour_and_blur_and_scaling_no_edges(video: Path) -> None:
    assert np.ptp(shown(video, "grey"), axis=3).max() <= 1
    sharp = np.abs(np.diff(shown(video, "clean"), axis=2)).max()
    assert np.abs(np.diff(shown(video, "quarter_size"), axis=2)).max() < sharp
    assert next(iter(frames_of(video, "half_size"))).rgb(40, 24, "area").shape == (24, 40, 3)
    assert np.abs(np.diff(shown(video, "blur"), axis=2)).mean() < np.abs(np.diff(shown(video, "clean"), axis=2)).mean()


def test_h264_at_35_costs_detail(video: Path) -> None:
    clean, poor = shown(video, "clean"), shown(video, "h264_35")
    assert len(poor) == len(clean)
    assert 0.5 < np.abs(poor - clean).mean() < 15


def test_lost_frames_are_lost(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", [scene(n % 20) for n in range(300)])
    left = {name: len(list(frames_of(path, name))) for name in ("dropped_10", "dropped_30", "dropped_50")}
    assert left == {name: pytest.approx(300 * (1 - int(name[-2:]) / 100), abs=25) for name in left}
