"""Owns what takes longer than a model's window: somebody lingers, and then something happens.

    calm ──lingers for `linger_s`──▶ lingering ──leaves──▶ primed ──`within_s` pass──▶ calm
                                        └──────── an act ────────▶ told: raised, with the reason

An act is a model's score at its log floor, an intrusion, a crossing, running or a thing taken. While somebody lingers
or lingered lately, an act is a grade graver and says why. Pure functions; nothing here opens an incident of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.types import Rules, Severity
from crime_detect_engine.domain.units import parse_duration

ACTS = frozenset({"trespassing", "line_crossing", "running", "object_taken", "crowd"})


@dataclass(frozen=True, slots=True)
class PatternOptions:
    """Somebody in view for `linger_s` lingers; what happens up to `within_s` after is connected with it."""

    enabled: bool = False
    linger_s: float = 30.0
    within_s: float = 300.0


@dataclass(frozen=True, slots=True)
class PatternState:
    """`last_tick_s`: when somebody lingered last, None: calm."""

    last_tick_s: float | None = None
    longest_s: float = 0.0
    where: str | None = None


def observe(
    options: PatternOptions, state: PatternState, tick_s: float, stays: Iterable[tuple[float, str | None]]
) -> PatternState:
    """`stays`: (seconds, zone) of each person in view now."""
    if state.last_tick_s is not None and tick_s - state.last_tick_s > options.within_s:
        state = PatternState()
    lingering = [stay for stay in stays if stay[0] >= options.linger_s]
    if not lingering:
        return state
    longest_s, where = max(lingering, key=lambda stay: stay[0])
    return replace(state, last_tick_s=tick_s, longest_s=max(longest_s, state.longest_s), where=where or state.where)


def lingered(options: PatternOptions, state: PatternState, tick_s: float) -> str | None:
    """Who lingered before this moment, for people; None where nobody did, or too long ago."""
    if not options.enabled or state.last_tick_s is None or tick_s - state.last_tick_s > options.within_s:
        return None
    ago_s, where = tick_s - state.last_tick_s, f" in {state.where}" if state.where else ""
    when = "until now" if ago_s < 2 else f"until {ago_s:.0f} s before"
    return f"somebody lingered{where} for {state.longest_s:.0f} s, {when}"


def raised(rules: Rules, label: str) -> Rules:
    """The same rules with an incident of this class a grade graver."""
    return replace(rules, severity={**rules.severity, label: Severity.CRITICAL})


def _duration(low_s: float, high_s: float) -> Any:
    def check(value: object) -> float:
        try:
            seconds = parse_duration(value)
        except ValueError:
            seconds = -1.0
        if not low_s <= seconds <= high_s:
            raise vol.Invalid(f"expected a duration from {low_s:g}s to {high_s:g}s")
        return seconds

    return check


def _enabled(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _options(value: dict[str, Any]) -> PatternOptions:
    names = {"linger": "linger_s", "within": "within_s"}
    return PatternOptions(**{names.get(key, key): part for key, part in value.items()})


SCHEMA = vol.All(
    vol.Schema({"enabled": _enabled, "linger": _duration(5, 3600), "within": _duration(5, 3600)}), _options
)
"""Yields PatternOptions."""
