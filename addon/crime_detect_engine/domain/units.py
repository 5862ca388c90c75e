"""Owns durations and sizes as people write and read them: `60s`, `5m`, `30d`, `20GB`."""

from __future__ import annotations

import re

_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_duration(value: object) -> float:
    """Seconds of `90`, `60s`, `1.5h`, `30d`. Raises ValueError with what is allowed."""
    if isinstance(value, bool):
        raise ValueError("expected a duration like 60s, 5m, 12h or 30d")
    if isinstance(value, (int, float)):
        seconds = float(value)
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)\s*", str(value))
        if not match:
            raise ValueError(f"expected a duration like 60s, 5m, 12h or 30d, got {value!r}")
        seconds = float(match[1]) * _SECONDS[match[2]]
    if not 0 <= seconds < 10**10:
        raise ValueError("a duration must not be negative or endless")
    return seconds


def format_duration(seconds: float) -> str:
    """`30d` of 2592000: the largest unit up to days that leaves no fraction."""
    unit = next((one for one in ("d", "h", "m") if seconds and seconds % _SECONDS[one] == 0), "s")
    return f"{seconds / _SECONDS[unit]:.15g}{unit}"


def format_size(size: int) -> str:
    """`20GB` of 20000000000: the largest unit that leaves no fraction."""
    unit = next((one for one in ("TB", "GB", "MB", "KB") if size and size % _BYTES[one] == 0), "B")
    return f"{size // _BYTES[unit]}{unit}"


def parse_size(value: object) -> int:
    """Bytes of `500MB`, `20GB` (1 GB = 10⁹ bytes). Raises ValueError with what is allowed."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*", str(value), re.IGNORECASE)
    if not match:
        raise ValueError(f"expected a size like 500MB or 20GB, got {value!r}")
    return int(float(match[1]) * _BYTES[match[2].upper()])
