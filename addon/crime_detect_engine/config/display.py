"""Owns the settings as people may see them, secrets hidden, and how what they send back meets what stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .complaints import KeyPath, Problem
from .document import REFERENCE, Document, Reference
from .roundtrip import written
from .secrecy import HIDDEN, is_secret_key, redact

KEPT = f"{HIDDEN} stands for a value that is kept; to change this, write it whole"


def show_settings(document: Document) -> dict[str, Any]:
    """The file as plain values: references as written (`!secret x`), secrets `***`, addresses without credentials."""
    shown = _shown(document.values, (), document.references)
    return shown if isinstance(shown, dict) else {}


def hide(wanted: Any) -> Any:
    """Settings that somebody sends, as `show_settings` will show them once they stand in the file."""
    return _shown(wanted, (), dict(_references(wanted, ())))


def _references(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Reference]]:
    if isinstance(value, str) and REFERENCE.fullmatch(value):
        yield path, Reference(value, "")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _references(inner, (*path, key))


def same(one: Any, other: Any) -> bool:
    """Equal but for the type of a scalar: a name that was sent as 7 is read back as "7"."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) or str(one) == str(other)


def _shown(value: Any, path: KeyPath, references: Mapping[KeyPath, Reference]) -> Any:
    if path in references:
        written = references[path].written
        # What stands behind the name of a variable is its default, which may be the secret itself.
        return re.sub(r"^(!env_var \S+)\s+.*", rf"\1 {HIDDEN}", written, flags=re.DOTALL)
    if isinstance(value, dict):
        return {key: _shown(inner, (*path, key), references) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shown(inner, (*path, index), references) for index, inner in enumerate(value)]
    if value is not None and is_secret_key(path[-1] if path else ""):
        return HIDDEN
    if isinstance(value, str) and path[:2] == ("alerts", "webhook") and path[-1] == "url":
        return _site(value)
    if path == ("database",) and value != "sqlite" and "://" not in str(value):
        return HIDDEN  # an address that is not well written yet
    return redact(value) if isinstance(value, str) and "://" in value else value


def _site(url: str) -> str:
    """Scheme and host: the rest of a webhook's address is often its key."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    return f"{parts.scheme}://{parts.hostname}/{HIDDEN}" if parts.hostname else HIDDEN


def merge(node: Any, shown: Any, wanted: Any, path: KeyPath, problems: list[Problem]) -> Any:
    """What is to stand at `path`: `node` (round-trip data, changed in place) where `wanted` equals what was shown.

    Appends a Problem for a `***` that stands for nothing.
    """
    if wanted == shown and type(wanted) is type(shown):
        return node
    if isinstance(node, dict) and isinstance(shown, dict) and isinstance(wanted, dict):
        for key in [key for key in node if str(key) not in wanted]:
            node.pop(key, None)
        own = {str(key): key for key in node}
        for name, part in wanted.items():
            key = own.get(name, name)
            node[key] = merge(node.get(key), shown.get(name), part, (*path, name), problems)
        return node
    if isinstance(node, list) and isinstance(shown, list) and isinstance(wanted, list):
        items = [_item(node, shown, wanted, index, path, problems) for index in range(len(wanted))]
        node[:] = items
        return node
    _forbid_hidden(wanted, path, problems)
    return written(wanted)


def _item(
    node: list[Any], shown: list[Any], wanted: list[Any], index: int, path: KeyPath, problems: list[Problem]
) -> Any:
    """An item is known by how it was shown; by its place only when none was added or removed."""
    item = wanted[index]
    places = [place for place, one in enumerate(shown) if one == item]
    if index in places:
        return node[index]
    if len(places) == 1:
        return node[places[0]]
    if len(shown) == len(wanted):
        return merge(node[index], shown[index], item, (*path, index), problems)
    _forbid_hidden(item, (*path, index), problems)
    return written(item)


def _forbid_hidden(value: Any, path: KeyPath, problems: list[Problem]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _forbid_hidden(inner, (*path, str(key)), problems)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _forbid_hidden(inner, (*path, index), problems)
    elif isinstance(value, str) and HIDDEN in value:
        problems.append(Problem(KEPT, path))
