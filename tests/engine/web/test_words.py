"""Plain words of the pages: what a rule, a reason and what was seen beside are called."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.types import INCIDENT_CLASSES
from crime_detect_engine.web.words import attributes, readable, reason, weighed


def test_every_class_reads_as_words() -> None:
    assert all(readable(label)[0].isupper() and "_" not in readable(label) for label in INCIDENT_CLASSES)
    assert (readable("object_taken"), readable("line_crossing")) == ("Object taken away", "Line crossing")
    assert (readable(None), reason(None)) == ("", "")


def test_a_reason_that_nobody_named_yet_reads_as_it_is_written() -> None:
    assert (reason("no_person"), reason("rain_on_lens")) == ("Nobody was in view", "Rain on lens")


@pytest.mark.parametrize(
    ("weight", "said"), [(0.5, "for it: +0.5"), (-2.0, "against it: \N{MINUS SIGN}2.0"), (0.0, "")]
)
def test_a_weight_says_for_which_side_it_counts(weight: float, said: str) -> None:
    assert weighed(weight) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            [{"label": "knife", "confidence": 0.41}, {"label": "baseball_bat", "score": 0.6}],
            "Knife 41 %, Baseball bat 60 %",
        ),
        (["scream", "glass"], "scream, glass"),
        (0.9, "90 %"),
        ("A man in red", "A man in red"),
        (12.5, "12.5"),
        (True, "yes"),
        (None, ""),
        ({}, ""),
    ],
)
def test_what_was_seen_beside_reads_as_text(value: object, said: str) -> None:
    assert attributes({"carried": value}) == [("Carries", said)]
