"""Following: ids hold through misses, crossings and stillness, and go when somebody leaves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from crime_detect_engine.domain.scene import Box, Detection, TrackedObject
from crime_detect_engine.tracking.tracker import Tracker, TrackerOptions
from numpy.typing import NDArray

STEP_S = 0.5
HEIGHT = 0.3


def person(
    x: float, y: float = 0.8, confidence: float = 0.8, height: float = HEIGHT, label: str = "person"
) -> Detection:
    """Standing with the feet at (x, y); a third as wide as high on a 16:9 picture."""
    half = height / 3 / (16 / 9) / 2 * 1.5
    return Detection(label, confidence, Box(x - half, y - height, x + half, y))


def run(looks: Sequence[Sequence[Detection]], tracker: Tracker | None = None) -> list[tuple[TrackedObject, ...]]:
    tracker = tracker or Tracker()
    seen = []
    for number, found in enumerate(looks):
        tracker.update(found, number * STEP_S)
        seen.append(tracker.objects())
    return seen


def ids(seen: Sequence[tuple[TrackedObject, ...]]) -> set[int]:
    return {one.id for objects in seen for one in objects}


def test_somebody_who_walks_by_keeps_one_id_though_the_boxes_do_not_overlap() -> None:
    step = 1.4 / 1.7 * HEIGHT * STEP_S / (16 / 9)  # 1.4 m/s of somebody 1.7 m tall
    looks = [[person(0.1 + step * n)] for n in range(10)]
    assert looks[0][0].box.iou(looks[1][0].box) < 0.2
    seen = run(looks)
    assert ids(seen) == {1}
    assert seen[-1][0].speed == pytest.approx(1.4 / 1.7, rel=0.15)


def test_somebody_who_runs_is_told_from_somebody_who_walks() -> None:
    step = 3.5 / 1.7 * HEIGHT * STEP_S / (16 / 9)
    seen = run([[person(0.05 + step * n)] for n in range(6)])
    assert ids(seen) == {1}
    assert seen[-1][0].speed > 1.4


def test_one_look_is_not_believed_and_a_second_one_is() -> None:
    seen = run([[person(0.5)], [person(0.5)]])
    assert [len(objects) for objects in seen] == [0, 1]


def test_a_ghost_of_one_look_is_forgotten() -> None:
    assert ids(run([[person(0.5)], [], [], [], []])) == set()


def test_an_id_survives_a_short_occlusion_in_mid_walk() -> None:
    step = 0.04
    looks = (
        [[person(0.2 + step * n)] for n in range(5)] + [[], [], []] + [[person(0.2 + step * n)] for n in range(8, 12)]
    )
    seen = run(looks)
    assert ids(seen) == {1}
    hidden = seen[6][0]
    assert hidden.last_tick_s < 6 * STEP_S


def test_weak_boxes_carry_on_a_track_but_begin_none() -> None:
    looks = [[person(0.5)], [person(0.5)], *[[person(0.5, confidence=0.2)]] * 12]
    seen = run(looks)
    assert ids(seen) == {1}
    assert seen[-1][0].last_tick_s == (len(looks) - 1) * STEP_S
    assert ids(run([[person(0.5, confidence=0.2)]] * 6)) == set()


def test_two_people_who_pass_each_other_keep_their_ids() -> None:
    left = [person(0.2 + 0.05 * n, y=0.8) for n in range(12)]
    right = [person(0.8 - 0.05 * n, y=0.9, height=0.34) for n in range(12)]
    seen = run([[a, b] for a, b in zip(left, right, strict=True)])
    first = {one.id: one.box.centre[0] for one in seen[1]}
    last = {one.id: one.box.centre[0] for one in seen[-1]}
    assert first.keys() == last.keys()
    assert all((first[key] < 0.5) != (last[key] < 0.5) for key in first)


def test_who_leaves_over_the_edge_is_gone_soon_and_the_next_one_is_somebody_else() -> None:
    away = [[person(0.5 + 0.1 * n)] for n in range(5)]
    away[-1] = [Detection("person", 0.6, Box(0.92, 0.5, 1.0, 0.8))]
    seen = run([*away, [], [], [], [], [], [person(0.05)], [person(0.1)]])
    assert not seen[9]
    assert len(ids(seen)) == 2


def test_who_stands_still_behind_something_is_held_longer_than_who_walks() -> None:
    still = run([*[[person(0.5)]] * 12, *[[]] * 18])
    walking = run([*[[person(0.2 + 0.03 * n)] for n in range(12)], *[[]] * 18])
    assert len(still[-1]) == 1
    assert not walking[-1]


def test_nothing_moved_means_that_who_was_there_still_is() -> None:
    tracker = Tracker()
    run([[person(0.5)]] * 3, tracker)
    for number in range(3, 200):
        tracker.hold(number * STEP_S)
    (one,) = tracker.objects()
    assert one.id == 1
    assert one.dwell_s == pytest.approx(199 * STEP_S)


def test_a_car_that_is_called_a_truck_for_a_moment_is_one_car() -> None:
    labels = ["car", "car", "truck", "car", "car"]
    seen = run([[person(0.5, label=label)] for label in labels])
    assert ids(seen) == {1}
    assert {one.label for objects in seen for one in objects} == {"car"}


def test_a_person_and_the_car_in_front_of_it_are_two() -> None:
    seen = run([[person(0.5), person(0.5, label="car")]] * 4)
    assert sorted(one.label for one in seen[-1]) == ["car", "person"]


def test_the_path_of_who_stays_for_an_hour_stays_small() -> None:
    tracker = Tracker()
    for number in range(7200):
        tracker.update([person(0.5 + 0.1 * math.sin(number / 20))], number * STEP_S)
    (one,) = tracker.objects()
    assert len(one.path) <= 600
    assert one.path[-1][0] == 7199 * STEP_S
    assert one.first_tick_s == 0.0


def test_one_certain_look_may_be_enough_where_somebody_says_so() -> None:
    assert ids(run([[person(0.5)]], Tracker(TrackerOptions(hits=1)))) == {1}


@pytest.mark.parametrize("jitter", [0.0, 0.01, 0.02])
def test_boxes_that_tremble_do_not_make_somebody_run(jitter: float) -> None:
    seen = run([[person(0.5 + jitter * (-1) ** n)] for n in range(20)])
    assert ids(seen) == {1}
    assert max(objects[0].speed for objects in seen[4:]) < 0.8


def live(looks: Sequence[tuple[Sequence[Detection], float]]) -> list[tuple[TrackedObject, ...]]:
    """Looks with how much of every box is foreground."""
    tracker, seen = Tracker(), []
    for number, (found, stirred) in enumerate(looks):
        tracker.update(found, number * STEP_S, stirred=lambda _, stirred=stirred: stirred)
        seen.append(tracker.objects())
    return seen


def test_a_poster_is_never_somebody_and_a_sitter_is_from_the_first_stir_on() -> None:
    assert not ids(live([([person(0.5)], 0.01)] * 50))
    seen = live([([person(0.5)], 0.2 if n == 20 else 0.0) for n in range(50)])
    assert [bool(objects) for objects in seen] == [n >= 20 for n in range(50)]


def test_who_walks_is_somebody_though_the_night_hides_what_is_foreground() -> None:
    seen = live([([person(0.2 + 0.03 * n)], 0.0) for n in range(10)])
    assert seen[-1]


def test_somebody_who_passes_a_poster_does_not_bring_it_to_life() -> None:
    poster, tracker, somebody = person(0.5, y=0.6, height=0.2), Tracker(), set[float]()
    for n in range(20):
        by = person(0.1 + 0.05 * n, y=0.65, height=0.25)
        tracker.update([poster, by], n * STEP_S, stirred=lambda box, by=by: box.overlap(by.box) / box.area * 0.9)
        somebody |= {round(one.box.height, 2) for one in tracker.objects()}
    assert somebody == {0.25}


RED, BLUE = (np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32))


@pytest.mark.parametrize(("coat", "people"), [(RED, 1), (BLUE, 2)])
def test_who_comes_from_behind_something_is_known_by_the_coat(coat: NDArray[np.float32], people: int) -> None:
    tracker, seen = Tracker(), []
    for n in range(12):
        found = [] if 5 <= n < 8 else [person(0.3 + 0.03 * n)]
        tracker.update(found, n * STEP_S, looks=lambda _, n=n: RED if n < 5 else coat)
        seen.append(tracker.objects())
    assert len(ids(seen)) == people


def test_who_is_missed_for_a_look_is_carried_on_by_what_moves_in_the_box() -> None:
    tracker = Tracker()
    for n in range(4):
        tracker.update([person(0.3 + 0.03 * n)], n * STEP_S)
    (before,) = tracker.objects()
    tracker.update([], 4 * STEP_S, flow=lambda _: (0.03, 0.01))
    (after,) = tracker.objects()
    assert after.box.left == pytest.approx(before.box.left + 0.03)
    assert after.box.bottom == pytest.approx(before.box.bottom + 0.01)
    assert after.last_tick_s == before.last_tick_s, "it was not seen"
    for n in range(5, 8):
        tracker.update([], n * STEP_S, flow=lambda _: (0.03, 0.01))
    (later,) = tracker.objects()
    assert later.box.left == pytest.approx(before.box.left + 0.06), "two looks, then it may be somebody else"
