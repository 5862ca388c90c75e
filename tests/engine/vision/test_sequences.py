"""Owns the proof that windows keep the frame spacing the model learned, and that a cut never scores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.sequences import SlidingWindow, slide
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

STEP_S = 1 / 8


@pytest.fixture
def spec(default_checkpoint: Any) -> ModelSpec:
    return replace(default_checkpoint.spec, fps=8.0, frames=16, min_frames=10)


def vector(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def feed(window: SlidingWindow, frame: Any, ticks: list[float]) -> list[tuple[float, np.ndarray]]:
    """Pushes a vector that holds its own time at each tick; the windows that came, with the time they came at."""
    came = []
    for tick_s in ticks:
        found = window.push(frame(tick_s, size=2), vector(tick_s))
        if found is not None:
            came.append((tick_s, found))
    return came


def test_scores_come_every_half_second_once_there_are_enough_frames(frame: Any, spec: ModelSpec) -> None:
    came = feed(SlidingWindow(spec), frame, [n * STEP_S for n in range(33)])
    assert [tick_s for tick_s, _ in came] == pytest.approx([(n - 1) * STEP_S for n in (10, 14, 16, 20, 24, 28, 32)])
    assert [len(found) for _, found in came] == [10, 14, 16, 16, 16, 16, 16], "whole ones at half seconds"
    assert (np.diff(came[-1][1][:, 0]) > 0).all()


@pytest.mark.parametrize(
    ("length", "seen"),
    [(10, [10, 10, 10, 10, 10, 10, 10]), (12, [10, 12, 12, 12, 12, 12, 12]), (30, [10, 14, 18, 22, 26, 30, 30])],
)
def test_a_window_looks_back_as_far_as_it_is_told(frame: Any, spec: ModelSpec, length: int, seen: list[int]) -> None:
    came = feed(SlidingWindow(spec, length), frame, [n * STEP_S for n in range(35)])
    assert [len(found) for _, found in came] == seen
    assert all(found[-1, 0] == pytest.approx(tick_s) for tick_s, found in came)


@pytest.mark.parametrize("length", [9, 51])
def test_a_window_of_no_use_is_refused(spec: ModelSpec, length: int) -> None:
    with pytest.raises(InvalidInputError, match="10 to 50"):
        SlidingWindow(spec, length)


def test_a_cut_drops_the_window(frame: Any, spec: ModelSpec) -> None:
    window = SlidingWindow(spec)
    feed(window, frame, [n * STEP_S for n in range(12)])
    assert window.push(frame(12 * STEP_S, cut=True, size=2), None) is None
    assert len(window) == 0
    came = feed(window, frame, [n * STEP_S for n in range(13, 23)])
    assert len(came) == 1
    assert came[0][1].min() == pytest.approx(13 * STEP_S)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_up_to_three_missing_frames_hold_the_last_one(frame: Any, spec: ModelSpec, missing: int) -> None:
    window = SlidingWindow(spec)
    feed(window, frame, [0.0, STEP_S, 2 * STEP_S])
    feed(window, frame, [(3 + missing) * STEP_S])
    assert len(window) == 4 + missing


def test_four_missing_frames_start_anew_without_the_difference_across_the_gap(frame: Any, spec: ModelSpec) -> None:
    window = SlidingWindow(spec)
    feed(window, frame, [0.0, STEP_S, 2 * STEP_S])
    feed(window, frame, [7 * STEP_S])
    assert len(window) == 0
    feed(window, frame, [8 * STEP_S])
    assert len(window) == 1


@pytest.mark.parametrize("source_fps", [5, 6, 7, 10, 12.5, 15, 25, 30])
def test_a_window_spans_the_same_time_whatever_the_cameras_rate(frame: Any, spec: ModelSpec, source_fps: float) -> None:
    # The nearest frame to each due time, as the sampler takes them; a slow camera repeats none.
    shown = sorted({round(n * STEP_S * source_fps) / source_fps for n in range(60)})
    came = feed(SlidingWindow(spec), frame, shown)
    spans = [found[-1, 0] - found[0, 0] for _, found in came if len(found) == 16]
    assert spans
    assert all(1.5 <= span <= 2.2 for span in spans)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jitter=st.lists(st.floats(-0.4, 0.4), min_size=24, max_size=24))
def test_jitter_of_less_than_half_a_step_hardly_changes_the_window(
    frame: Any, spec: ModelSpec, jitter: list[float]
) -> None:
    window = SlidingWindow(spec, 50)
    feed(window, frame, [(n + 1 + offset) * STEP_S for n, offset in enumerate(jitter)])
    assert 24 <= len(window) <= 27


def test_a_still_scene_slides_the_window_but_asks_for_no_score(frame: Any, spec: ModelSpec) -> None:
    window = SlidingWindow(spec)
    still = [window.push(frame(n * STEP_S, moving=False, size=2), vector(n)) for n in range(20)]
    assert still == [None] * 20
    # Motion after a still scene is judged at once: the window is already full.
    assert window.push(frame(20 * STEP_S, size=2), vector(20)) is not None


@pytest.mark.parametrize("length", [10, 30, 50])
def test_the_length_can_be_chosen(frame: Any, spec: ModelSpec, length: int) -> None:
    came = feed(SlidingWindow(spec, length), frame, [n * STEP_S for n in range(80)])
    assert len(came[-1][1]) == length


@pytest.mark.parametrize("length", [9, 51])
def test_a_length_outside_10_to_50_is_refused(spec: ModelSpec, length: int) -> None:
    with pytest.raises(InvalidInputError, match="10 to 50"):
        SlidingWindow(spec, length)


def test_slide_gives_a_window_every_half_second_and_one_for_a_short_clip(spec: ModelSpec) -> None:
    starts = [int(found[0, 0]) for found in slide(np.arange(25, dtype=np.float32)[:, None], spec)]
    assert starts == [0, 4, 8]
    assert [len(found) for found in slide(np.zeros((12, 1), np.float32), spec)] == [12]


def test_slots_are_as_long_as_the_frames_say(frame: Any, spec: ModelSpec) -> None:
    """At ten frames a second nothing is missing, and five frames are half a second."""
    window = SlidingWindow(spec)
    came = []
    for n in range(40):
        one = replace(frame(n / 10, cut=n == 0, size=2), fps=10.0)
        if window.push(one, None if n == 0 else vector(n / 10)) is not None:
            came.append(n)
    assert came == [10, 16, 21, 26, 31, 36], "at ten steps, at the first whole window, then every half second"
