"""Owns the proof that clips are grouped by what they show, and errors counted where they happen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is only in the train environment")

from crime_detect_engine.learning.datasets import Sample
from crime_detect_engine.learning.subgroups import BOUNDS, groups_of, measure, subgroup_figures

SIZE = 96


def scene(light: int = 100, tint: int = 0, squares: int = 0, side: int = 12, step: int = 6) -> np.ndarray:
    """A still wall of one grey level, reddish by `tint`, over which bright squares wander; uint8 [8, 96, 96, 3]."""
    clip = np.full((8, SIZE, SIZE, 3), light, np.uint8)
    clip[..., 0] += tint
    for time in range(8):
        for square in range(squares):
            top, left = 24 * square, 4 + step * time
            clip[time, top : top + side, left : left + side] = 250
    return clip


@pytest.mark.parametrize(
    ("clip", "name", "group"),
    [
        (scene(light=40), "light", "dark (mean luma below 85)"),
        (scene(light=100), "light", "medium"),
        (scene(light=180), "light", "bright (above 115)"),
        (scene(), "colour", "grey or infrared"),
        (scene(tint=40), "colour", "colour"),
        (scene(squares=1), "moving area", "small (below 5 % of the picture)"),
        (scene(squares=4, side=24, step=10), "moving area", "large (above 20 %)"),
        (scene(), "amount of motion", "little (below 1 grey level)"),
        (scene(squares=3, side=20), "amount of motion", "much (above 3)"),
        (scene(squares=1), "places that move", "one"),
    ],
)
def test_a_clip_is_in_the_group_of_what_it_shows(clip: np.ndarray, name: str, group: str) -> None:
    assert measure(clip).groups[name] == group


@pytest.mark.parametrize("count", [1, 2, 3])
def test_places_that_move_are_counted(count: int) -> None:
    assert measure(scene(squares=count, side=8, step=2)).places == count


def test_size_of_the_picture_does_not_matter() -> None:
    small = scene(squares=2, side=20)
    large = small.repeat(2, 1).repeat(2, 2)
    assert measure(large).groups == measure(small).groups


def test_a_single_picture_does_not_move() -> None:
    assert measure(scene(squares=3)[:1]).motion == 0


def test_a_clip_in_two_stretches_is_one_clip_and_the_longer_counts() -> None:
    dark, bright = scene(light=40), scene(light=200)
    samples = [Sample("a.mp4", dark[:3], 0, "a", 0), Sample("a.mp4", bright, 0, "a", 0)]
    assert groups_of(samples)["a.mp4"]["light"] == "bright (above 115)"


def test_errors_are_counted_in_the_group_they_happen_in() -> None:
    night, day = measure(scene(light=40)).groups, measure(scene(light=200)).groups
    labels = np.array([1, 1, 0, 1, 0, 0])
    suspicion = np.array([0.9, 0.2, 0.1, 0.85, 0.6, 0.1])
    groups = [night, night, night, day, day, day]
    report: Any = subgroup_figures(
        labels, np.stack([1 - suspicion, suspicion], 1), ["a", "b", "a", "c", "c", "d"], groups, ("normal", "fighting")
    )
    dark, bright = (report["light"][name] for name in ("dark (mean luma below 85)", "bright (above 115)"))
    assert (dark["clips"], dark["sources"], dark["missed"], dark["false"]) == (3, 2, 1, 0)
    assert (bright["clips"], bright["sources"], bright["missed"], bright["false"]) == (3, 2, 0, 1)
    assert (dark["recall_at_0.8"], bright["recall_at_0.8"]) == (0.5, 1.0)
    assert "medium" not in report["light"], "a group without clips is not shown"
    assert set(report) == set(BOUNDS)
