"""Owns the proof that the synthetic scenes are legal, repeatable, marked as a demo, and contain enough fights."""

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from crime_detect_engine.domain.types import NORMAL
from crime_detect_engine.sources.synthetic import FIGHTING, Pace, fights, render
from crime_detect_engine.sources.synthetic.caption import TEXT, stamp
from crime_detect_engine.sources.synthetic.places import PLACES
from crime_detect_engine.sources.synthetic.scene import Scene

SMALL = (320, 180)
AT = datetime(2026, 11, 21, 7, 30, 5, tzinfo=UTC)


def pictures(place, seed, seconds=4.0, **options):
    return [(image.copy(), label) for image, label in render(place, seed, seconds, 5.0, SMALL, **options)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("night", [False, True])
def test_every_place_gives_legal_pictures_with_something_moving(place, night):
    images = [image for image, _ in pictures(place, 4, 12.0, night=night)]
    assert len(images) == 60
    assert all(image.shape == (180, 320, 3) and image.dtype == np.uint8 for image in images)
    assert images[-1].std() > 15, "a picture, not a plain colour"
    changes = [np.abs(a.astype(int) - b).max(axis=2) > 40 for a, b in pairwise(images)]
    assert max(change.mean() for change in changes) > 0.003


def test_night_is_grey_and_day_is_not():
    day, night = (Scene("yard", 3, SMALL, night=dark).picture(0, AT).astype(int) for dark in (False, True))
    assert np.ptp(night, axis=2).max() == 0
    assert np.ptp(day, axis=2).mean() > 20


def test_a_seed_is_the_same_story_and_another_seed_is_not():
    first, again, other = (pictures("street", seed) for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True))
    assert not np.array_equal(first[-1][0], other[-1][0])


def test_the_story_does_not_depend_on_the_frame_rate():
    slow = {round(i / 5, 3): label for i, (_, label) in enumerate(render("yard", 8, 40, 5.0, SMALL))}
    fast = {round(i / 10, 3): label for i, (_, label) in enumerate(render("yard", 8, 40, 10.0, SMALL))}
    assert FIGHTING in slow.values()
    assert all(fast[at] == label for at, label in slow.items())


def test_caption_is_burned_into_every_picture():
    letters, rim = stamp(TEXT, 1)
    for night in (False, True):
        image = Scene("shop", 2, SMALL, night=night).picture(7.0, AT)
        corner = image[4 : 4 + letters.shape[0], 4 : 4 + letters.shape[1]]
        assert (corner[letters] == 240).all()
        assert (corner[rim & ~letters] < 90).all(), "readable on any background"


def test_clock_runs_with_the_time_that_is_passed_in():
    scene = Scene("shop", 2, SMALL)
    before = scene.picture(0.0, AT)[:14, 160:].copy()
    after = scene.picture(0.0, AT.replace(second=6))[:14, 160:]
    changed = np.flatnonzero((np.abs(before.astype(int) - after).max(axis=2) > 100).any(axis=0))
    assert 0 < np.ptp(changed) < 8, "one digit changed"


@pytest.mark.parametrize(("place", "seed"), [("yard", 1), ("street", 2), ("shop", 3)])
def test_live_story_has_a_fight_of_some_seconds_about_once_a_minute(place, seed):
    found = fights(place, seed, 1200.0)
    assert 12 <= len(found) <= 30
    assert all(4.5 <= end - start <= 8.5 for start, end in found)
    assert found[0][0] < 45, "a new user does not wait long"
    assert min(after[0] - before[1] for before, after in pairwise(found)) > 25


def test_fights_are_where_the_pictures_show_them():
    spans = fights("yard", 8, 40.0, SMALL)
    seen = [index / 5 for index, (_, label) in enumerate(render("yard", 8, 40.0, 5.0, SMALL)) if label == FIGHTING]
    assert seen[0] == pytest.approx(spans[0][0], abs=0.25)
    assert seen[-1] == pytest.approx(spans[-1][1], abs=0.25)


def test_pace_makes_training_material_denser():
    dense = Pace(episode_s=(1, 3), fight_every_s=(3, 6), first_fight_s=(0, 2))
    labels = [label for _, label in pictures("yard", 9, 90.0, pace=dense)]
    assert 0.3 < labels.count(FIGHTING) / len(labels) < 0.8
    assert set(labels) == {NORMAL, FIGHTING}


def test_unknown_place_is_refused():
    with pytest.raises(KeyError):
        Scene("moon", 1)
