"""YAML as plain values: what is safe, what is bounded, and that any input gives values or an error for people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from crime_detect_engine.config import Config, parse_config
from crime_detect_engine.config.document import MAX_BYTES, parse, plain_value
from crime_detect_engine.domain.errors import ConfigError
from hypothesis import example, given, settings
from hypothesis import strategies as st


def no_secret(name: str) -> str:
    raise LookupError(f"no secret {name}")


def values(text: str) -> object:
    return parse(text, "c.yaml", no_secret, {}).values


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [ls]",
        "a: !!python/name:os.system",
        "a: !include other.yaml",
        "a: !!binary aGk=",
        "!!set {a, b}",
        "a: !secret [x]",
        "!secret a: 1",
        "? [a, b]\n: c",
        "? {a: b}\n: c",
    ],
)
def test_no_other_tags_and_no_strange_keys(text: str) -> None:
    with pytest.raises(ConfigError):
        values(text)


def test_duplicate_key_names_both_lines() -> None:
    with pytest.raises(ConfigError, match=r"c\.yaml:3: a\.b: written twice, first in line 2"):
        values("a:\n  b: 1\n  b: 2\n")


def test_aliases_within_reason_and_merge_keys() -> None:
    text = "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\nw: {<<: [{a: 9}, *x]}\n"
    assert values(text) == {
        "x": {"a": 1, "b": 2},
        "y": {"a": 1, "b": 3},
        "z": {"a": 1, "b": 2},
        "w": {"a": 9, "b": 2},
    }  # fmt: skip


def test_reference_belongs_to_the_value_that_counts() -> None:
    text = "a: &a {p: !secret one, q: !secret two}\nb: {p: own, <<: *a}\nc: {<<: [{p: inner}, *a]}\n"
    document = parse(text, "c.yaml", lambda name: name, {})
    assert document.values["b"] == {"p": "own", "q": "two"}
    assert document.values["c"] == {"p": "inner", "q": "two"}
    assert set(document.references) == {("a", "p"), ("a", "q"), ("b", "q"), ("c", "q")}


def test_bombs_are_stopped() -> None:
    nine = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    nine += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    for text in (
        nine,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a {<<: *a}",
        "[" * 5000,
        "{a: " * 5000,
        "- " * 3000,
        "a: " + "x" * MAX_BYTES,
    ):
        with pytest.raises(ConfigError):
            values(text)


def test_unquoted_scalars_mean_what_people_mean() -> None:
    text = "from: 22:00\nto: [+31612345678]\npassword: 0123\nn: 22:00\nday: 2026-01-02\nyes: yes\n"
    text += "port: 1_883\nx: 0x10\ny: ~\nz: 1e3"
    assert values(text) == {
        "from": "22:00", "to": ["+31612345678"], "password": "0123", "n": "22:00", "day": "2026-01-02", "yes": "yes",
        "port": 1883, "x": 16, "y": None, "z": 1000.0,
    }  # fmt: skip
    assert values("%YAML 1.1\n---\nn: 22:00\npassword: 0123\n") == {"n": "22:00", "password": "0123"}


def test_error_of_broken_yaml_quotes_no_line_of_the_file() -> None:
    for text in (
        "password: hemmelig: x",
        "password: 'hemmelig",
        "a: {password: hemmelig",
        "\themmelig: 1",
        "a: hemmelig\n b: 1",
    ):
        with pytest.raises(ConfigError, match=r"c\.yaml:\d") as caught:
            values(text)
        assert "hemmelig" not in str(caught.value)


@pytest.mark.filterwarnings("error")
def test_anchor_used_again_prints_nothing_of_the_file() -> None:
    assert values("a: &x hemmelig\nb: &x other\nc: *x\n") == {"a": "hemmelig", "b": "other", "c": "other"}


def test_secret_is_in_no_repr() -> None:
    document = parse("password: !secret p", "c.yaml", lambda name: "hemmelig", {})
    assert document.values == {"password": "hemmelig"}
    assert "hemmelig" not in repr(document.references)


@given(st.text(max_size=30))
def test_plain_value_takes_any_text(text: str) -> None:
    value = plain_value(text)
    assert value is None or isinstance(value, str | int | float | bool)


def outcome(read: Callable[[], Config]) -> Config | ConfigError:
    try:
        return read()
    except ConfigError as error:
        return error


PIECES = (
    "a", "b: ", "- ", "\n", "\n  ", "\n    ", ": ", "{", "}", "[", "]", ", ", "&x ", "*x", "!secret s", "!env_var E",
    "!!int ", "!t ", "<<: ", "? ", "|", ">", "'", '"', "#", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "0x",
    "1e999", "1", "~", "\t", "é", "\x00", "@", "cameras:",
)  # fmt: skip
YAMLISH = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


@settings(max_examples=400, deadline=None)
@given(st.one_of(YAMLISH, st.text(max_size=60)))
@example("%TAG ! x\n---\n!a b")
@example("!<> a")
@example("%YAML 9.9\n---\na")
@example("%YAML a\n---\na")
def test_any_text_is_values_or_an_error_for_people(text: str) -> None:
    result = outcome(lambda: parse_config(text, Path("/nonexistent/c.yaml"), {"E": "hemmelig"}))
    assert isinstance(result, Config) or (str(result) and "hemmelig" not in str(result))
