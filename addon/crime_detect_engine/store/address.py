"""Owns how a database is named in the configuration, and how it is spoken of without its password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import voluptuous as vol
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

DRIVER = "postgresql+psycopg"
EXAMPLE = f"{DRIVER}://user:password@host/database"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SETTINGS = frozenset(
    {"host", "port", "connect_timeout", "channel_binding", "passfile", "sslcert", "sslcrl", "sslkey", "sslmode"}
    | {"sslrootcert", "target_session_attrs"}
)
"""What may follow `?`: where the server is and how it is known; how the engine works with it is not for choice."""

_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?")


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """`url` is PostgreSQL's address with user and password; None is SQLite in the data directory."""

    url: str | None = field(default=None, repr=False)


def parse(url: str) -> URL:
    """Raises ValueError, which never quotes the address: what was taken for a host may be a piece of the password."""
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"not an address of a database; expected sqlite or {EXAMPLE}") from None
    if parts.drivername not in (DRIVER, "postgresql"):
        raise ValueError(f"expected sqlite or {EXAMPLE}")
    if not parts.database:
        raise ValueError(f"the address names no database; expected {EXAMPLE}")
    if parts.host is not None and not _HOST.fullmatch(parts.host):
        raise ValueError("not a valid host; write @, :, /, ?, # and % in a password as %40, %3A, %2F, %3F, %23 and %25")
    unknown = sorted(set(parts.query) - SETTINGS)
    if unknown:
        raise ValueError(f"after ? only {', '.join(sorted(SETTINGS))} may stand")
    if parts.query.get("sslmode", "prefer") not in SSL_MODES:
        raise ValueError(f"sslmode is one of {', '.join(SSL_MODES)}")
    if parts.host is None and "host" not in parts.query:
        raise ValueError(f"the address names no host; expected {EXAMPLE}, or ?host=/run/postgresql for a socket")
    return parts.set(drivername=DRIVER)


def place(url: URL) -> str:
    """`host:port/database`, for people and logs."""
    hosts = url.query.get("host", ())
    host = url.host or ",".join((hosts,) if isinstance(hosts, str) else hosts)
    return f"{host}{f':{url.port}' if url.port else ''}/{url.database}"


def _build(value: object) -> DatabaseOptions:
    if value == "sqlite":
        return DatabaseOptions()
    if not isinstance(value, str):
        raise vol.Invalid(f"expected sqlite or {EXAMPLE}")
    try:
        parse(value)
    except ValueError as error:
        raise vol.Invalid(str(error)) from None
    return DatabaseOptions(value)


SCHEMA = _build
