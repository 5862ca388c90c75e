"""Owns which settings are secret and how an address looks without them."""

from __future__ import annotations

import re

HIDDEN = "***"
SECRET_KEYS = frozenset({"account_sid", "api_key", "auth_token", "client_secret", "password", "secret", "token"})
"""Keys whose values are never shown, wherever they stand."""

_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://)[^\s\"'<>]*@", re.IGNORECASE)
_QUERY = re.compile(r"([?&;][^=&;#\s]*=)[^&;#\s\"']*")


def redact(text: str) -> str:
    """An address, or a message around addresses, without user names, passwords and the values of queries."""
    return _QUERY.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1{HIDDEN}@", text))


def is_secret_key(key: object) -> bool:
    return isinstance(key, str) and key.lower() in SECRET_KEYS
