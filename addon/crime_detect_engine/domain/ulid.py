"""Owns incident ids: ULIDs that sort by time and are a pure function of what opened the incident."""

from __future__ import annotations

import hashlib
from datetime import datetime

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def ulid(at: datetime, *parts: str) -> str:
    """26 characters: 48 bits of milliseconds since 1970, 80 bits of the digest of `at` and `parts`.

    Deterministic, so that the decision stays a pure function and a repeated step cannot open a second incident.
    """
    milliseconds = int(at.timestamp() * 1000)
    digest = hashlib.sha256("\0".join((at.isoformat(), *parts)).encode()).digest()[:10]
    number = (milliseconds << 80) | int.from_bytes(digest, "big")
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
