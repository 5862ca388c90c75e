"""Owns what a browser carries while its person is away at the provider: signed, short-lived, good for one return."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from crime_detect_engine.domain.clock import Clock

VALID_S = 600.0
_USED = 10_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """`state` names it to the provider and back, `nonce` binds the identity to it, `verifier` the exchange of the code.
    `next` is the page of ours that the person wanted."""

    state: str
    nonce: str
    verifier: str
    next: str

    @property
    def challenge(self) -> str:
        """Of PKCE, S256."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


class Attempts:
    """Nothing is kept here of attempts that have begun, so nobody can fill anything by beginning many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[str, None] = OrderedDict()

    def begin(self, next_page: str) -> tuple[Attempt, str]:
        """The attempt, and the cookie that brings it back."""
        attempt = Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), next_page)
        parts = [attempt.state, attempt.nonce, attempt.verifier, attempt.next, self._clock.tick_s() + VALID_S]
        text = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
        return attempt, f"{text}.{self._signature(text)}"

    def finish(self, cookie: str, state: str) -> Attempt | None:
        """The attempt that this browser began and that the provider names; None for every other, and a second time."""
        text, _, signature = cookie.partition(".")
        if not hmac.compare_digest(self._signature(text).encode(), signature.encode()):
            return None
        *parts, ends = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        attempt = Attempt(*parts)
        fits = hmac.compare_digest(attempt.state.encode(), state.encode()) and attempt.state not in self._used
        if not fits or self._clock.tick_s() > ends:
            return None
        self._used[attempt.state] = None
        while len(self._used) > _USED:
            self._used.popitem(last=False)
        return attempt

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()
