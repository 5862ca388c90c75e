"""Owns the HTTP below Twilio's SDK: another base address where one is configured, and what `Retry-After` said."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

_QUIET = logging.getLogger(f"{__name__}.sdk")
_QUIET.setLevel(logging.WARNING)
"""The SDK logs recipients' numbers at INFO."""


class Transport(TwilioHttpClient):  # type: ignore[misc]  # the SDK is not typed
    """For one call: one thread, one connection, no redirects."""

    def __init__(self, api_base: str | None, timeout_s: float) -> None:
        super().__init__(pool_connections=False, timeout=timeout_s, logger=_QUIET)
        self._api_base = api_base
        self.status: int | None = None
        self.retry_after_s: float | None = None
        """Seconds that the last answer asked us to wait."""

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        if self._api_base is not None:
            base, wanted = urlsplit(self._api_base), urlsplit(url)
            path = base.path.rstrip("/") + wanted.path
            url = urlunsplit((base.scheme, base.netloc, path, wanted.query, ""))
        response = super().request(method, url, *args, **kwargs)
        self.status = response.status_code
        wait = str((response.headers or {}).get("Retry-After", ""))
        self.retry_after_s = float(wait) if wait.isdigit() else None
        return response
