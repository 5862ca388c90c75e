"""Owns what a person reads when the configuration is wrong: file, line, key, what is allowed, and never a secret."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.errors import ConfigError

from .secrecy import HIDDEN, redact

KeyPath = tuple[str | int, ...]
SHOWN_PROBLEMS = 20
SHOWN_TEXT = 300
NOT_IN_THIS_VERSION = "not in this version"


@dataclass(frozen=True, slots=True)
class Problem:
    text: str
    path: KeyPath = ()
    line: int | None = None

    @property
    def key(self) -> str:
        """`cameras.yard.masks[0]`."""
        shown = ""
        for part in self.path:
            shown += f"[{part}]" if isinstance(part, int) else f".{_shortened(part, 60)}" if shown else str(part)[:60]
        return shown


class InvalidConfig(ConfigError):
    """Every problem that was found, one a line of the message: `FILE:LINE: KEY: what is wrong`."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda one: (one.line or 0, one.key)))
        lines = [self._shown(file, problem) for problem in self.problems[:SHOWN_PROBLEMS]]
        left = len(self.problems) - len(lines)
        super().__init__("\n".join([*lines, *([f"… and {left} more"] if left > 0 else [])]))

    @staticmethod
    def _shown(file: str, problem: Problem) -> str:
        place = file if problem.line is None else f"{file}:{problem.line}"
        return ": ".join(part for part in (place, problem.key, problem.text) if part)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean threshold?`, or nothing when nothing is close."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def problems_of(
    error: vol.Invalid, schema: object, lines: Mapping[KeyPath, int], secrets: Mapping[KeyPath, str]
) -> list[Problem]:
    """One Problem for each of voluptuous' errors. `secrets` are the texts that no message may repeat."""
    errors = error.errors if isinstance(error, vol.MultipleInvalid) else [error]
    return [_problem(one, schema, lines, secrets) for one in errors]


def _problem(
    error: vol.Invalid, schema: object, lines: Mapping[KeyPath, int], secrets: Mapping[KeyPath, str]
) -> Problem:
    path: KeyPath = tuple(part if isinstance(part, int) else str(part) for part in error.path)
    known = keys_allowed(schema, path[:-1]) if path else []
    text = error.error_message or str(error)
    if text == "extra keys not allowed":
        text = f"unknown key{nearest(str(path[-1]), known)}" + (f" Allowed: {', '.join(known)}" if known else "")
    elif text == "required key not provided":
        text = "is required"
    elif text in {"expected a dictionary", "expected dict"}:
        allowed = keys_allowed(schema, path)
        text = "expected keys below it" + (f": {', '.join(allowed)}" if allowed else "")
    for secret in sorted({str(value) for value in secrets.values() if value}, key=len, reverse=True):
        text = text.replace(repr(secret)[1:-1], HIDDEN).replace(secret, HIDDEN)
    return Problem(_shortened(redact(text), SHOWN_TEXT), path, _line_of(path, lines))


def _line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def keys_allowed(schema: object, path: KeyPath) -> list[str]:
    """The keys that a voluptuous schema names at a path; empty where it checks by a function."""
    found = _below(schema, path)
    return sorted({str(_plain(key)) for mapping in found for key in mapping if isinstance(_plain(key), str)})


def _below(schema: object, path: KeyPath) -> list[dict[Any, Any]]:
    for attribute in ("validators", "schema"):
        inner = getattr(schema, attribute, None)
        if inner is not None and not isinstance(schema, dict):
            options = inner if isinstance(inner, list | tuple) and attribute == "validators" else [inner]
            return [mapping for option in options for mapping in _below(option, path)]
    if isinstance(schema, list) and path:
        return [mapping for option in schema for mapping in _below(option, path[1:])]
    if not isinstance(schema, dict):
        return []
    if not path:
        return [schema]
    exact = [value for key, value in schema.items() if _plain(key) == path[0]]
    dynamic = [value for key, value in schema.items() if not isinstance(_plain(key), str)]
    return [mapping for value in exact or dynamic for mapping in _below(value, path[1:])]


def _plain(key: object) -> object:
    return key.schema if isinstance(key, vol.Marker) else key


def _shortened(text: object, length: int) -> str:
    shown = str(text).replace("\n", " ")
    return shown if len(shown) <= length else shown[: length - 1] + "…"
