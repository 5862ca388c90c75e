"""Owns who may do what: credentials, the role declared at each handler, and protection of browser sessions."""

from __future__ import annotations

import functools
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from aiohttp import web

from crime_detect_engine.domain.accounts import ROLES as ROLES
from crime_detect_engine.domain.accounts import Login, People, TokenKeeper, includes, name_key
from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import Actor

from .browsers import COOKIE as COOKIE
from .browsers import CSRF_HEADER as CSRF_HEADER
from .browsers import check_csrf, check_origin, printable, whence
from .browsers import set_cookie as set_cookie
from .errors import ForbiddenError, Handler, PasswordDueError, ThrottledError, UnauthenticatedError
from .guessing import AccountLimit, FailureLimit, FailureLog, duration_text
from .scopes import OWN, PAGES, scope_of
from .sessions import Session, Sessions

INGRESS_PEER = "172.30.32.2"
_RECHECK_S = 30.0
_WRONG = "The name or the password is wrong, or this account is disabled."

FindToken = Callable[[str], Awaitable[Actor | None]]
FindIngressActor = Callable[[str, str], Awaitable[Actor | None]]
FindPlace = Callable[[web.Request], Awaitable[str | None]]
ACTOR = web.RequestKey("actor", Actor)
SESSION = web.RequestKey("session", Session)
"""The session that this request came with; absent for programs and Ingress."""
LOGIN_LINKS: web.AppKey[Sequence[tuple[str, str]]] = web.AppKey("login_links")
"""(text, address) of other ways to sign in, shown on the sign-in page; addresses relative to the root."""
PLACE: web.AppKey[FindPlace] = web.AppKey("place")
"""The camera that a request is about by its address. Raises NotFoundError for what the caller may not see."""
_CHECKED = web.RequestKey("checked_tick_s", float)


