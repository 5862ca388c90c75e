"""Owns the tests of the mailbox: newest wins, order a camera, nothing lost in silence."""

from __future__ import annotations

from crime_detect_engine.mailbox import DEPTH, Mailbox

from tests.fakes import told_frame


def ticks(taken: dict) -> dict[str, list[float]]:
    return {camera: [frame.tick_s for frame in frames] for camera, frames in taken.items()}


def test_twice_the_load_costs_counted_frames_and_no_delay():
    mailbox = Mailbox()
    for n in range(3 * DEPTH):
        mailbox.put(told_frame("yard", n, 0.1))
    assert ticks(mailbox.take(8)) == {"yard": [float(n) for n in range(2 * DEPTH, 3 * DEPTH)]}
    assert mailbox.dropped == {"yard": 2 * DEPTH}


def test_a_camera_in_flight_waits_so_that_its_order_is_kept():
    mailbox = Mailbox()
    mailbox.put(told_frame("yard", 1, 0.1))
    assert ticks(mailbox.take(8)) == {"yard": [1.0]}
    mailbox.put(told_frame("yard", 2, 0.1))
    mailbox.put(told_frame("gate", 3, 0.1))
    assert ticks(mailbox.take(8)) == {"gate": [3.0]}, "two threads would share the window of yard"
    mailbox.done("yard")
    assert ticks(mailbox.take(8)) == {"yard": [2.0]}


def test_who_waits_longest_is_served_first():
    mailbox = Mailbox()
    for tick_s, camera in ((3, "a"), (1, "b"), (2, "c")):
        mailbox.put(told_frame(camera, tick_s, 0.1))
    assert list(mailbox.take(2)) == ["b", "c"]


def test_a_dropped_cut_is_told_by_the_next_frame():
    mailbox = Mailbox(depth=2)
    mailbox.put(told_frame("yard", 0, 0.1, cut=True))
    for n in (1, 2, 3):
        mailbox.put(told_frame("yard", n, 0.1))
    taken = mailbox.take(1)["yard"]
    assert [(frame.tick_s, frame.cut) for frame in taken] == [(2.0, True), (3.0, False)]
    mailbox.done("yard")
    mailbox.put(told_frame("yard", 4, 0.1))
    assert not mailbox.take(1)["yard"][0].cut, "only once"


def test_cleared_frames_stay_counted_and_what_is_in_flight_stays_so():
    mailbox = Mailbox(depth=1)
    mailbox.put(told_frame("yard", 0, 0.1))
    mailbox.take(1)
    mailbox.put(told_frame("yard", 1, 0.1))
    mailbox.put(told_frame("yard", 2, 0.1))
    mailbox.clear("yard")
    mailbox.put(told_frame("yard", 3, 0.1))
    assert mailbox.take(1) == {}
    mailbox.done("yard")
    assert [frame.cut for frame in mailbox.take(1)["yard"]] == [True]
    assert mailbox.dropped == {"yard": 1}


def test_a_forgotten_camera_starts_anew():
    mailbox = Mailbox(depth=1)
    mailbox.put(told_frame("yard", 0, 0.1))
    mailbox.put(told_frame("yard", 1, 0.1))
    mailbox.forget("yard")
    assert mailbox.dropped == {}
    assert mailbox.take(1) == {}
