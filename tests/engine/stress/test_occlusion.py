"""Owns the proof that the map points at what the decision came from, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import Frame, ModelSpec
from crime_detect_engine.stress.occlusion import explain_file

from tests.rig.videos import scene, write_video


class MovementClassifier:
    """Says how much of the lower right quarter moves."""

    device = "cpu"

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec

    def features(self, frames: Sequence[Frame]) -> list[Any]:
        return [None if f.previous is None else np.array([_moves(f)], np.float32) for f in frames]

    def probabilities(self, windows: Sequence[Any]) -> Sequence[Mapping[str, float]]:
        found = [min(0.99, float(window.mean())) for window in windows]
        return [{"normal": 1 - value, "fighting": value} for value in found]


def _moves(frame: Frame) -> float:
    assert frame.previous is not None
    half = frame.image.shape[0] // 2
    change = np.abs(frame.image[half:, half:].astype(int) - frame.previous[half:, half:])
    return float((change > 40).mean() * 4)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Calm, then a block that flickers in the lower right."""
    pictures = []
    for n in range(64):
        picture = scene(0, 128, 128).copy()
        if n >= 32:
            picture[96:112, 96:112] = 250 if n // 2 % 2 else 10
        pictures.append(picture)
    return write_video(tmp_path / "a.mp4", pictures, 16)


def test_hiding_what_moved_costs_the_score_and_hiding_the_rest_does_not(small_spec: ModelSpec, video: Path) -> None:
    found = explain_file(video, MovementClassifier(replace(small_spec, size=64)), grid=4)
    answer = found.as_json()
    assert (answer["largest"]["row"], answer["largest"]["column"]) == (3, 3)
    assert answer["largest"]["drop"] > 0.8 * found.score > 0
    drops = np.array(answer["drops"])
    assert np.abs(np.delete(drops.ravel(), 15)).max() < 0.2 * answer["largest"]["drop"]
    assert found.start_s >= 1.0
    assert found.end_s <= 4.0
    assert found.picture.shape == (64, 64, 3)


def test_a_model_that_follows_motion_is_explained_in_the_whole_picture(small_spec: ModelSpec, video: Path) -> None:
    spec = replace(small_spec, size=32, source_size=64, region="motion")
    found = explain_file(video, MovementClassifier(spec), grid=4)
    assert found.picture.shape == (64, 64, 3)
    assert len(found.drops) == 4


def test_a_clip_shorter_than_a_window_is_refused(small_spec: ModelSpec, told_video: Callable[..., Path]) -> None:
    with pytest.raises(InvalidInputError, match="shorter"):
        explain_file(told_video("short.mp4", 0.5), MovementClassifier(small_spec))
