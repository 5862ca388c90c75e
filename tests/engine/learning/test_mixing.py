"""Owns the proof of changes that take two clips: what stays of each, and what their labels become."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.mixing import mix, mix_backgrounds, mix_time  # noqa: E402

TARGETS = torch.eye(2)


def flat(value: int, length: int = 10) -> np.ndarray:
    return np.full((length, 8, 8, 3), value, np.uint8)


def test_a_stretch_of_time_counts_by_its_length() -> None:
    for seed in range(20):
        clips, targets = mix_time([flat(10), flat(200)], TARGETS, 1.0, np.random.default_rng(seed))
        for clip, target, own in zip(clips, targets, (10, 200), strict=True):
            assert float(target[0 if own == 10 else 1]) == pytest.approx((clip[:, 0, 0, 0] == own).mean())
            assert len(clip) == 10


def test_backgrounds_change_and_movement_stays() -> None:
    moving = flat(100, 9)
    moving[4, 2:5, 2:5] = 160
    found = [mix_backgrounds([moving, flat(140, 9)], 1.0, np.random.default_rng(seed))[0] for seed in range(10)]
    changed = [clip for clip in found if not (clip == moving).all()]
    assert changed
    for clip in changed:
        assert 100 < clip[0, 0, 0, 0] <= 140
        assert (np.diff(clip.astype(int), axis=0) == np.diff(moving.astype(int), axis=0)).all()


def test_what_is_off_changes_nothing_and_draws_nothing() -> None:
    random, untouched = np.random.default_rng(1), np.random.default_rng(1)
    clips, targets = mix_time([flat(10)], TARGETS[:1], 0.0, random)
    assert mix_backgrounds(clips, 0.0, random)[0] is clips[0]
    assert targets is not None
    assert random.random() == untouched.random()


def test_mixup_blends_clips_and_labels_alike() -> None:
    for seed in range(10):
        clips, targets = mix([flat(0), flat(200)], TARGETS, 1.0, np.random.default_rng(seed))
        for clip, target in zip(clips, targets, strict=True):
            assert float(clip[0, 0, 0, 0]) == pytest.approx(200 * float(target[1]), abs=1)
