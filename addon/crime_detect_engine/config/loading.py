"""Owns the way from a file, or from arguments, to a Config."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import voluptuous as vol

from .complaints import InvalidConfig, Problem, problems_of
from .document import Document, decode, parse, parse_secrets, read_bytes, unknown_secret
from .fields import timezone
from .places import supervisor_access
from .schema import SECTIONS, build
from .secrecy import is_secret_key
from .settings import Config

SECRETS_FILE = "secrets.yaml"
DEMO_CAMERAS = {"demo_yard": "synthetic:yard", "demo_street": "synthetic:street?seed=4"}


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Raises InvalidConfig (a ConfigError) with every problem of the file at once."""
    return parse_config(decode(read_bytes(path), path.name), path, environment)


def parse_config(text: str, path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """As `load_config` for a text that is, or is to become, the file at `path`."""
    variables = os.environ if environment is None else environment
    return validate(parse(text, path.name, secrets_beside(path), variables), path.name, variables)


def from_arguments(
    cameras: Mapping[str, str], demo: bool = False, environment: Mapping[str, str] | None = None
) -> Config:
    """A configuration without a file: the cameras of `--camera NAME=URL`, or the demo's synthetic ones."""
    if demo and cameras:
        raise InvalidConfig(
            "arguments", [Problem("--demo and --camera exclude each other: the demo has its own model")]
        )
    values: dict[str, Any] = {"cameras": {name: {"source": source} for name, source in cameras.items()}}
    if demo:
        drawn = {name: {"source": source} for name, source in DEMO_CAMERAS.items()}
        values = {"cameras": drawn, "model": {"name": "demo"}}
    return validate(Document(values, {}, {}), "arguments", os.environ if environment is None else environment)


def validate(document: Document, file: str, environment: Mapping[str, str]) -> Config:
    """Raises InvalidConfig."""
    try:
        checked = SECTIONS(document.values)
        broker = checked.get("mqtt")
        if broker is not None and not broker.host and supervisor_access(environment) is None:
            raise vol.RequiredFieldInvalid("required key not provided", path=["mqtt", "host"])
        return build(checked, _default_zone(environment))
    except vol.Invalid as error:
        hidden = {path: reference.value for path, reference in document.references.items()}
        hidden |= _inline_secrets(document.values, ())
        raise InvalidConfig(file, problems_of(error, SECTIONS, document.lines, hidden)) from None


def secrets_beside(path: Path) -> Callable[[str], str]:
    """Looks names up in secrets.yaml beside the file, which is read when the first one is asked for."""
    file = path.parent / SECRETS_FILE
    known: dict[str, str] = {}

    def find(name: str) -> str:
        if not known:
            try:
                known.update(parse_secrets(decode(read_bytes(file), SECRETS_FILE), SECRETS_FILE))
            except InvalidConfig as error:
                raise LookupError(f"!secret {name}: {error}") from None
        if name not in known:
            raise unknown_secret(name, known, SECRETS_FILE)
        return known[name]

    return find


def _default_zone(environment: Mapping[str, str]) -> ZoneInfo | None:
    try:
        return timezone(environment.get("TZ", "").removeprefix(":"))
    except vol.Invalid:
        return None


def _inline_secrets(value: object, path: tuple[str | int, ...]) -> dict[tuple[str | int, ...], str]:
    found: dict[tuple[str | int, ...], str] = {}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if is_secret_key(key) and isinstance(inner, str):
            found[(*path, key)] = inner
        found |= _inline_secrets(inner, (*path, key))
    return found
