"""Owns the proof that a head is hidden unless its own face is: nobody is left out for somebody else's face."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.scene import Box, Detection
from crime_detect_engine.heads import head_of, heads_of

STANDING = Box(0.4, 0.1, 0.5, 0.9)
WIDE = 9 / 16


def person(box: Box, confidence: float = 0.9) -> Detection:
    return Detection("person", confidence, box)


def face(x: float, y: float, height: float = 0.1, confidence: float = 0.95) -> Detection:
    return Detection("face", confidence, Box(x - 0.02, y - height / 2, x + 0.02, y + height / 2))


@pytest.mark.parametrize(
    ("person", "share"),
    [
        (Box(0.4, 0.1, 0.5, 0.9), 0.3),
        (Box(0.2, 0.4, 0.8, 0.9), 1.0),
        (Box(0.4, 0.4, 0.6, 0.756), 0.65),
    ],
)
def test_of_who_stands_the_top_is_the_head_of_who_lies_all_may_be(person: Box, share: float) -> None:
    head = head_of(person, WIDE)
    assert (head.left, head.top, head.right) == person[:3]
    assert head.height / person.height == pytest.approx(share, abs=0.02)


def test_a_head_whose_face_was_surely_found_is_hidden_by_it() -> None:
    assert heads_of([person(STANDING)], [face(0.45, 0.2)], WIDE) == []
    again = person(Box(0.41, 0.11, 0.5, 0.88), 0.5)
    assert heads_of([person(STANDING), again], [face(0.45, 0.2)], WIDE) == [], "found twice, it is one person"


@pytest.mark.parametrize(
    "other",
    [
        face(0.45, 0.2, confidence=0.7),
        face(0.49, 0.2),
        face(0.45, 0.6),
        face(0.45, 0.2, height=0.03),
        face(0.45, 0.2, height=0.3),
    ],
)
def test_what_may_be_no_face_of_hers_leaves_the_head_hidden(other: Detection) -> None:
    assert heads_of([person(STANDING)], [other], WIDE) == [head_of(STANDING, WIDE)]


def test_of_two_who_overlap_both_heads_stay_hidden() -> None:
    beside = Box(0.44, 0.12, 0.54, 0.9)
    assert len(heads_of([person(STANDING), person(beside)], [face(0.46, 0.2)], WIDE)) == 2
