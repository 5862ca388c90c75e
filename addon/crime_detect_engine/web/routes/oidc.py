"""Owns the way to the identity provider and back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from crime_detect_engine.domain.accounts import CameraGrants, Login
from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.web.access import ACCESS, role, set_cookie
from crime_detect_engine.web.attempts import VALID_S, Attempts
from crime_detect_engine.web.auditing import AUDITOR, BY_ENGINE, IMPERSONAL, unaudited
from crime_detect_engine.web.id_token import OidcError, printable
from crime_detect_engine.web.oidc import Identity, Provider, ProviderDownError
from crime_detect_engine.web.options import OidcOptions
from crime_detect_engine.web.rendering import base_path, render
from crime_detect_engine.web.route import Route

from .pages import page_after_login

_LOG = logging.getLogger(__name__)
ADDRESS = "login/oidc"
CALLBACK = f"{ADDRESS}/callback"
COOKIE = "crime_detect_sign_in"
SESSION_S = 12 * 3600.0
"""A working day: then the provider says again what somebody may do."""
_SHOWN_VALUES = 20

Welcome = Callable[[str, str, str, str, CameraGrants | None], Awaitable[Login | None]]
"""(issuer, subject, name, role, cameras) of somebody whom the provider knows; None for whom an admin has shut out."""


@dataclass(frozen=True, slots=True)
class SignIn:
    provider: Provider
    attempts: Attempts
    welcome: Welcome


SIGN_IN: web.AppKey[SignIn] = web.AppKey("oidc")
"""Absent where no provider is configured."""


def build_sign_in(options: OidcOptions, base_url: str, clock: Clock, welcome: Welcome) -> SignIn:
    """`base_url` is where people reach the pages; the provider must know the address below it."""
    return SignIn(Provider(options, f"{base_url}/{CALLBACK}", clock), Attempts(clock), welcome)


@unaudited(IMPERSONAL)
@role(None)
async def begin(request: web.Request) -> web.StreamResponse:
    """Sends the browser to the identity provider."""
    sign_in = _sign_in(request)
    attempt, cookie = sign_in.attempts.begin(page_after_login(request.query.get("next", "")))
    try:
        address = await sign_in.provider.address(attempt)
    except OidcError as error:
        return _refuse(request, error)
    response = web.Response(status=302, headers={"Location": address})
    # Lax: the provider's redirect is a navigation from elsewhere, and must bring it along.
    response.set_cookie(
        COOKIE, cookie, max_age=int(VALID_S), httponly=True, samesite="Lax", secure=_secure(request), path="/"
    )
    return response


@unaudited(BY_ENGINE)
@role(None)
async def finish(request: web.Request) -> web.StreamResponse:
    """Takes back whom the provider sends, once, in the browser that was sent there."""
    sign_in, query = _sign_in(request), request.query
    attempt = sign_in.attempts.finish(request.cookies.get(COOKIE, ""), query.get("state", ""))
    if attempt is None:
        error: OidcError = OidcError("This sign-in was not begun here, or too long ago; begin again.")
        return _refuse(request, error)
    try:
        if (refusal := query.get("error")) is not None:
            _LOG.warning("the identity provider sent somebody back: %s", printable(refusal))
            raise OidcError(f"The identity provider refused ({printable(refusal)}).")
        if query.get("iss", sign_in.provider.options.issuer) != sign_in.provider.options.issuer:
            raise OidcError("The answer is another provider's.")
        if not (code := query.get("code", "")):
            raise OidcError("The identity provider sent no code.")
        identity = await sign_in.provider.identify(code, attempt)
    except OidcError as error:
        return _refuse(request, error)
    return await _admit(request, sign_in, identity, attempt.next)


async def _admit(request: web.Request, sign_in: SignIn, identity: Identity, next_page: str) -> web.StreamResponse:
    grant = identity.grant
    if grant is None:
        _LOG.warning("%s is known to the identity provider, and has no role here", identity.name)
        if (auditor := request.app.get(AUDITOR)) is not None:
            auditor.refused(f"{identity.name}, who has no role", request.remote or "")
        return _page(request, 403, "You have no role here", identity=identity, values=identity.values[:_SHOWN_VALUES])
    login = await sign_in.welcome(identity.issuer, identity.subject, identity.name, grant.role, grant.cameras)
    if login is None:
        return _page(request, 403, "This account is disabled", message="An administrator has disabled it here.")
    cookie, session = request.app[ACCESS].open_session(request, login)
    session.longest_s = SESSION_S
    response = web.Response(status=302, headers={"Location": f"{base_path(request)}{next_page}"})
    set_cookie(request, response, cookie)
    response.del_cookie(COOKIE, path="/")
    return response


def _sign_in(request: web.Request) -> SignIn:
    found = request.app.get(SIGN_IN)
    if found is None:
        raise NotFoundError("No identity provider is configured here.")
    return found


def _refuse(request: web.Request, error: OidcError) -> web.Response:
    status = 503 if isinstance(error, ProviderDownError) else 403
    return _page(request, status, "You are not signed in", message=str(error))


def _page(request: web.Request, status: int, title: str, **values: object) -> web.Response:
    shown = {"message": None, "identity": None, "values": (), **values}
    response = render(request, "sign_in_refused.html", status=status, title=title, **shown)
    response.del_cookie(COOKIE, path="/")
    return response


def _secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"


ROUTES = (Route("GET", f"/{ADDRESS}", begin), Route("GET", f"/{CALLBACK}", finish))
