"""Owns the proof that inputs are composed from frames alone, exactly as the model learned them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.types import Image, ModelSpec
from crime_detect_engine.vision.preprocess import compose, compose_views, contrast_gain, difference, stack, still_input
from hypothesis import given
from hypothesis import strategies as st

pixels = st.integers(0, 255)


@given(now=pixels, previous=pixels, gain=st.sampled_from([0.5, 1.0, 2.0, 4.0]))
def test_a_difference_is_128_plus_gain_times_change_and_never_wraps(now: int, previous: int, gain: float) -> None:
    image = difference(np.full((2, 2, 3), now, np.uint8), np.full((2, 2, 3), previous, np.uint8), gain)
    assert image.dtype == np.uint8
    assert (image == min(255, max(0, round(128 + gain * (now - previous))))).all()


def test_no_change_gives_the_still_input(frame: Any, default_checkpoint: Any) -> None:
    spec = default_checkpoint.spec
    picture = frame().image
    assert (compose(frame(image=picture, previous=picture), spec) == still_input(spec)).all()


def test_a_difference_model_sees_nothing_right_after_a_cut(frame: Any, default_checkpoint: Any) -> None:
    assert compose(frame(previous=None), default_checkpoint.spec) is None


def test_an_rgb_model_sees_the_picture_itself(frame: Any, rgb_spec: ModelSpec) -> None:
    shown = frame(size=16)
    assert compose(shown, rgb_spec) is shown.image


def test_a_clip_is_composed_as_its_frames_are(frame: Any, default_checkpoint: Any) -> None:
    spec = replace(default_checkpoint.spec, size=16)
    pictures = [frame(size=16).image for _ in range(4)]
    one_by_one = [compose(frame(image=b, previous=a), spec) for a, b in pairwise(pictures)]
    views = [(pictures[0], None), *((b, a) for a, b in pairwise(pictures))]
    assert (compose_views(views, spec) == np.stack(one_by_one)).all()  # type: ignore[arg-type]


def test_a_picture_of_another_size_is_refused_with_both_sizes(rgb_spec: ModelSpec) -> None:
    with pytest.raises(ValueError, match=r"\(16, 16, 3\).*\(9, 8, 3\)"):
        stack([np.zeros((9, 8, 3), np.uint8)], rgb_spec)


@pytest.mark.parametrize("gain", [-2.0, 0.0, 0.5, 1.0, 2.0, 2.5, 64.0, 65.0, -300.0])
def test_every_pair_of_levels_gives_the_bytes_of_the_formula(gain: float) -> None:
    now, previous = (np.ascontiguousarray(levels.astype(np.uint8)) for levels in np.mgrid[0:256, 0:256])
    exact = np.clip(np.rint(128 + gain * (now.astype(np.float32) - previous)), 0, 255)
    assert (difference(now, previous, gain) == exact).all()


def dim(picture: Image, share: float) -> Image:
    """The same scene with so much of its contrast left."""
    middle: Image = (100 + share * (picture.astype(np.float32) - 100)).round().astype(np.uint8)
    return middle


def test_the_same_movement_looks_alike_by_day_and_in_the_dark(default_checkpoint: Any) -> None:
    spec = replace(default_checkpoint.spec, size=64, gain_rule="contrast")
    rng = np.random.default_rng(3)
    before = rng.integers(20, 180, (64, 64, 3)).astype(np.uint8)
    now = before.copy()
    now[20:40, 20:40] += 15

    def shown(share: float, rule: str) -> float:
        views = [(dim(before, share), None), (dim(now, share), dim(before, share))]
        image = compose_views(views, replace(spec, gain_rule=rule)).astype(np.float32)
        return float(np.abs(image - 128).mean())

    assert shown(0.4, "contrast") == pytest.approx(shown(0.8, "contrast"), rel=0.1)
    assert shown(0.4, "fixed") < 0.6 * shown(0.8, "fixed")


def test_the_gain_stays_within_bounds_where_there_is_no_contrast_or_the_most() -> None:
    grey = np.full((32, 32, 3), 90, np.uint8)
    halves = np.zeros((32, 32, 3), np.uint8)
    halves[:16] = 255
    assert contrast_gain(grey, 2.0) == 8.0
    assert contrast_gain(halves, 2.0) == 1.2
