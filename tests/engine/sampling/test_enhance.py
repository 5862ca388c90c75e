"""Owns the proof that the optional picture steps do what they are called, alone and before a model's views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from crime_detect_engine.sampling.enhance import Enhancement
from crime_detect_engine.sampling.views import Views, clip_views
from crime_detect_engine.vision.checkpoint import find_checkpoint

KINDS = ("clahe", "denoise", "brightness")


def street(light: float = 1.0, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    coarse = np.kron(np.random.default_rng(1).integers(60, 160, (10, 10, 3)), np.ones((16, 16, 1)))
    grain = np.random.default_rng(seed).normal(0, noise, coarse.shape) if noise else 0
    return np.clip(coarse * light + grain, 0, 255).astype(np.uint8)


def test_no_step_is_no_step() -> None:
    picture = street()
    assert Enhancement("none").apply(picture) is picture


def test_a_dark_picture_gets_contrast_and_light() -> None:
    dark = street(0.25)
    assert Enhancement("clahe").apply(dark).std() > 1.2 * dark.std()
    assert Enhancement("brightness").apply(dark).mean() > 2 * dark.mean()
    assert abs(Enhancement("brightness").apply(street()).mean() - street().mean()) < 15


def test_noise_goes_and_edges_stay() -> None:
    clean, noisy = street(), street(noise=8)
    better = Enhancement("denoise").apply(noisy)
    assert np.abs(better.astype(int) - clean).mean() < 0.75 * np.abs(noisy.astype(int) - clean).mean()
    # A column at the border of two blocks.
    assert np.abs(np.diff(better.astype(int), axis=1)).max() > 60


def test_a_lamp_that_goes_on_does_not_make_the_brightness_step_flicker() -> None:
    steady = Enhancement("brightness")
    shown = [steady.apply(street(0.3)).mean() for _ in range(5)] + [steady.apply(street(0.3)).mean()]
    assert np.ptp(shown) == 0
    shown = [steady.apply(street(0.6)).mean() for _ in range(40)]
    assert np.abs(np.diff(shown)).max() < 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_camera_and_a_training_clip_show_the_same(kind: str) -> None:
    spec = replace(find_checkpoint("demo").spec, size=80, source_size=160, region="motion", enhance=kind)
    clip = np.stack([street(0.5, noise=5, seed=n) for n in range(6)])
    views = Views(spec)
    live = [views.show(picture, cut=n == 0)[0] for n, picture in enumerate(clip)]
    for one, (other, _) in zip(live, clip_views(clip, spec), strict=True):
        assert np.array_equal(one, other)
    plain = [now for now, _ in clip_views(clip, replace(spec, enhance="none"))]
    assert not np.array_equal(plain[0], live[0])


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_out_cannot_be_written(kind: str) -> None:
    assert not Enhancement(kind).apply(street()).flags.writeable
