"""Owns how what is in view weighs on a model's score: explicit weights in log odds, as a pure function, with reasons.

A fight without a person in view for seconds is held back, persons where it moves make it surer, and so does somebody
who lingered there before. Every weight is in the configuration, and the incident says which ones counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.types import NORMAL, Reason, Score
from crime_detect_engine.domain.units import parse_duration

_SUREST = 1e-6
_WEIGHT_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class FusionOptions:
    """Weights in log odds: −2 makes 0.8 of a score into 0.35, +0.5 makes 0.87 of it."""

    enabled: bool = False
    no_person: float = -2.0
    person_in_region: float = 0.5
    lingered: float = 0.5
    memory_s: float = 5.0
    """Somebody seen so long ago still counts: a person on the ground, or hidden in a scuffle, is often not found."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the view when a score comes."""

    looked: bool = False
    """Somebody looks who is there, and did within the last seconds."""
    person_age_s: float | None = None
    """Seconds since a person was in view; None: none since the looking began."""
    looking_s: float = 0.0
    """For how long somebody has been looking without a break."""
    persons: int = 0
    in_region: int = 0
    """Persons where the model looks."""
    lingered: str | None = None
    """Who lingered before (decision/patterns.py), for people."""


def fuse(options: FusionOptions, score: Score, facts: Facts) -> tuple[Score, tuple[Reason, ...]]:
    """The score with the weights of the facts, and which these are. Nothing is known of an unwatched view."""
    if not options.enabled or not facts.looked:
        return score, ()
    reasons = tuple(_reasons(options, facts))
    weight = sum(reason.weight for reason in reasons)
    if not weight or not math.isfinite(score.probabilities.get(NORMAL, 0.0)):
        return score, reasons
    return replace(score, probabilities=_weighed(score, weight)), reasons


def _reasons(options: FusionOptions, facts: Facts) -> list[Reason]:
    found: list[Reason] = []
    if facts.person_age_s is None or facts.person_age_s > options.memory_s:
        # Who has just begun to look cannot say that nobody was there.
        if facts.looking_s > options.memory_s:
            ago = "nobody yet" if facts.person_age_s is None else f"nobody for {facts.person_age_s:.0f} s"
            found.append(Reason("no_person", options.no_person, ago))
    elif facts.in_region:
        found.append(Reason("person_in_region", options.person_in_region, _people(facts.in_region)))
    if facts.lingered is not None:
        found.append(Reason("lingered", options.lingered, facts.lingered))
    return found


def _people(count: int) -> str:
    return "1 person where it moves" if count == 1 else f"{count} persons where it moves"


def _weighed(score: Score, weight: float) -> dict[str, float]:
    """Every class but normal in the same proportion as before; the sum stays 1."""
    suspicious = min(max(1.0 - score.probabilities.get(NORMAL, 0.0), _SUREST), 1.0 - _SUREST)
    now = 1.0 / (1.0 + math.exp(-(math.log(suspicious / (1.0 - suspicious)) + weight)))
    total = sum(value for label, value in score.probabilities.items() if label != NORMAL)
    return {
        label: 1.0 - now if label == NORMAL else value * now / total if total > 0 else value
        for label, value in score.probabilities.items()
    }


def _weight(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_WEIGHT_LIMIT <= value <= _WEIGHT_LIMIT:
        raise vol.Invalid(f"expected a number from -{_WEIGHT_LIMIT:g} to {_WEIGHT_LIMIT:g}, in log odds")
    return float(value)


def _memory(value: object) -> float:
    try:
        memory_s = parse_duration(value)
    except ValueError:
        memory_s = -1.0
    if not 1 <= memory_s <= 300:
        raise vol.Invalid("expected a duration from 1s to 5m")
    return memory_s


def _enabled(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _options(value: dict[str, Any]) -> FusionOptions:
    return FusionOptions(**{("memory_s" if key == "memory" else key): part for key, part in value.items()})


SCHEMA = vol.All(
    vol.Schema(
        {
            "enabled": _enabled,
            "no_person": _weight,
            "person_in_region": _weight,
            "lingered": _weight,
            "memory": _memory,
        }
    ),
    _options,
)
"""Yields FusionOptions."""