class Access:
    """Tells who asks. `find_token` maps a bearer secret to its actor; `ingress_actor` maps id and name of a Home
    Assistant user to theirs, None to nobody (without it they are viewers). Ingress headers count only with `ingress` on
    and only from the Supervisor's address."""

    def __init__(
        self,
        find_token: FindToken,
        clock: Clock,
        *,
        ingress: bool = False,
        ingress_actor: FindIngressActor | None = None,
        ingress_peer: str = INGRESS_PEER,
        people: People | None = None,
        tokens: TokenKeeper | None = None,
    ) -> None:
        self.clock = clock
        self.people = people
        self.tokens = tokens
        self.sessions = Sessions(clock)
        self._find_token = find_token
        self._failures = FailureLimit(clock)
        self._accounts = AccountLimit(clock)
        self._failure_log = FailureLog(clock)
        self._ingress_peer = ingress_peer if ingress else None
        self._ingress_actor = ingress_actor
        self._ingress_key = secrets.token_bytes(32)

    async def identify(self, request: web.Request, *, fresh: bool = False) -> Actor:
        """Raises UnauthenticatedError, ForbiddenError (CSRF) or ThrottledError. `fresh` believes no session."""
        actor = await self._by_token(request) or await self._by_ingress(request)
        actor = actor or await self._by_session(request, fresh=fresh)
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
            return await self.identify(request, fresh=True) == request[ACTOR]
        except (UnauthenticatedError, ThrottledError, ForbiddenError):
            return False

    async def sign_in(self, request: web.Request, token: str) -> tuple[str, Session]:
        """A session for a token; the first value goes into the cookie."""
        actor = await self._check_token(request, token)
        if actor.scopes is not None:
            raise ForbiddenError("This token is for programs: it may be used for some things only, and not for pages.")
        self.sign_out(request)
        return self.sessions.open(actor, token=token, whence=whence(request))

    async def sign_in_person(self, request: web.Request, name: str, password: str) -> tuple[str, Session]:
        """A session for somebody with an account here. Raises UnauthenticatedError in the same words whatever is wrong,
        and ThrottledError for who guesses."""
        address, key = request.remote or "", name_key(name)
        if (wait_s := self._failures.wait_s(address)) > 0:
            raise ThrottledError("Too many wrong tries from this address; wait a minute.", int(wait_s) + 1)
        if (wait_s := self._accounts.wait_s(key, address)) > 0:
            raise ThrottledError(
                f"Too many wrong passwords for this name; try again in {duration_text(wait_s)}.", int(wait_s) + 1
            )
        self._accounts.count(key, address)  # both before the answer is known: tries side by side count too
        self._failures.count(address)
        login = None if self.people is None else await self.people.verify(name, password)
        if login is None:
            if self.people is not None and (attempts := self._failure_log.count(key, address)):
                await self.people.refused(name, attempts, {"address": address[:64]})
            raise UnauthenticatedError(_WRONG)
        self._accounts.succeed(key, address)
        self._failures.forgive(address)
        return self.open_session(request, login)

    async def change_own_password(
        self, request: web.Request, login: Login, current: str, new: str
    ) -> tuple[str, Session]:
        """Ends all other sessions and opens another one for this browser. Who found it open may not try passwords."""
        key, address = f"own password of {login.user_id}", request.remote or ""
        if (wait_s := self._accounts.wait_s(key, address)) > 0:
            raise ThrottledError(f"Too many wrong passwords; try again in {duration_text(wait_s)}.", int(wait_s) + 1)
        self._accounts.count(key, address)
        changed = None if self.people is None else await self.people.change_own_password(login, current, new)
        if changed is None:
            raise ForbiddenError("The current password is wrong.", {"current": "wrong"})
        self._accounts.succeed(key, address)
        self.sessions.close_user(login.user_id)
        return self.open_session(request, changed)

    def open_session(self, request: web.Request, login: Login) -> tuple[str, Session]:
        """For somebody who proved who they are; the first value goes into the cookie (`set_cookie`). It is asked again
        every 30 s who they are by now. A session that the browser had ends: none that others know is taken over."""
        self.sign_out(request)
        return self.sessions.open(login.actor, login=login, whence=whence(request))

    def sign_out(self, request: web.Request) -> None:
        self.sessions.close(request.cookies.get(COOKIE, ""))

    def csrf_token(self, request: web.Request) -> str:
        """What a page must send back with its writes; empty for callers that need none."""
        if user := self._ingress_user(request):
            return self._ingress_csrf(user)
        session = self.sessions.find(request.cookies.get(COOKIE, ""))
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
        if actor is None or actor.role not in ROLES:
            self._failures.count(address)
            raise UnauthenticatedError("This token is not known, has expired or was revoked.")
        return actor

    async def _by_ingress(self, request: web.Request) -> Actor | None:
        user = self._ingress_user(request)
        if user is None:
            return None
        check_csrf(request, self._ingress_csrf(user))
        name = printable(request.headers.get("X-Remote-User-Name") or user)
        actor = await self._ingress_actor(user, name) if self._ingress_actor else Actor(name, "viewer")
        if actor is None:
            raise ForbiddenError("Home Assistant knows you, and you have no role here: see access.ingress.")
        return actor

    def _ingress_user(self, request: web.Request) -> str | None:
        if self._ingress_peer is None or request.remote != self._ingress_peer:
            return None
        return request.headers.get("X-Remote-User-Id") or None

    def _ingress_csrf(self, user: str) -> str:
        return hmac.new(self._ingress_key, user.encode(), "sha256").hexdigest()

    async def _by_session(self, request: web.Request, *, fresh: bool) -> Actor | None:
        cookie = request.cookies.get(COOKIE, "")
        session = self.sessions.find(cookie)
        if session is None:
            return None
        now = self.clock.tick_s()
        if fresh or now - session.checked_tick_s >= _RECHECK_S:
            actor = await self._renewed(session)
            if actor is None:
                self.sessions.close(cookie)
                return None
            session.actor, session.checked_tick_s = actor, now
        check_csrf(request, session.csrf)
        check_origin(request)
        request[SESSION] = session
        return session.actor

    async def _renewed(self, session: Session) -> Actor | None:
        if session.login is None:
            return await self._find_token(session.token)
        login = None if self.people is None else await self.people.renew(session.login)
        if login is None:
            return None
        session.login = login
        return login.actor


