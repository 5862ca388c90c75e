"""Owns signing in and out of a browser."""

from __future__ import annotations

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.web.access import ACCESS, COOKIE, role
from crime_detect_engine.web.route import API, Route, read_body
from crime_detect_engine.web.sessions import SESSION_IDLE_S

_SIGN_IN = vol.Schema({vol.Required("token"): vol.All(str, str.strip, vol.Length(min=1, max=512))})


@role(None)
async def sign_in(request: web.Request) -> web.Response:
    """Exchanges a token for a session cookie and the CSRF token of its writes."""
    body = await read_body(request, _SIGN_IN)
    cookie, session = await request.app[ACCESS].sign_in(request, body["token"])
    actor = {"name": session.actor.name, "role": session.actor.role}
    response = web.json_response({"csrf_token": session.csrf, "actor": actor}, status=201)
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(
        COOKIE, cookie, max_age=int(SESSION_IDLE_S), httponly=True, samesite="Lax", secure=secure, path="/"
    )
    return response


@role("viewer")
async def sign_out(request: web.Request) -> web.Response:
    """Ends the session."""
    request.app[ACCESS].sign_out(request)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/")
    return response


ROUTES = (
    Route("POST", f"{API}/session", sign_in, body=_SIGN_IN),
    Route("DELETE", f"{API}/session", sign_out),
)
