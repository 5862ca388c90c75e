"""Owns who may do what: credentials, the role declared at each handler, and protection of browser sessions."""

from __future__ import annotations

import functools
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

from aiohttp import web

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import Actor

from .errors import ForbiddenError, Handler, ThrottledError, UnauthenticatedError
from .sessions import FailureLimit, Session, Sessions

ROLES = ("viewer", "operator", "investigator", "admin", "integration")
_INCLUDES = {
    "viewer": {"viewer"},
    "operator": {"viewer", "operator"},
    "investigator": {"viewer", "operator", "investigator"},
    "admin": {"viewer", "operator", "investigator", "admin"},
    "integration": {"viewer", "operator", "integration"},
}
COOKIE = "crime_detect_session"
CSRF_HEADER = "X-CSRF-Token"
INGRESS_PEER = "172.30.32.2"
_RECHECK_S = 30.0
_READS = frozenset({"GET", "HEAD", "OPTIONS"})

FindToken = Callable[[str], Awaitable[Actor | None]]
FindIngressRole = Callable[[str], Awaitable[str]]
ACTOR = web.RequestKey("actor", Actor)
_CHECKED = web.RequestKey("checked_tick_s", float)


class Access:
    """Tells who asks. `find_token` maps a bearer secret to its actor; `ingress_role` maps a Home Assistant user id
    to a role (without it ingress users are viewers). Ingress headers count only with `ingress` on and only from the
    Supervisor's address."""

    def __init__(
        self,
        find_token: FindToken,
        clock: Clock,
        *,
        ingress: bool = False,
        ingress_role: FindIngressRole | None = None,
        ingress_peer: str = INGRESS_PEER,
    ) -> None:
        self.clock = clock
        self._find_token = find_token
        self._sessions = Sessions(clock)
        self._failures = FailureLimit(clock)
        self._ingress_peer = ingress_peer if ingress else None
        self._ingress_role = ingress_role
        self._ingress_key = secrets.token_bytes(32)

    async def identify(self, request: web.Request) -> Actor:
        """Raises UnauthenticatedError, ForbiddenError (CSRF) or ThrottledError."""
        actor = await self._by_token(request) or await self._by_ingress(request) or await self._by_session(request)
        if actor is None:
            raise UnauthenticatedError("Sign in, or send a token in the Authorization header.")
        return actor

    async def still_allowed(self, request: web.Request) -> bool:
        """Whether the caller of a long answer would still be let in; asks the store every 30 s at most."""
        now = self.clock.tick_s()
        if now - request.get(_CHECKED, now) < _RECHECK_S and _CHECKED in request:
            return True
        request[_CHECKED] = now
        try:
            return (await self.identify(request)).role == request[ACTOR].role
        except (UnauthenticatedError, ThrottledError):
            return False

    async def sign_in(self, request: web.Request, token: str) -> tuple[str, Session]:
        """A session for a token; the first value goes into the cookie."""
        actor = await self._check_token(request, token)
        return self._sessions.open(actor, token)

    def sign_out(self, request: web.Request) -> None:
        self._sessions.close(request.cookies.get(COOKIE, ""))

    def csrf_token(self, request: web.Request) -> str:
        """What a page must send back with its writes; empty for callers that need none."""
        if user := self._ingress_user(request):
            return self._ingress_csrf(user)
        session = self._sessions.find(request.cookies.get(COOKIE, ""))
        return session.csrf if session else ""

    async def _by_token(self, request: web.Request) -> Actor | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not token.strip():
            raise UnauthenticatedError("The Authorization header must be 'Bearer' and a token.")
        return _on_behalf(await self._check_token(request, token.strip()), request)

    async def _check_token(self, request: web.Request, token: str) -> Actor:
        address = request.remote or ""
        if (wait_s := self._failures.wait_s(address)) > 0:
            raise ThrottledError("Too many wrong tokens from this address; wait a minute.", int(wait_s) + 1)
        actor = await self._find_token(token) if len(token) <= 512 else None
        if actor is None or actor.role not in _INCLUDES:
            self._failures.count(address)
            raise UnauthenticatedError("This token is not known, has expired or was revoked.")
        return actor

    async def _by_ingress(self, request: web.Request) -> Actor | None:
        user = self._ingress_user(request)
        if user is None:
            return None
        _check_csrf(request, self._ingress_csrf(user))
        role = await self._ingress_role(user) if self._ingress_role else "viewer"
        name = request.headers.get("X-Remote-User-Name") or user
        return Actor(_printable(name), role if role in _INCLUDES else "viewer")

    def _ingress_user(self, request: web.Request) -> str | None:
        if self._ingress_peer is None or request.remote != self._ingress_peer:
            return None
        return request.headers.get("X-Remote-User-Id") or None

    def _ingress_csrf(self, user: str) -> str:
        return hmac.new(self._ingress_key, user.encode(), "sha256").hexdigest()

    async def _by_session(self, request: web.Request) -> Actor | None:
        cookie = request.cookies.get(COOKIE, "")
        session = self._sessions.find(cookie)
        if session is None:
            return None
        now = self.clock.tick_s()
        if now - session.checked_tick_s >= _RECHECK_S:
            actor = await self._find_token(session.token)
            if actor is None:
                self._sessions.close(cookie)
                return None
            session.actor, session.checked_tick_s = actor, now
        _check_csrf(request, session.csrf)
        _check_origin(request)
        return session.actor


