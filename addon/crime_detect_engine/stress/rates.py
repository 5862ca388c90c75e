"""Owns how often: false alarms a camera-hour and -day, with the bound that so few hours leave open."""

from __future__ import annotations

import math
from typing import Any

DAY_S = 86_400.0


def alarm_rates(alarms: float, unique_s: float) -> dict[str, Any]:
    """Rates over unique seconds; `bound_95` is the largest rate that would show so few with a chance of 5 %.

    Without any alarm that is the rule of three, 3/D a day for D camera-days.
    """
    days = unique_s / DAY_S
    bound = upper_bound(math.ceil(alarms))
    return {
        "unique_hours": round(unique_s / 3600, 4),
        "unique_camera_days": round(days, 5),
        "alarms": round(alarms, 2),
        "per_unique_minute": _per(alarms, unique_s / 60),
        "per_hour": _per(alarms, unique_s / 3600),
        "per_day": _per(alarms, days),
        "per_day_bound_95": _per(bound, days),
    }


def upper_bound(count: int, chance: float = 0.05) -> float:
    """The mean of a Poisson variable that is at most `count` with this chance: 3.0 for none."""
    low, high = 0.0, 10.0 + 3.0 * count
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(count, middle) > chance:
            low = middle
        else:
            high = middle
    return high


def _at_most(count: int, mean: float) -> float:
    return sum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(count + 1)) if mean > 0 else 1.0


def _per(count: float, units: float) -> float | None:
    return float(f"{count / units:.4g}") if units > 0 else None
