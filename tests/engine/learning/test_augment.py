"""Owns the proof that augmentation changes clips as cameras do, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.augment import augment  # noqa: E402
from crime_detect_engine.learning.recipe import Augmentation  # noqa: E402

OFF = Augmentation(
    flip=0, min_scale=1, brightness=0, contrast=0, gamma=0, noise=0, dropout=0, speed=1, splice=0, mixup=0
)  # fmt: skip


def test_with_everything_off_a_clip_stays_itself(make_clip: Any) -> None:
    clip = make_clip(1, 0)
    np.testing.assert_array_equal(augment(clip, 20, OFF, np.random.default_rng(0)), clip)


def test_all_frames_get_the_same_crop_flip_and_light(make_clip: Any) -> None:
    still = make_clip(0, 1)
    options = Augmentation(noise=0, splice=0)
    for seed in range(20):
        changed = augment(still, 16, options, np.random.default_rng(seed))
        assert (changed == changed[0]).all(), "a still scene must stay still: differences would be invented"


def test_windows_are_whole_and_of_the_asked_length(make_clip: Any) -> None:
    clip = make_clip(1, 2)
    for seed in range(50):
        changed = augment(clip, 13, Augmentation(), np.random.default_rng(seed))
        assert changed.dtype == np.uint8
        assert changed.shape[1:] == clip.shape[1:]
        assert 10 <= len(changed) <= 13


def test_a_clip_shorter_than_the_window_is_taken_whole(make_clip: Any) -> None:
    assert len(augment(make_clip(1, 3)[:6], 17, OFF, np.random.default_rng(0))) == 6


def test_the_same_seed_gives_the_same_clip(make_clip: Any) -> None:
    first, second = (augment(make_clip(1, 4), 16, Augmentation(), np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_seam_of_a_loop_can_be_anywhere(make_clip: Any) -> None:
    clip = np.arange(20, dtype=np.uint8)[:, None, None, None].repeat(8, 1).repeat(8, 2).repeat(3, 3)
    from dataclasses import replace

    rolled = augment(clip, 20, replace(OFF, splice=1.0), np.random.default_rng(3))
    steps = np.diff(rolled[:, 0, 0, 0].astype(int))
    assert sorted(set(steps.tolist())) == [-19, 1]


def test_a_clip_may_be_read_backwards_as_a_negative_and_without_colour() -> None:
    clip = np.random.default_rng(5).integers(0, 256, (12, 16, 16, 3)).astype(np.uint8)

    def read(**options: float) -> np.ndarray:
        return augment(clip, 12, replace(OFF, **options), np.random.default_rng(0))

    assert (read(reverse=1.0) == clip[::-1]).all()
    assert (read(negative=1.0) == 255 - clip).all()
    grey = read(grey=1.0)
    assert (grey[..., 0] == grey[..., 2]).all()
    assert abs(float(grey.mean()) - float((clip @ [0.299, 0.587, 0.114]).mean())) < 1