def role(*needed: str | None) -> Callable[[Handler], Handler]:
    """Declares who may call a handler: any of these roles or one that includes it; `None` is everybody.

    The handler finds its caller in `request[ACTOR]` (not set on public handlers).
    """
    unknown = [name for name in needed if name is not None and name not in _INCLUDES]
    if not needed or unknown or (None in needed and len(needed) > 1):
        raise ValueError(f"not roles: {needed}")

    def declare(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            if needed != (None,):
                access = request.app[ACCESS]
                actor = request[ACTOR] = await access.identify(request)
                request[_CHECKED] = access.clock.tick_s()
                if not allows(actor, *needed):
                    raise ForbiddenError(f"This needs the role {' or '.join(str(n) for n in needed)}.")
            return await handler(request)

        guarded.needed_roles = needed  # type: ignore[attr-defined]
        return guarded

    return declare


def declared_roles(handler: Handler) -> tuple[str | None, ...] | None:
    """What `role` declared; None for a handler that declares nothing."""
    return getattr(handler, "needed_roles", None)


def allows(actor: Actor, *needed: str | None) -> bool:
    return any(name in _INCLUDES[actor.role] for name in needed)


def _check_csrf(request: web.Request, expected: str) -> None:
    if request.method not in _READS and not hmac.compare_digest(
        request.headers.get(CSRF_HEADER, "").encode(), expected.encode()
    ):
        raise ForbiddenError(f"A write from a browser needs the {CSRF_HEADER} header; reload the page.")


def _check_origin(request: web.Request) -> None:
    """A WebSocket is a GET that a foreign page on the same host may open with our cookie: its origin must be ours."""
    origin = request.headers.get("Origin")
    if request.headers.get("Upgrade", "").lower() != "websocket" or origin is None:
        return
    ours = {request.headers.get("Host"), request.headers.get("X-Forwarded-Host")}
    if urlsplit(origin).netloc not in ours:
        raise ForbiddenError("This page may not open the event stream.")


def _on_behalf(actor: Actor, request: web.Request) -> Actor:
    person = request.headers.get("X-On-Behalf-Of")
    if actor.role != "integration" or not person:
        return actor
    return replace(actor, name=f"{actor.name} for {_printable(person)}")


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:100] or "unknown"


ACCESS = web.AppKey("access", Access)
