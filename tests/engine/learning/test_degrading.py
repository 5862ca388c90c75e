"""Owns the proof of what bad cameras do: how pictures change, the same for all frames where cameras do so."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torchvision", reason="torchvision is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.degrading import coarsen, compress, darken, soften, tint, worsen  # noqa: E402
from crime_detect_engine.learning.recipe import Augmentation  # noqa: E402

CLIP = np.random.default_rng(2).integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
STILL = CLIP[:1].repeat(4, 0)


def test_colours_turn_around_grey() -> None:
    assert (tint(CLIP, 0.0, 0.0) == CLIP).all()
    grey = tint(CLIP, -1.0, 0.0).astype(int)
    assert np.ptp(grey, axis=3).max() <= 1
    flat = np.full((1, 2, 2, 3), 90, np.uint8)
    assert (np.abs(tint(flat, 0.5, 1.0).astype(int) - 90) <= 1).all(), "grey has no hue to turn"


def test_a_night_is_grey_dark_and_grainy() -> None:
    night = darken(STILL, 0.3, 4.0, np.random.default_rng(0)).astype(int)
    assert (night[..., 0] == night[..., 2]).all()
    assert night.mean() < 0.4 * STILL.mean()
    assert 1 < np.abs(np.diff(night, axis=0)).mean() < 8


@pytest.mark.parametrize("change", [lambda c: soften(c, 1.5), lambda c: coarsen(c, 2.0), lambda c: compress(c, 15)])
def test_detail_is_lost_and_stillness_stays(change) -> None:
    found = change(STILL)
    assert found.shape == STILL.shape
    assert found.dtype == np.uint8
    assert (np.diff(found.astype(int), axis=0) == 0).all(), "a still scene must not seem to move"
    rough, smooth = (np.abs(np.diff(clip.astype(int), axis=2)).mean() for clip in (STILL, found))
    assert smooth < rough


def test_all_is_off_unless_asked_and_draws_nothing() -> None:
    random = np.random.default_rng(3)
    assert worsen(CLIP, Augmentation(), random) is CLIP
    assert random.random() == np.random.default_rng(3).random()
    everything = Augmentation(colour=0.5, night=1.0, blur=1.0, rescale=1.0, compression=1.0)
    assert worsen(CLIP, everything, random).shape == CLIP.shape
