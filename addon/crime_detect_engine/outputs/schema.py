"""Owns the validators that the options of several outputs share; messages never repeat a secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import voluptuous as vol


def not_in_this_version(value: object) -> None:
    """Accepts only an empty value: a feature that is not there yet is refused, never ignored."""
    if value not in (None, False, [], {}, "off"):
        raise vol.Invalid("not in this version")


def text(value: object) -> str:
    """A string that is not empty. Never shows the value, which may be a secret."""
    if not isinstance(value, str) or not value.strip():
        raise vol.Invalid("expected a text that is not empty")
    return value


def optional_text(value: object) -> str | None:
    """As `text`; an empty key (`username:`) is None."""
    return None if value is None or value == "" else text(value)


def e164(value: object) -> str:
    """A phone number as `+31612345678` (E.164); spaces and dashes are allowed and dropped."""
    number = re.sub(r"[\s().-]", "", value) if isinstance(value, str) else ""
    if not re.fullmatch(r"\+[1-9]\d{6,14}", number):
        raise vol.Invalid('expected a phone number with country code in quotes, like "+31612345678"')
    return number


def mail_address(value: object) -> str:
    """A bare address, `someone@example.org`."""
    if not isinstance(value, str) or not re.fullmatch(r"[^@\s<>\"(),;:]+@[^@\s<>\"(),;:]+", value):
        raise vol.Invalid("expected an e-mail address like someone@example.org")
    return value


def http_url(value: object) -> str:
    """An http(s) address with a host. Never shows the value, which may carry a token."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        usable = parts is not None and parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise vol.Invalid("expected an address like https://example.org/path")
    return str(value)


def host_name(value: object) -> str:
    """A host name or address without a scheme or port."""
    name = value.strip() if isinstance(value, str) else ""
    try:
        name.encode("idna")
    except UnicodeError:
        name = ""
    if not name or re.search(r"[\s/@]", name):
        raise vol.Invalid("expected a host name or an address, without scheme and port")
    return name


def list_of(validator: Callable[[object], str], *, at_least: int = 0) -> Callable[[object], tuple[str, ...]]:
    """One value or a list of them, without duplicates, in the order given."""

    def check(value: object) -> tuple[str, ...]:
        values = [] if value is None else value if isinstance(value, list) else [value]
        if len(values) < at_least:
            raise vol.Invalid(f"expected at least {at_least}")
        return tuple(dict.fromkeys(validator(item) for item in values))

    return check


PORT = vol.All(int, vol.Range(min=1, max=65535, msg="expected a port from 1 to 65535"))
