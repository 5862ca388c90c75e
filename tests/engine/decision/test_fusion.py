"""What is in view weighs on a score: by the weights of the configuration, with reasons, and never unseen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import voluptuous as vol
from crime_detect_engine.decision.fusion import SCHEMA, Facts, FusionOptions, fuse
from crime_detect_engine.domain.types import Score

AT = datetime(2026, 11, 21, 3, tzinfo=UTC)
ON = FusionOptions(enabled=True)


def score(fighting: float = 0.85, robbery: float = 0.0) -> Score:
    return Score("cam", AT, 0.0, {"normal": 1 - fighting - robbery, "fighting": fighting, "robbery": robbery}, "m", 1.0)


NOBODY = Facts(looked=True, person_age_s=9.0, looking_s=60.0)
SOMEBODY = Facts(looked=True, person_age_s=0.0, looking_s=60.0, persons=2, in_region=2)


def test_off_by_default_a_score_is_what_the_model_says() -> None:
    assert fuse(FusionOptions(), score(), NOBODY) == (score(), ())


def test_a_fight_with_nobody_in_view_is_held_back_and_says_why() -> None:
    weighed, (reason,) = fuse(ON, score(), NOBODY)
    assert weighed.probabilities["fighting"] == pytest.approx(0.434, abs=0.001)
    assert sum(weighed.probabilities.values()) == pytest.approx(1)
    assert reason.json() == {"reason": "no_person", "weight": -2.0, "detail": "nobody for 9 s"}


def test_persons_where_it_moves_make_it_surer() -> None:
    weighed, (reason,) = fuse(ON, score(), SOMEBODY)
    assert weighed.probabilities["fighting"] > 0.85
    assert (reason.reason, reason.detail) == ("person_in_region", "2 persons where it moves")


def test_who_lingered_before_counts_beside_persons() -> None:
    _, reasons = fuse(ON, score(), Facts(True, 0.0, 60.0, 1, 1, "somebody lingered"))
    assert [reason.reason for reason in reasons] == ["person_in_region", "lingered"]


def test_classes_keep_their_proportion() -> None:
    weighed, _ = fuse(ON, score(0.6, 0.3), NOBODY)
    assert weighed.probabilities["fighting"] / weighed.probabilities["robbery"] == pytest.approx(2)


@pytest.mark.parametrize(
    "facts",
    [
        Facts(looked=False),
        Facts(looked=True, person_age_s=None, looking_s=1.0),
        Facts(looked=True, person_age_s=3.0, looking_s=60.0),
    ],
)
def test_what_is_not_known_holds_nothing_back(facts: Facts) -> None:
    """A detector that is away or has just begun, and a person who lies on the ground."""
    assert fuse(ON, score(), facts)[0] == score()


@pytest.mark.parametrize("fighting", [0.0, 1.0])
def test_certainty_stays_a_probability(fighting: float) -> None:
    for facts in (NOBODY, SOMEBODY):
        values = fuse(ON, score(fighting), facts)[0].probabilities.values()
        assert all(0 <= value <= 1 for value in values)


def test_settings_as_people_write_them() -> None:
    assert SCHEMA({"enabled": True, "no_person": -3, "memory": "10s"}) == FusionOptions(True, -3.0, memory_s=10.0)
    for wrong in ({"no_person": -30}, {"memory": "1h"}, {"enabled": "yes"}, {"lingered": True}):
        with pytest.raises(vol.Invalid):
            SCHEMA(wrong)
