"""Owns the proof that a region follows what moves, and that a clip is shown as a camera with its pictures is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.types import WHOLE, ModelSpec
from crime_detect_engine.sampling.views import Views, clip_views
from crime_detect_engine.vision.checkpoint import find_checkpoint


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return replace(find_checkpoint("demo").spec, size=80, source_size=160, region="motion", lag=1)


def street(x: int | None, seed: int = 0) -> Any:
    """A textured picture with a person-sized block at column `x`."""
    picture = np.random.default_rng(seed).integers(60, 120, (160, 160, 3)).astype(np.uint8)
    if x is not None:
        picture[100:130, x : x + 12] = 230
    return picture


def test_the_region_closes_in_on_a_small_movement(spec: ModelSpec) -> None:
    views = Views(spec)
    regions = [views.show(street(20 + 3 * n), cut=False)[2] for n in range(16)]
    assert regions[0] == WHOLE
    last = regions[-1]
    assert last.side < 0.5
    assert last.left <= 65 / 160 <= last.left + last.side
    assert last.top <= 115 / 160 <= last.top + last.side


def test_a_still_scene_is_shown_whole(spec: ModelSpec) -> None:
    views = Views(spec)
    for _ in range(5):
        image, _, region = views.show(street(None), cut=False)
        assert region == WHOLE
    assert image.shape == (80, 80, 3)


def test_both_views_show_the_same_region(spec: ModelSpec) -> None:
    views = Views(spec)
    for n in range(12):
        now, before, _ = views.show(street(20 + 3 * n), cut=False)
    assert before is not None
    still = np.abs(now.astype(int) - before).mean(2)
    # Only the block changed: a region that moved between the two would change the texture everywhere.
    assert (still < 2).mean() > 0.7


def test_a_cut_forgets_the_region_and_the_pictures(spec: ModelSpec) -> None:
    views = Views(replace(spec, lag=2))
    shown = [views.show(street(20 + 3 * n), cut=False) for n in range(10)]
    assert [before is None for _, before, _ in shown[:3]] == [True, True, False]
    _, before, region = views.show(street(40, seed=1), cut=True)
    assert before is None
    assert region == WHOLE
    assert views.show(street(43, seed=1), cut=False)[1] is None


def test_the_lag_compares_with_the_picture_that_many_steps_before(spec: ModelSpec) -> None:
    whole = replace(spec, region="full", source_size=None, size=160, lag=2)
    pictures = [street(20 + 10 * n) for n in range(5)]
    for n, (now, before) in enumerate(clip_views(np.stack(pictures), whole)):
        assert (now == pictures[n]).all()
        assert (before is None) == (n < 2)
        assert before is None or (before == pictures[n - 2]).all()


def test_a_wider_zoom_shows_more(spec: ModelSpec) -> None:
    narrow, wide = Views(spec, 0.8), Views(spec, 1.3)
    for n in range(16):
        near = narrow.show(street(20 + 3 * n), cut=False)[2]
        far = wide.show(street(20 + 3 * n), cut=False)[2]
    assert near.side < far.side <= 1.0
    assert far.left >= 0
    assert far.left + far.side <= 1.0 + 1e-9


def two_movements(n: int) -> Any:
    """A street where a block hurries about in one place, and another one far away moves slowly."""
    picture = street(10 + n % 2 * 14)
    picture[10:40, 130 + n % 2 * 4 : 142 + n % 2 * 4] = 200
    return picture


def test_around_the_peak_it_keeps_to_where_most_moves(spec: ModelSpec) -> None:
    mean, peak = Views(spec), Views(replace(spec, region="peak"))
    for n in range(20):
        _, _, around_all = mean.show(two_movements(n), cut=False)
        _, _, around_most = peak.show(two_movements(n), cut=False)
    assert around_most.side < 0.8 * around_all.side
    assert around_most.left <= 10 / 160
    assert around_most.left + around_most.side < 130 / 160


def test_around_the_peak_a_still_scene_is_shown_whole_and_a_cut_begins_anew(spec: ModelSpec) -> None:
    views = Views(replace(spec, region="peak"))
    assert [views.show(street(None), cut=False)[2] for _ in range(5)] == [WHOLE] * 5
    assert [views.show(two_movements(n), cut=False)[2] for n in range(9)][-1].side < 0.9
    assert views.show(two_movements(9), cut=True)[2] == WHOLE
