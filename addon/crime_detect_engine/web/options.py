"""Owns the sections `access` and `tls` of the configuration: who may come in, and over which certificate."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import voluptuous as vol

from crime_detect_engine.domain.accounts import PERSONAL_ROLES, CameraGrants, check_grants
from crime_detect_engine.domain.errors import InvalidInputError

_CAMERA = re.compile(r"[a-z0-9_]{1,32}")


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for all cameras, or at some."""

    role: str
    cameras: CameraGrants | None = None


@dataclass(frozen=True, slots=True)
class OidcOptions:
    """`roles` maps values of the claim `role_claim` to what they grant; the first that a person has counts."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    """None for a public client: the exchange is then bound by PKCE alone."""
    name: str = "your organisation"
    """Stands on the button."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    role_claim: str = "groups"
    roles: Mapping[str, Grant] = field(default_factory=dict)
    default_role: Grant | None = None
    """For everybody whom the provider knows; None refuses who has no role."""


@dataclass(frozen=True, slots=True)
class IngressOptions:
    """What people of Home Assistant may do here; None refuses them. `users` by user id or user name, before groups."""

    users: Mapping[str, Grant | None] = field(default_factory=dict)
    administrators: Grant | None = field(default_factory=lambda: Grant("admin"))
    others: Grant | None = field(default_factory=lambda: Grant("viewer"))


@dataclass(frozen=True, slots=True)
class AccessOptions:
    oidc: OidcOptions | None = None
    ingress: IngressOptions = field(default_factory=IngressOptions)


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Files in PEM. `certificate` holds the whole chain, the server's own first."""

    certificate: str
    key: str


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
        raise vol.Invalid("expected a text on one line")
    return value.strip()


def _grant(value: object) -> Grant:
    """`viewer`, or `{role: operator, cameras: [yard]}`, or with a role at each: `{yard: viewer}`."""
    role, cameras = (value.get("role"), value.get("cameras")) if isinstance(value, dict) else (value, None)
    if role not in PERSONAL_ROLES or (isinstance(value, dict) and set(value) - {"role", "cameras"}):
        allowed = ", ".join(PERSONAL_ROLES)
        raise vol.Invalid(f"expected one of {allowed} or {{role: …, cameras: […]}}; none where nobody may in")
    if isinstance(cameras, list):
        cameras = dict.fromkeys(cameras) if all(isinstance(one, str) for one in cameras) else 0
    if cameras is None:
        return Grant(str(role))
    if not isinstance(cameras, dict) or not all(isinstance(one, str) and _CAMERA.fullmatch(one) for one in cameras):
        raise vol.Invalid("expected cameras, like [front_door] or {front_door: viewer}", path=["cameras"])
    try:
        check_grants(str(role), cameras, PERSONAL_ROLES)
    except InvalidInputError as error:
        raise vol.Invalid(str(error), path=["cameras"]) from None
    return Grant(str(role), cameras)


def _grant_or_none(value: object) -> Grant | None:
    """As `_grant`; `none` refuses."""
    return None if value in (None, "none") else _grant(value)


def _issuer(value: object) -> str:
    """An address without credentials, kept as it is written: it is compared letter by letter."""
    address = _text(value)
    parts = urlsplit(address)
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise vol.Invalid("expected the issuer's address, like https://login.example.org (http only on this machine)")
    return address


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _scopes(value: object) -> tuple[str, ...]:
    given = value.split() if isinstance(value, str) else value
    if not isinstance(given, list) or not all(
        isinstance(one, str) and re.fullmatch(r"[!#-\[\]-~]+", one) for one in given
    ):
        raise vol.Invalid("expected a list of scopes, like [openid, profile, groups]")
    return tuple(dict.fromkeys(("openid", *given)))


def _build_oidc(value: dict[str, Any]) -> OidcOptions:
    options = OidcOptions(**{key: part for key, part in value.items() if part is not None})
    if not options.roles and options.default_role is None:
        raise vol.Invalid("names no role: set roles, default_role or both, or nobody can sign in", path=["roles"])
    return options


_OIDC = vol.All(
    vol.Schema(
        {
            vol.Required("issuer"): _issuer,
            vol.Required("client_id"): _text,
            "client_secret": vol.Any(None, _text),
            "name": vol.Any(None, _text),
            "scopes": vol.Any(None, _scopes),
            "role_claim": vol.Any(None, _text),
            "roles": vol.Any(None, {_text: _grant}),
            "default_role": _grant_or_none,
        }
    ),
    _build_oidc,
)
_INGRESS = vol.All(
    vol.Schema({"users": {_text: _grant_or_none}, "administrators": _grant_or_none, "others": _grant_or_none}),
    lambda value: IngressOptions(**value),
)
SCHEMA = vol.All(
    vol.Schema({"oidc": _OIDC, "ingress": _INGRESS}),
    lambda value: AccessOptions(**value),
)
"""Yields AccessOptions."""
TLS_SCHEMA = vol.All(
    vol.Schema({vol.Required("certificate"): _text, vol.Required("key"): _text}),
    lambda value: TlsOptions(**value),
)
"""Yields TlsOptions."""
