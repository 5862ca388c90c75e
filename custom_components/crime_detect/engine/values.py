"""Owns reading single values of JSON: what is missing or of another kind raises, and `checked` says of what."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from .errors import BadMessageError


def checked[T](what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except BadMessageError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessageError(f"{what}: {type(error).__name__}: {error}", "bad_message") from error


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, not {type(value).__name__}")
    return value


def identifier(value: Any) -> str:
    """Ids become parts of file names: letters, digits, `_` and `-` only."""
    given = text(value)
    if len(given) > 64 or not given.isascii() or not given.replace("_", "").replace("-", "").isalnum():
        raise ValueError("not an id")
    return given


def optional_text(value: Any) -> str | None:
    return None if value is None else text(value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, not {type(value).__name__}")
    return value


def optional_number(value: Any) -> float | None:
    return None if value is None else number(value)


def number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("expected a number")
    return float(value)


def total(*parts: Any) -> int | None:
    """Of those that are known; None where none is."""
    known = [int(part) for part in parts if part is not None]
    return sum(known) if known else None


def optional_time(value: Any) -> datetime | None:
    return None if value is None else time(value)


def time(value: Any) -> datetime:
    at = datetime.fromisoformat(text(value))
    if at.tzinfo is None:
        raise ValueError("a time without an offset")
    return at
