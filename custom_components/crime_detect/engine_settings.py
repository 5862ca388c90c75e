"""Owns how settings of the engine look in forms: percent, days, gigabytes and hours of the week."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_S = 86_400
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": _DAY_S, "w": 7 * _DAY_S}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def percent(fraction: float) -> int:
    return round(fraction * 100)


def fraction(value: float) -> float:
    return round(value / 100, 4)


def days_of_duration(text: object) -> float | None:
    """Days of `30d`, `12h` or of seconds; None when it is not a duration."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return _neat(text / _DAY_S)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)\s*", str(text))
    return _neat(float(match[1]) * _SECONDS[match[2]] / _DAY_S) if match else None


def duration_of_days(days: float) -> str:
    return f"{_neat(days)}d"


def gigabytes_of_size(text: object) -> float | None:
    """Gigabytes of `20GB`, `500MB` or of bytes; None when it is not a size."""
    if isinstance(text, int) and not isinstance(text, bool):
        return _neat(text / 10**9)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*", str(text), re.IGNORECASE)
    return _neat(float(match[1]) * _BYTES[match[2].upper()] / 10**9) if match else None


def size_of_gigabytes(gigabytes: float) -> str:
    return f"{_neat(gigabytes)}GB"


def shown_schedule(schedule: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """The engine's windows as rows of a form; [] is always."""
    return [
        {
            "days": _days(window.get("days", "daily")),
            "from": _clock(window.get("from", "00:00")),
            "to": _clock(window.get("to", "24:00")),
        }
        for window in schedule or ()
    ]


def schedule_of(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """The engine's windows of a form's rows; None is always. Raises ValueError for a row without days or hours."""
    windows = []
    for row in rows:
        days = [day for day in DAYS if day in row.get("days", ())]
        start, end = str(row.get("from") or "")[:5], str(row.get("to") or "")[:5]
        if not days or not start or not end or (start == end != "00:00"):
            raise ValueError("incomplete")
        # A form has no 24:00: from midnight to midnight is the whole day.
        named = "daily" if len(days) == len(DAYS) else ",".join(days)
        windows.append({"days": named, "from": start, "to": "24:00" if end == "00:00" else end})
    return windows or None


def _days(value: object) -> list[str]:
    found: set[str] = set()
    for part in value if isinstance(value, list) else str(value).split(","):
        first, dash, last = (name.strip() for name in str(part).lower().partition("-"))
        if first in ("daily", "all"):
            found.update(DAYS)
        elif first in DAYS and (not dash or last in DAYS):
            begin = DAYS.index(first)
            length = (DAYS.index(last) - begin) % 7 if dash else 0
            found.update(DAYS[(begin + step) % 7] for step in range(length + 1))
    return [day for day in DAYS if day in found]


def _clock(text: object) -> str:
    """`07:00:00` as a form's clock wants it; 24:00 is midnight there."""
    hours, _, minutes = str(text).strip().partition(":")
    return f"{int(hours) % 24:02}:{minutes[:2]:0<2}:00"


def _neat(number: float) -> float:
    rounded = round(number, 3)
    return int(rounded) if rounded == int(rounded) else rounded
