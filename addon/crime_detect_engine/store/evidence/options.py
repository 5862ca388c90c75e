"""Owns the options of evidence: where the chain's head is told to once a day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

_ADDRESS = re.compile(r"[^\s@,;<>]{1,64}@[A-Za-z0-9.-]{1,255}")


@dataclass(frozen=True, slots=True)
class AuthorityOptions:
    """A time-stamping authority (RFC 3161); `ca` are the root certificates (PEM) that its stamps are checked with."""

    url: str
    ca: Path


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """`anchor_mqtt`: retained on the broker, where one is configured. `authority`: a time stamp is asked for.

    `anchor_email`: who gets the head by mail once a day.
    """

    anchor_mqtt: bool = True
    authority: AuthorityOptions | None = None
    anchor_email: tuple[str, ...] = ()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _addresses(value: object) -> tuple[str, ...]:
    """One address or a list of them."""
    values = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and _ADDRESS.fullmatch(one) for one in values):
        raise vol.Invalid("expected mail addresses, like notary@example.org")
    return tuple(dict.fromkeys(values))


def _address(value: object) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise vol.Invalid("expected the address of a time-stamping authority, like http://tsa.example.org/tsr")
    return parts.geturl()


def _path(value: object) -> Path:
    if not isinstance(value, str) or not value.strip():
        raise vol.Invalid("expected a file of root certificates in PEM")
    return Path(value.strip())


AUTHORITY = vol.All({vol.Required("url"): _address, vol.Required("ca"): _path}, lambda value: AuthorityOptions(**value))


def _build(values: Mapping[str, Any]) -> EvidenceOptions:
    anchor = values.get("anchor") or {}
    return EvidenceOptions(
        anchor_mqtt=anchor.get("mqtt", True), authority=anchor.get("rfc3161"), anchor_email=anchor.get("email", ())
    )


SCHEMA = vol.All(
    {
        vol.Optional("anchor"): vol.Any(
            None,
            {vol.Optional("mqtt"): _flag, vol.Optional("email"): _addresses, vol.Optional("rfc3161"): AUTHORITY},
        )
    },
    _build,
)
