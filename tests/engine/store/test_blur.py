"""Owns the proof that what is hidden is gone: no detail, no corner, no difference between one face and another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.store.blur import CELLS, Hiding, covered, hide, hide_all, scaled

BOX = Box(0.4, 0.3, 0.6, 0.7)


def noise(seed: int = 1, height: int = 200, width: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_a_picture_without_anybody_is_left_as_it_is() -> None:
    picture = noise()
    assert hide(picture, []) is picture


@pytest.mark.parametrize("face", [True, False])
def test_all_of_the_box_is_hidden_and_the_rest_is_untouched(face: bool) -> None:
    picture = noise()
    before = picture.copy()
    hidden, mask = hide(picture, [Hiding(BOX, face)]), covered([Hiding(BOX, face)], 200, 300)
    assert mask[60:140, 120:180].all(), "corners included"
    assert not mask[:20].any()
    assert (hidden[~mask] == picture[~mask]).all()
    assert (picture == before).all()
    values = np.unique(hidden[60:140, 120:180].reshape(-1, 3), axis=0)
    assert np.ptp(hidden[60:140, 120:180].astype(int)) < 64, f"{len(values)} averages of noise are all grey"


@pytest.mark.parametrize("face", [True, False])
def test_what_differs_in_detail_only_cannot_be_told_apart(face: bool) -> None:
    """Two faces of the same averages: what was done cannot be undone, for nothing of it is there."""
    coarse = np.kron(noise(2, 8, 8) // 2 + 64, np.ones((20, 20, 1), np.uint8)).astype(np.int16)
    grain = np.kron(np.random.default_rng(3).choice((-40, 40), (80, 80, 1)), np.array([[1, -1], [-1, 1]])[:, :, None])
    one, other = (np.clip(coarse + sign * grain, 0, 255).astype(np.uint8) for sign in (1, -1))
    place = [Hiding(Box(0.25, 0.25, 0.75, 0.75), face)]
    mask = covered(place, *one.shape[:2])
    assert (one[mask] != other[mask]).any(1).mean() > 0.9
    apart = np.abs(hide(one, place)[mask].astype(int) - hide(other, place)[mask])
    assert apart.max() <= 16, "a step of grey at most"


def test_few_values_are_left_of_a_place() -> None:
    picture = scaled(noise(4, 40, 60), 1200)
    hidden = hide(picture, [Hiding(Box(0.0, 0.0, 1.0, 1.0), face=False)])
    small = scaled(hidden, CELLS * 6)
    again = cv2.resize(small, hidden.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    assert np.abs(hidden.astype(int) - again).mean() < 4, "no detail below a fraction of a cell"


def test_a_coarse_place_lies_over_a_fine_one() -> None:
    fine, coarse = Hiding(Box(0.45, 0.45, 0.55, 0.55), face=False), Hiding(Box(0.2, 0.2, 0.8, 0.8), face=False)
    picture = noise()
    assert (hide(picture, [fine, coarse]) == hide(picture, [coarse])).all()
    assert (hide(picture, [coarse, fine]) == hide(picture, [coarse])).all()


@pytest.mark.parametrize("box", [Box(-0.1, -0.1, 0.1, 0.1), Box(0.95, 0.95, 1.2, 1.3), Box(0.5, 0.5, 0.501, 0.501)])
@pytest.mark.parametrize("face", [True, False])
def test_places_at_the_edge_and_tiny_ones_are_hidden(box: Box, face: bool) -> None:
    mask = covered([Hiding(box, face)], 200, 300)
    assert mask[min(199, max(0, int(box.top * 200))), min(299, max(0, int(box.left * 300)))]
    assert hide(noise(), [Hiding(box, face)]).shape == (200, 300, 3)


def test_a_place_outside_of_the_picture_is_none() -> None:
    assert not covered([Hiding(Box(2.0, 2.0, 3.0, 3.0))], 200, 300).any()
    assert (hide(noise(), [Hiding(Box(2.0, 2.0, 3.0, 3.0))]) == noise()).all()


def test_of_a_picture_hidden_whole_a_dozen_averages_are_left() -> None:
    hidden = hide_all(noise(5, 720, 1280))
    assert hidden.shape == (720, 1280, 3)
    assert len(np.unique(hidden.reshape(-1, 3), axis=0)) <= 12 * 7
    assert np.ptp(hidden.astype(int)) <= 48


@pytest.mark.parametrize("shape", [(2, 2), (1, 30), (30, 1), (720, 8)])
def test_any_shape_can_be_hidden(shape: tuple[int, int]) -> None:
    picture = noise(6, *shape)
    assert hide_all(picture).shape == picture.shape
    assert hide(picture, [Hiding(Box(0, 0, 1, 1))]).shape == picture.shape
