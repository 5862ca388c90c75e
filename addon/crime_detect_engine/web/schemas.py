"""Owns the schemas that several routes share."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.wire import parse_timestamp

LABEL = vol.Match(r"^[a-z][a-z0-9_]{0,31}$", msg="expected a class name like fighting")


def finite(value: Any) -> float:
    """A number that is one: NaN passes every range check."""
    number = float(value)
    if isinstance(value, bool) or not math.isfinite(number):
        raise ValueError(value)
    return number


SHORT_TEXT = vol.All(str, vol.Length(min=1, max=100, msg="expected a text of up to 100 characters"))
ADDRESS = vol.All(str, vol.Length(min=1, max=2000, msg="expected an address of up to 2000 characters"))
FRACTION = vol.All(vol.Coerce(finite, msg="expected a number"), vol.Range(min=0, max=1, msg="expected 0 to 1"))


_POINT = vol.All([FRACTION], vol.Length(min=2, max=2, msg="expected a point like [0.2, 0.3]"))
_POLYGON = vol.All([_POINT], vol.Length(min=3, max=32, msg="expected 3 to 32 points"))
MASKS = vol.All([_POLYGON], vol.Length(max=16, msg="expected up to 16 masks"))
_AREA = vol.Match(r"^[a-z0-9_]{1,32}$", msg="expected 1 to 32 of a-z, 0-9 and _")
AREAS = vol.All({_AREA: dict}, vol.Length(max=16, msg="expected up to 16"))
"""Zones or lines by name, each as in the configuration file, which knows what is allowed."""


def body_timestamp(text: Any) -> datetime:
    return parse_timestamp(str(text))


def query_timestamp(text: str) -> datetime:
    """As in a body, but forgives the `+` of an offset that nobody encoded (it arrives as a space)."""
    return parse_timestamp(text.replace(" ", "+"))


def query_date(text: str) -> date:
    """A day and nothing else: Python reads weeks and times too."""
    if len(text) != 10 or text[4] + text[7] != "--":
        raise ValueError(text)
    return date.fromisoformat(text)


def query_month(text: str) -> date:
    """Its first day."""
    if len(text) != 7 or text[4] != "-":
        raise ValueError(text)
    return date.fromisoformat(f"{text}-01")


QUERY_MONTH = vol.Coerce(query_month, msg="expected a month like 2026-10")
QUERY_DATE = vol.Coerce(query_date, msg="expected a day like 2026-11-21")
TIMESTAMP = vol.All(str, vol.Coerce(body_timestamp, msg="expected a time like 2026-11-21T03:00:00Z"))
QUERY_TIMESTAMP = vol.Coerce(query_timestamp, msg="expected a time like 2026-11-21T03:00:00Z")
