"""Messages about a wrong configuration: their places and their hints."""

from __future__ import annotations

import pytest
import voluptuous as vol
from crime_detect_engine.config import InvalidConfig, Problem
from crime_detect_engine.config.complaints import keys_allowed, nearest, problems_of
from crime_detect_engine.config.schema import SECTIONS


def test_problems_are_told_in_the_order_of_the_file() -> None:
    error = InvalidConfig("c.yaml", [Problem("late", ("b",), 9), Problem("early", ("a", 0, "x"), 2), Problem("file")])
    assert str(error).splitlines() == ["c.yaml: file", "c.yaml:2: a[0].x: early", "c.yaml:9: b: late"]


def test_keys_are_found_through_every_kind_of_schema() -> None:
    assert "threshold" in keys_allowed(SECTIONS, ("cameras", "any_name", "detection"))
    assert keys_allowed(SECTIONS, ("cameras", "yard", "schedule", 3)) == ["days", "from", "to"]
    assert "host" in keys_allowed(SECTIONS, ("mqtt",))
    assert keys_allowed(SECTIONS, ("instance", "deeper")) == []


def test_hint_only_when_something_is_close() -> None:
    assert nearest("treshold", ["threshold", "votes"]) == "; did you mean threshold?"
    assert nearest("zzz", ["threshold"]) == ""


def test_secret_is_struck_out_even_as_python_would_write_it() -> None:
    secret = "he'm\\mel\nig"
    schema = vol.Schema({"a": vol.In(["x"], msg=f"not {secret} and not {secret!r}")})
    with pytest.raises(vol.Invalid) as caught:
        schema({"a": secret})
    (problem,) = problems_of(caught.value, schema, {("a",): 4}, {("a",): secret})
    assert (problem.text, problem.line) == ('not *** and not "***"', 4)
