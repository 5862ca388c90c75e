"""Owns what people may be called: how names are shown, found whatever their case, and refused."""

from __future__ import annotations

import unicodedata

from crime_detect_engine.domain.accounts import name_key
from crime_detect_engine.domain.errors import InvalidInputError

_RESERVED = frozenset(
    {"engine", "mqtt", "command line", "configuration file", "reports by mail", "retention", "somebody", "me"}
)
"""Names by which the audit knows what nobody did."""


def shown(name: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", name) if sign.isprintable()).strip()[:64]


def checked(name: str) -> tuple[str, str]:
    text, key = shown(name), name_key(name)
    allowed = all(sign.isalnum() or sign in "._-@+' " for sign in text)
    if not text or text != unicodedata.normalize("NFKC", name) or not allowed or len(key) > 128:
        raise InvalidInputError("a name has 1 to 64 letters, digits, spaces or ._-@+'", {"name": "not allowed"})
    if key in _RESERVED:
        raise InvalidInputError(f"the name {text!r} stands for the engine in the audit", {"name": "reserved"})
    return text, key
