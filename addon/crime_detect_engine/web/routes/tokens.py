"""Owns access tokens over HTTP: their secrets are shown once, when they are made."""

from __future__ import annotations

from typing import Any

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.accounts import ROLES, TokenInfo, TokenKeeper
from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.wire import timestamp
from crime_detect_engine.web.access import ACCESS, ACTOR, role
from crime_detect_engine.web.answers import EMPTY, json_answer, many, named, thing
from crime_detect_engine.web.auditing import BY_ENGINE, audited, unaudited
from crime_detect_engine.web.route import API, Route, read_body
from crime_detect_engine.web.schemas import TIMESTAMP
from crime_detect_engine.web.scopes import SCOPES
from crime_detect_engine.web.visibility import require_all_cameras

from .users import GRANTS, grants_of

_NEW = vol.Schema(
    {
        vol.Required("name"): vol.All(str, vol.Length(min=1, max=64)),
        vol.Required("role"): vol.In(ROLES),
        vol.Optional("cameras", default=None): GRANTS,
        vol.Optional("scopes", default=None): vol.Any(None, [vol.In(list(SCOPES))]),
        vol.Optional("expires_at", default=None): vol.Any(None, TIMESTAMP),
    }
)
_EVERYBODY = "People and tokens are of all cameras"


def token_json(token: TokenInfo) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role,
        "cameras": None if token.cameras is None else dict(token.cameras),
        "scopes": None if token.scopes is None else sorted(token.scopes),
        "created_at": timestamp(token.created_at),
        "expires_at": timestamp(token.expires_at),
        "last_used_at": timestamp(token.last_used_at),
        "revoked_at": timestamp(token.revoked_at),
    }


def tokens_of(request: web.Request) -> TokenKeeper:
    tokens = request.app[ACCESS].tokens
    if tokens is None:
        raise NotFoundError("No tokens are kept here.")
    return tokens


@audited("view_accounts", "tokens")
@role("admin")
async def list_tokens(request: web.Request) -> web.Response:
    """All tokens, revoked ones too; never a secret."""
    require_all_cameras(request, _EVERYBODY)
    items = [token_json(token) for token in await tokens_of(request).list()]
    return web.json_response({"items": items, "next_cursor": None})


@unaudited(BY_ENGINE)
@role("admin")
async def create_token(request: web.Request) -> web.Response:
    """A new token; `token` is its secret, which is not shown again."""
    require_all_cameras(request, _EVERYBODY)
    body = await read_body(request, _NEW)
    secret, token = await tokens_of(request).issue(
        body["name"],
        body["role"],
        grants_of(body["cameras"]),
        request[ACTOR],
        scopes=None if body["scopes"] is None else frozenset(body["scopes"]),
        expires_at=body["expires_at"],
    )
    return web.json_response({**token_json(token), "token": secret}, status=201)


@unaudited(BY_ENGINE)
@role("admin")
async def revoke_token(request: web.Request) -> web.Response:
    """Ends a token; sessions that were opened with it end within half a minute."""
    require_all_cameras(request, _EVERYBODY)
    text = request.match_info["token"]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NotFoundError("No such token.")
    await tokens_of(request).revoke(int(text), request[ACTOR])
    return web.Response(status=204)


ROUTES = (
    Route("GET", f"{API}/tokens", list_tokens, answers=(json_answer(thing(items=many(named("Token")))),)),
    Route("POST", f"{API}/tokens", create_token, body=_NEW, answers=(json_answer(named("Token"), 201),)),
    Route("DELETE", f"{API}/tokens/{{token}}", revoke_token, answers=(EMPTY,)),
)
