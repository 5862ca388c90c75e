"""Owns the tests of the line that names the database: what is taken, what is refused, and that no password shows."""

from __future__ import annotations

import pytest
import voluptuous as vol
from crime_detect_engine.store.address import SCHEMA, DatabaseOptions, parse, place


def read(value: object) -> DatabaseOptions:
    return vol.Schema(SCHEMA)(value)


def test_sqlite_is_no_address() -> None:
    assert read("sqlite") == DatabaseOptions() == DatabaseOptions(None)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://u:hemmelig@db/crime", "db/crime"),
        ("postgresql://u:hemmelig@db:5433/crime", "db:5433/crime"),
        ("postgresql+psycopg://u:hemm%40elig@[fd00::1]:5432/crime?sslmode=verify-full", "fd00::1:5432/crime"),
        ("postgresql+psycopg://u@/crime?host=/run/postgresql", "/run/postgresql/crime"),
        ("postgresql+psycopg://u@/crime?host=a:5432&host=b:5432", "a:5432,b:5432/crime"),
    ],
)
def test_what_people_write_is_taken(url: str, shown: str) -> None:
    options = read(url)
    assert options.url == url
    assert "hemm" not in repr(options)
    assert parse(url).drivername == "postgresql+psycopg"
    assert place(parse(url)) == shown


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("mysql://u:hemmelig@h/d", "expected sqlite or postgresql"),
        ("postgresql+asyncpg://u:hemmelig@h/d", "expected sqlite or postgresql"),
        ("postgresql+psycopg://u:hemmelig@h", "names no database"),
        ("postgresql+psycopg://u:hemmelig@/d", "names no host"),
        ("postgresql+psycopg://u:x@hemmelig@h/d", "%40"),
        ("postgresql+psycopg://u:hemmelig@h:port/d", "expected sqlite|%40"),
        ("postgresql+psycopg://u:p@h/d?sslmode=hemmelig", "sslmode is one of disable"),
        ("postgresql+psycopg://u:p@h/d?options=-c%20hemmelig", "only channel_binding"),
        ("hemmelig", "expected sqlite"),
        (7, "expected sqlite"),
        (["sqlite"], "expected sqlite"),
    ],
)
def test_what_is_refused_says_why_and_quotes_nothing(value: object, reason: str) -> None:
    with pytest.raises(vol.Invalid, match=reason) as refused:
        read(value)
    assert "hemmelig" not in str(refused.value)
