"""Owns browser sessions; they live in memory and end with the process."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crime_detect_engine.domain.accounts import Login
from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import Actor

SESSION_IDLE_S = 7 * 86400.0
SESSION_LONGEST_S = 30 * 86400.0
MAX_SESSIONS = 1000


@dataclass(slots=True)
class Session:
    """One browser. What it was opened with stays here, so that taking it back ends the session too: a token, or the
    login of a person."""

    id: str
    """Names it in lists; opens nothing."""
    actor: Actor
    token: str = field(repr=False)
    login: Login | None
    csrf: str = field(repr=False)
    address: str
    agent: str
    opened_at: datetime
    used_at: datetime
    opened_tick_s: float
    used_tick_s: float
    checked_tick_s: float
    longest_s: float = SESSION_LONGEST_S
    """Shorter where somebody else says what this person may do, and has to be asked again."""

    @property
    def user_id(self) -> int | None:
        return self.login.user_id if self.login else None


class Sessions:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(
        self, actor: Actor, *, token: str = "", login: Login | None = None, whence: tuple[str, str] = ("", "")
    ) -> tuple[str, Session]:
        """A new session and the secret for its cookie; the session unused longest makes room."""
        cookie, now, at = secrets.token_urlsafe(32), self._clock.tick_s(), self._clock.now()
        session = self._sessions[cookie] = Session(
            secrets.token_hex(6), actor, token, login, secrets.token_urlsafe(32), *whence, at, at, now, now, now
        )
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie, session

    def find(self, cookie: str) -> Session | None:
        session, now = self._sessions.get(cookie), self._clock.tick_s()
        if session is None:
            return None
        if now - session.used_tick_s > SESSION_IDLE_S or now - session.opened_tick_s > session.longest_s:
            del self._sessions[cookie]
            return None
        session.used_tick_s, session.used_at = now, self._clock.now()
        self._sessions.move_to_end(cookie)
        return session

    def close(self, cookie: str) -> None:
        self._sessions.pop(cookie, None)

    def recheck(self, user_id: int) -> None:
        """Who this is by now is asked again at their next request."""
        for session in self.of_user(user_id):
            session.checked_tick_s = float("-inf")

    def of_user(self, user_id: int) -> Sequence[Session]:
        """The one used last first."""
        return [one for one in reversed(self._sessions.values()) if one.user_id == user_id]

    def close_user(self, user_id: int, *, but: Session | None = None, only: str | None = None) -> int:
        """Ends the sessions of one account, or the one of the id `only`; how many there were."""
        ended = [
            cookie
            for cookie, one in self._sessions.items()
            if one.user_id == user_id and one is not but and only in (None, one.id)
        ]
        for cookie in ended:
            del self._sessions[cookie]
        return len(ended)
