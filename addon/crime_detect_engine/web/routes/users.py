"""Owns people over HTTP: their accounts for admins, and for each their own password and sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.accounts import (
    CAMERA_ROLES,
    PERSONAL_ROLES,
    CameraGrants,
    Login,
    People,
    UserChange,
    UserInfo,
)
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.wire import timestamp
from crime_detect_engine.web.access import ACCESS, ACTOR, SESSION, role, set_cookie
from crime_detect_engine.web.answers import EMPTY, Answer, json_answer, many, named, optional, thing
from crime_detect_engine.web.auditing import BY_ENGINE, IMPERSONAL, audited, unaudited
from crime_detect_engine.web.route import API, Route, read_body
from crime_detect_engine.web.sessions import Session
from crime_detect_engine.web.visibility import require_all_cameras

from .incidents import CAMERA

GRANTS = vol.Any(
    None,
    vol.All([CAMERA], vol.Length(max=1000)),
    vol.All({CAMERA: vol.Any(None, vol.In(CAMERA_ROLES))}, vol.Length(max=1000)),
)
"""All cameras, some, or some with a role of their own."""
_PASSWORD = vol.All(str, vol.Length(min=1, max=1000))
_NAME = vol.All(str, vol.Length(min=1, max=64))
_SHOWN = vol.Any(None, vol.All(str, vol.Length(max=100)))
_NEW = vol.Schema(
    {
        vol.Required("name"): _NAME,
        vol.Required("password"): _PASSWORD,
        vol.Required("role"): vol.In(PERSONAL_ROLES),
        vol.Optional("cameras", default=None): GRANTS,
        vol.Optional("display_name", default=None): _SHOWN,
        vol.Optional("must_change", default=True): bool,
    }
)
_CHANGE = vol.Schema(
    {
        vol.Optional("password"): _PASSWORD,
        vol.Optional("role"): vol.In(PERSONAL_ROLES),
        vol.Optional("cameras"): GRANTS,
        vol.Optional("display_name"): _SHOWN,
        vol.Optional("must_change"): bool,
        vol.Optional("disabled"): bool,
    }
)
_OWN_PASSWORD = vol.Schema({vol.Required("current"): _PASSWORD, vol.Required("new"): _PASSWORD})
_EVERYBODY = "People and tokens are of all cameras"


def grants_of(sent: Any) -> CameraGrants | None:
    """What `GRANTS` let through."""
    return sent if sent is None or isinstance(sent, dict) else dict.fromkeys(sent)


def people_of(request: web.Request) -> People:
    people = request.app[ACCESS].people
    if people is None:
        raise NotFoundError("No accounts are kept here.")
    return people


def user_json(user: UserInfo) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "display_name": user.display_name,
        "role": user.role,
        "cameras": None if user.cameras is None else dict(user.cameras),
        "issuer": user.issuer,
        "created_at": timestamp(user.created_at),
        "last_login_at": timestamp(user.last_login_at),
        "disabled": user.disabled,
        "must_change": user.must_change,
    }


def session_json(session: Session, own: Session | None) -> dict[str, Any]:
    return {
        "id": session.id,
        "address": session.address,
        "agent": session.agent,
        "opened_at": timestamp(session.opened_at),
        "used_at": timestamp(session.used_at),
        "current": session is own,
    }


def own_login(request: web.Request) -> tuple[Session, Login]:
    """Raises NotFoundError for who came with a token or by Home Assistant."""
    session = request.get(SESSION)
    if session is None or session.login is None:
        raise NotFoundError("Only who has signed in with an account of their own has a password and sessions here.")
    return session, session.login


def _asked(request: web.Request) -> int:
    """The number in the address. Raises NotFoundError."""
    text = request.match_info["user"]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NotFoundError("No such user.")
    return int(text)


@audited("view_accounts", "users")
@role("admin")
async def list_users(request: web.Request) -> web.Response:
    """Everybody with an account, by name; never a password."""
    require_all_cameras(request, _EVERYBODY)
    items = [user_json(user) for user in await people_of(request).list()]
    return web.json_response({"items": items, "next_cursor": None})


@unaudited(BY_ENGINE)
@role("admin")
async def create_user(request: web.Request) -> web.Response:
    """A new account; unless told otherwise, its owner must choose another password at the first sign-in."""
    require_all_cameras(request, _EVERYBODY)
    body = await read_body(request, _NEW)
    user = await people_of(request).create(
        body["name"],
        body["password"],
        body["role"],
        grants_of(body["cameras"]),
        request[ACTOR],
        display_name=body["display_name"] or None,
        must_change=body["must_change"],
    )
    return web.json_response(user_json(user), status=201)


@audited("view_accounts", "users")
@role("admin")
async def get_user(request: web.Request) -> web.Response:
    """One account."""
    require_all_cameras(request, _EVERYBODY)
    return web.json_response(user_json(await people_of(request).get(_asked(request))))


@unaudited(BY_ENGINE)
@role("admin")
async def change_user(request: web.Request) -> web.Response:
    """Changes what is sent, at once for who is signed in; another password, or disabling, ends all sessions."""
    require_all_cameras(request, _EVERYBODY)
    user_id, body = _asked(request), await read_body(request, _CHANGE)
    if not body:
        raise InvalidInputError("Nothing to change; send role, cameras, disabled, password or another field.")
    change = UserChange(
        display_name=(body["display_name"] or "") if "display_name" in body else None,
        role=body.get("role"),
        cameras=grants_of(body.get("cameras")),
        grants="cameras" in body,
        disabled=body.get("disabled"),
        password=body.get("password"),
        must_change=body.get("must_change"),
    )
    user = await people_of(request).change(user_id, change, request[ACTOR])
    request.app[ACCESS].sessions.recheck(user_id)
    return web.json_response(user_json(user))


@unaudited(BY_ENGINE)
@role("admin")
async def delete_user(request: web.Request) -> web.Response:
    """Deletes an account; what it did stays in the audit."""
    require_all_cameras(request, _EVERYBODY)
    user_id = _asked(request)
    await people_of(request).delete(user_id, request[ACTOR])
    request.app[ACCESS].sessions.close_user(user_id)
    return web.Response(status=204)


@audited("view_accounts", "users")
@role("admin")
async def list_user_sessions(request: web.Request) -> web.Response:
    """Where somebody is signed in."""
    require_all_cameras(request, _EVERYBODY)
    user = await people_of(request).get(_asked(request))
    own = request.get(SESSION)
    items = [session_json(one, own) for one in request.app[ACCESS].sessions.of_user(user.id)]
    return web.json_response({"items": items, "next_cursor": None})


@unaudited(BY_ENGINE)
@role("admin")
async def end_user_sessions(request: web.Request) -> web.Response:
    """Signs somebody out everywhere."""
    require_all_cameras(request, _EVERYBODY)
    user_id = _asked(request)
    await people_of(request).end_sessions(user_id, request[ACTOR])
    request.app[ACCESS].sessions.close_user(user_id)
    return web.Response(status=204)


@unaudited(IMPERSONAL)
@role("analyst")
async def get_me(request: web.Request) -> web.Response:
    """Who asks, what they may do, and where they are signed in."""
    actor, session = request[ACTOR], request.get(SESSION)
    told: dict[str, Any] = {
        "name": actor.name,
        "role": actor.role,
        "cameras": None if actor.cameras is None else {one: actor.role_at(one) for one in sorted(actor.cameras)},
        "scopes": None if actor.scopes is None else sorted(actor.scopes),
        "account": None,
        "sessions": [],
    }
    if session is not None and session.login is not None:
        told["account"] = user_json(await people_of(request).get(session.login.user_id))
        own = request.app[ACCESS].sessions.of_user(session.login.user_id)
        told["sessions"] = [session_json(one, session) for one in own]
    return web.json_response(told)


@unaudited(BY_ENGINE)
@role("analyst")
async def change_own_password(request: web.Request) -> web.Response:
    """Another password for who is signed in; all their other sessions end, and this one gets another cookie."""
    _, login = own_login(request)
    body = await read_body(request, _OWN_PASSWORD)
    cookie, session = await request.app[ACCESS].change_own_password(request, login, body["current"], body["new"])
    response = web.json_response({"csrf_token": session.csrf})
    set_cookie(request, response, cookie)
    return response


@unaudited(BY_ENGINE)
@role("analyst")
async def end_own_sessions(request: web.Request) -> web.Response:
    """Signs out everywhere else."""
    session, login = own_login(request)
    generation = await people_of(request).end_sessions(login.user_id, request[ACTOR])
    session.login = replace(login, generation=generation)
    request.app[ACCESS].sessions.close_user(login.user_id, but=session)
    return web.Response(status=204)


@unaudited(BY_ENGINE)
@role("analyst")
async def end_own_session(request: web.Request) -> web.Response:
    """Signs out in one place."""
    _, login = own_login(request)
    if not request.app[ACCESS].sessions.close_user(login.user_id, only=request.match_info["session"]):
        raise NotFoundError("No such session.")
    return web.Response(status=204)


_ME, _USER = f"{API}/users/me", f"{API}/users/{{user}}"
_TEXT, _TRUTH = {"type": "string"}, {"type": "boolean"}
_SESSION = thing(id=_TEXT, address=_TEXT, agent=_TEXT, opened_at=_TEXT, used_at=_TEXT, current=_TRUTH)
_SESSIONS = Answer(schema=thing(items=many(_SESSION), next_cursor=optional(_TEXT)))
_USER_ANSWER = named("User")
ROUTES = (
    Route("GET", f"{API}/users", list_users, answers=(json_answer(thing(items=many(_USER_ANSWER))),)),
    Route("POST", f"{API}/users", create_user, body=_NEW, answers=(json_answer(_USER_ANSWER, 201),)),
    Route("GET", _ME, get_me, answers=(json_answer(thing(name=_TEXT, role=_TEXT, sessions=many(_SESSION))),)),
    Route(
        "POST",
        f"{_ME}/password",
        change_own_password,
        body=_OWN_PASSWORD,
        answers=(json_answer(thing(csrf_token=_TEXT)),),
    ),
    Route("DELETE", f"{_ME}/sessions", end_own_sessions, answers=(EMPTY,)),
    Route("DELETE", f"{_ME}/sessions/{{session}}", end_own_session, answers=(EMPTY,)),
    Route("GET", _USER, get_user, answers=(json_answer(_USER_ANSWER),)),
    Route("PATCH", _USER, change_user, body=_CHANGE, answers=(json_answer(_USER_ANSWER),)),
    Route("DELETE", _USER, delete_user, answers=(EMPTY,)),
    Route("GET", f"{_USER}/sessions", list_user_sessions, answers=(_SESSIONS,)),
    Route("DELETE", f"{_USER}/sessions", end_user_sessions, answers=(EMPTY,)),
)
