"""Owns signed addresses of single pictures, for those who fetch one without a token: a provider that sends an MMS."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import quote

from aiohttp import web

from crime_detect_engine.domain.clock import Clock

VALID_S = 3600
"""A provider fetches within seconds; an address that leaks later opens nothing."""


class PictureLinks:
    """Signs with a key that lives as long as the process. One address opens the snapshot of one incident."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def path(self, incident_id: str) -> str:
        """Relative to the address under which people reach the engine."""
        expires = int(self._clock.now().timestamp()) + VALID_S
        return f"api/v1/pictures/{quote(incident_id, safe='')}/{expires}/{self._signature(incident_id, expires)}.jpg"

    def opens(self, incident_id: str, expires: str, signature: str) -> bool:
        """Whether this is an address of ours that has not expired."""
        if not expires.isascii() or not expires.isdigit() or len(expires) > 12:
            return False
        expected = self._signature(incident_id, int(expires))
        fresh = int(expires) >= self._clock.now().timestamp()
        return hmac.compare_digest(expected.encode(), signature.encode()) and fresh

    def _signature(self, incident_id: str, expires: int) -> str:
        return hmac.new(self._key, f"{incident_id}:{expires}".encode(), "sha256").hexdigest()


PICTURE_LINKS = web.AppKey("picture_links", PictureLinks)
