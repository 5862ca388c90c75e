"""Owns signing in and out of a browser."""

from __future__ import annotations

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.web.access import ACCESS, COOKIE, role, set_cookie
from crime_detect_engine.web.answers import EMPTY, SESSION
from crime_detect_engine.web.auditing import AUDITOR, BY_ENGINE, audited, unaudited
from crime_detect_engine.web.errors import UnauthenticatedError
from crime_detect_engine.web.route import API, Route, read_body
from crime_detect_engine.web.sessions import Session

_SIGN_IN = vol.Schema(
    {
        vol.Optional("token"): vol.All(str, str.strip, vol.Length(min=1, max=512)),
        vol.Optional("username"): vol.All(str, vol.Length(min=1, max=200)),
        vol.Optional("password"): vol.All(str, vol.Length(min=1, max=1000)),
    }
)


@unaudited(BY_ENGINE)
@role(None)
async def sign_in(request: web.Request) -> web.Response:
    """Exchanges a name and password, or a token, for a session cookie and the CSRF token of its writes."""
    body, access = await read_body(request, _SIGN_IN), request.app[ACCESS]
    if set(body) == {"token"}:
        cookie, session = await _sign_in_by_token(request, body["token"])
    elif set(body) == {"username", "password"}:
        cookie, session = await access.sign_in_person(request, body["username"], body["password"])
    else:
        raise InvalidInputError("Send username and password, or token.")
    actor = {"name": session.actor.name, "role": session.actor.role}
    must_change = session.login is not None and session.login.must_change
    told = {"csrf_token": session.csrf, "actor": actor, "must_change_password": must_change}
    response = web.json_response(told, status=201)
    set_cookie(request, response, cookie)
    return response


async def _sign_in_by_token(request: web.Request, token: str) -> tuple[str, Session]:
    """People who sign in by name are in the audit by those who keep them."""
    auditor = request.app.get(AUDITOR)
    try:
        cookie, session = await request.app[ACCESS].sign_in(request, token)
    except UnauthenticatedError:
        if auditor is not None:
            auditor.refused("a token", request.remote or "")
        raise
    if auditor is not None:
        auditor.note(session.actor, "sign in", session.actor.name, details={"by": "token"})
    return cookie, session


@audited("sign out", "session", fold_s=0.0)
@role("analyst")
async def sign_out(request: web.Request) -> web.Response:
    """Ends the session."""
    request.app[ACCESS].sign_out(request)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/")
    return response


ROUTES = (
    Route("POST", f"{API}/session", sign_in, body=_SIGN_IN, answers=(SESSION,)),
    Route("DELETE", f"{API}/session", sign_out, answers=(EMPTY,)),
)
