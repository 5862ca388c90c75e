"""Owns browser sessions and the limit on wrong credentials; both live in memory and end with the process."""

from __future__ import annotations

import ipaddress
import secrets
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import Actor

SESSION_IDLE_S = 7 * 86400.0
MAX_SESSIONS = 1000
MAX_FAILURES = 10
FAILURE_WINDOW_S = 60.0
MAX_ADDRESSES = 10_000


@dataclass(slots=True)
class Session:
    """One browser. The token stays here so that revoking it ends the session too."""

    actor: Actor
    token: str = field(repr=False)
    csrf: str = field(repr=False)
    used_tick_s: float
    checked_tick_s: float


class Sessions:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(self, actor: Actor, token: str) -> tuple[str, Session]:
        """A new session and the secret for its cookie; the session unused longest makes room."""
        cookie, now = secrets.token_urlsafe(32), self._clock.tick_s()
        session = self._sessions[cookie] = Session(actor, token, secrets.token_urlsafe(32), now, now)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie, session

    def find(self, cookie: str) -> Session | None:
        session, now = self._sessions.get(cookie), self._clock.tick_s()
        if session is None:
            return None
        if now - session.used_tick_s > SESSION_IDLE_S:
            del self._sessions[cookie]
            return None
        session.used_tick_s = now
        self._sessions.move_to_end(cookie)
        return session

    def close(self, cookie: str) -> None:
        self._sessions.pop(cookie, None)


class FailureLimit:
    """At most `MAX_FAILURES` wrong credentials an address and minute; an IPv6 caller owns its whole /64."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        failures = self._failures.get(_network(address))
        if failures is None:
            return 0.0
        now = self._clock.tick_s()
        while failures and now - failures[0] > FAILURE_WINDOW_S:
            failures.popleft()
        return FAILURE_WINDOW_S - (now - failures[0]) if len(failures) >= MAX_FAILURES else 0.0

    def count(self, address: str) -> None:
        network = _network(address)
        self._failures.setdefault(network, deque(maxlen=MAX_FAILURES)).append(self._clock.tick_s())
        self._failures.move_to_end(network)
        while len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network(f"{parsed}/64", strict=False)) if "%" not in address else address
    return address