def role(*needed: str | None) -> Callable[[Handler], Handler]:
    """Declares who may call a handler: any of these roles or one that includes it; `None` is everybody.

    The handler finds its caller in `request[ACTOR]` (not set on public handlers).
    """
    unknown = [name for name in needed if name is not None and name not in ROLES]
    if not needed or unknown or (None in needed and len(needed) > 1):
        raise ValueError(f"not roles: {needed}")

    def declare(handler: Handler) -> Handler:
        @functools.wraps(handler)
        async def guarded(request: web.Request) -> web.StreamResponse:
            if needed != (None,):
                access = request.app[ACCESS]
                actor = request[ACTOR] = await access.identify(request)
                request[_CHECKED] = access.clock.tick_s()
                await _permit(request, actor, needed)
            return await handler(request)

        guarded.needed_roles = needed  # type: ignore[attr-defined]
        return guarded

    return declare


def declared_roles(handler: Handler) -> tuple[str | None, ...] | None:
    """What `role` declared; None for a handler that declares nothing."""
    return getattr(handler, "needed_roles", None)


def allows(actor: Actor, *needed: str | None) -> bool:
    """Whether somebody may do this where no single camera is concerned; see `allows_at`."""
    return any(name is not None and includes(actor.role, name) for name in needed)


def allows_at(actor: Actor, camera: str, *needed: str | None) -> bool:
    """Whether somebody may do this at one camera."""
    at_camera = actor.role_at(camera)
    return actor.may_see(camera) and any(name is not None and includes(at_camera, name) for name in needed)


def require_scope(request: web.Request, scope: str) -> None:
    """For a handler of which only a part needs it. Raises ForbiddenError that names what is missing."""
    scopes = request[ACTOR].scopes
    if scopes is not None and scope not in scopes:
        raise ForbiddenError(f"This token lacks the scope {scope}.", {"missing_scope": scope})


def require_role_at(request: web.Request, camera: str, *needed: str | None) -> None:
    """Raises ForbiddenError; for a camera that is not named in the address."""
    if not allows_at(request[ACTOR], camera, *needed):
        raise ForbiddenError(f"At this camera this needs the role {' or '.join(str(n) for n in needed)}.")


async def _permit(request: web.Request, actor: Actor, needed: tuple[str | None, ...]) -> None:
    """The one gate of all routes: a role, one at the camera that the address names, a scope, a password of one's own.

    Raises ForbiddenError and NotFoundError.
    """
    resource = request.match_info.route.resource
    scope = scope_of(request.method, resource.canonical if resource is not None else request.path)
    session = request.get(SESSION)
    due = session is not None and session.login is not None and session.login.must_change
    if due and scope != OWN and request.path != "/account":
        raise PasswordDueError("Choose a password of your own first.")
    if not allows(actor, *needed):
        raise ForbiddenError(f"This needs the role {' or '.join(str(n) for n in needed)}.")
    if scope == PAGES and actor.scopes is not None:
        raise ForbiddenError("This token is for programs: it may be used for some things only, and not for pages.")
    if scope not in (OWN, PAGES):
        require_scope(request, scope or "of nobody")
    camera = await request.app[PLACE](request)
    if camera is not None:
        require_role_at(request, camera, *needed)


def _on_behalf(actor: Actor, request: web.Request) -> Actor:
    person = request.headers.get("X-On-Behalf-Of")
    if actor.role != "integration" or not person:
        return actor
    return replace(actor, name=f"{actor.name} for {printable(person)}")


ACCESS = web.AppKey("access", Access)
