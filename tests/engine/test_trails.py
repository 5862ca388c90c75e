"""Owns the proof that a missed look does not show anybody: before, after and between two finds they stay hidden."""

from __future__ import annotations

import numpy as np
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.store.blur import Hiding, covered
from crime_detect_engine.trails import REACH_S, merged, spread

HERE = Hiding(Box(0.1, 0.1, 0.2, 0.2))


def at(x: float, y: float = 0.1, face: bool = True) -> Hiding:
    return Hiding(Box(x, y, x + 0.1, y + 0.1), face)


def covers(places: list[Hiding], place: Hiding) -> bool:
    return any(one.face == place.face and one.box.overlap(place.box) > 0.9 * place.box.area for one in places)


def test_a_place_is_hidden_a_while_before_and_after_it_was_found() -> None:
    times = [n / 10 for n in range(30)]
    hidden = spread([(at_s, [HERE] if at_s == 1.5 else []) for at_s in times])
    assert [bool(places) for places in hidden] == [abs(at_s - 1.5) <= REACH_S + 1e-9 for at_s in times]


def test_who_is_missed_on_the_way_is_hidden_on_the_way() -> None:
    times = [n / 10 for n in range(9)]
    found = [(at_s, [at(0.1 + at_s / 4)] if n in (0, 8) else None) for n, at_s in enumerate(times)]
    hidden = spread(found)
    assert all(covers(places, at(0.1 + at_s / 4)) for places, at_s in zip(hidden, times, strict=True))


def test_two_people_are_not_taken_for_one() -> None:
    found = [(0.0, [at(0.0)]), (0.4, []), (0.8, [at(0.9, 0.8)])]
    assert not covers(spread(found)[1], at(0.45, 0.45))
    large = Hiding(Box(0.1, 0.1, 0.5, 0.7))
    between = spread([(0.0, [HERE]), (0.9, []), (1.0, [large])])[1]
    assert between == [large]


def test_after_a_second_somebody_else_may_have_come() -> None:
    found = [(n / 10, [at(0.1)] if n == 0 else [at(0.2)] if n == 14 else []) for n in range(15)]
    assert spread(found)[7] == []


def test_a_head_and_a_face_are_two_things_and_what_another_covers_goes() -> None:
    inside = Hiding(Box(0.12, 0.12, 0.18, 0.18))
    assert spread([(0.0, [inside, HERE])]) == [[HERE]]
    both = spread([(0.0, [at(0.1, face=False)]), (0.1, [HERE])])[0]
    assert {place.face for place in both} == {True, False}


def test_a_crowd_becomes_few_places_that_cover_everybody() -> None:
    random = np.random.default_rng(5)
    places = [at(0.1 * (n % 4) + jitter, 0.3) for n, jitter in enumerate(random.uniform(-0.004, 0.004, 200))]
    few = merged(places)
    assert len(few) <= 8
    assert all(any(one.box.overlap(place.box) > 0.999 * place.box.area for one in few) for place in places)
    assert covered(few, 300, 400).sum() < 1.3 * covered(places, 300, 400).sum()
    assert merged([]) == []


def test_nothing_found_hides_nothing() -> None:
    assert spread([]) == []
    assert spread([(0.0, []), (0.1, None)]) == [[], []]
