"""Owns the proof that splices are fair: as many cuts to nothing as to an incident, delay from onset, hours once."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from crime_detect_engine.domain.types import ModelSpec, Rules
from crime_detect_engine.stress.splices import Piece, plan_splices, play_splice, splices_section

from tests.fakes import ScriptedClassifier

Make = Callable[..., Path]


def pieces(normal: int, incidents: int) -> list[Piece]:
    calm = [Piece(Path(f"normal/{n}.mp4"), "normal") for n in range(normal)]
    return calm + [Piece(Path(f"fighting/{n}.mp4"), "fighting") for n in range(incidents)]


@pytest.mark.parametrize(("normal", "incidents"), [(20, 4), (9, 11), (4, 2), (121, 120)])
def test_as_many_cuts_lead_to_nothing_as_to_an_incident(normal: int, incidents: int) -> None:
    rounds = plan_splices(pieces(normal, incidents))
    for order in rounds:
        kinds = [(a.label, b.label) for a, b in pairwise(order)]
        assert kinds.count(("normal", "normal")) == kinds.count(("normal", "fighting")) > 0
        assert len(set(order)) == len(order)
    played = [piece for order in rounds for piece in order if piece.label != "normal"]
    assert sorted(str(piece.path) for piece in played) == sorted(str(p.path) for p in pieces(0, incidents))
    assert rounds == plan_splices(list(reversed(pieces(normal, incidents))))


def test_too_little_to_splice_is_no_splice() -> None:
    assert plan_splices(pieces(1, 3)) == []
    assert plan_splices(pieces(5, 0)) == []


def test_events_are_told_with_their_delay_and_the_false_alarm_is_not_among_them(
    small_spec: ModelSpec, told_video: Make
) -> None:
    calm = [Piece(told_video(f"normal/{n}.mp4", 2.0, seed=n + 2), "normal") for n in range(3)]
    loud = Piece(told_video("normal/loud.mp4", 2.0, 0.9, seed=7), "normal")
    fight = Piece(told_video("fighting/1.mp4", 2.0, 0.95, seed=8), "fighting")
    quiet = Piece(told_video("fighting/2.mp4", 2.0, 0.1, seed=9), "fighting")
    rules = Rules()
    order = [calm[0], calm[1], fight, loud, calm[2], quiet]
    # The loud clip comes after a calm one: told so soon after a fight it would be the fight's own.
    order[3], order[4] = order[4], order[3]
    spliced = play_splice(order, ScriptedClassifier(small_spec), rules)
    section = splices_section([spliced], small_spec, rules)
    assert [round(span.end_s - span.start_s, 1) for span in spliced.spans] == [pytest.approx(6.0, abs=0.2)] * 6
    assert section["event_recall"] == 0.5
    assert section["missed"] == ["fighting/2.mp4"]
    assert section["delay_s"]["least_possible"] <= section["delay_s"]["median"] < 4
    (alarm,) = section["false_alarms_listed"]
    assert alarm["file"] == "normal/loud.mp4"
    assert alarm["time_s"] < 4
    # Four clips of two seconds, though each was seen for six.
    assert section["false_alarms"]["unique_hours"] == pytest.approx(8 / 3600, abs=1e-4)
    cuts = section["cuts"]
    assert (cuts["normal_to_normal"], cuts["normal_to_incident"], cuts["incident_to_normal"]) == (2, 2, 1)
    assert cuts["found_share"] == 1.0


def test_a_clip_played_to_and_fro_has_no_jump(small_spec: ModelSpec, told_video: Make) -> None:
    piece = Piece(told_video("normal/1.mp4", 2.0), "normal")
    assert play_splice([piece], ScriptedClassifier(small_spec), Rules()).cuts == ()
