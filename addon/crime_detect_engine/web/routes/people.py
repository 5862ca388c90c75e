"""Owns the pages about people: one's own account, and for admins everybody's and the tokens."""

from __future__ import annotations

from aiohttp import web

from crime_detect_engine.domain.accounts import CAMERA_ROLES, PERSONAL_ROLES, ROLES
from crime_detect_engine.web.access import ACCESS, ACTOR, SESSION, role
from crime_detect_engine.web.auditing import IMPERSONAL, audited, unaudited
from crime_detect_engine.web.rendering import camera_names, render
from crime_detect_engine.web.route import Route
from crime_detect_engine.web.scopes import SCOPES
from crime_detect_engine.web.visibility import require_all_cameras, visible_cameras

from .tokens import tokens_of
from .users import people_of

ROLE_WORDS = {
    "analyst": "counts and reports, no pictures and no single incidents",
    "viewer": "looks at everything",
    "operator": "judges, acknowledges, snoozes, switches",
    "investigator": "evidence, holds, unblurred originals",
    "admin": "settings, people, deleting",
    "integration": "for programs: Home Assistant",
}
"""What each role is for, on pages."""


@unaudited(IMPERSONAL)
@role("analyst")
async def show_account(request: web.Request) -> web.Response:
    """Who one is here, one's password and sessions."""
    session, actor = request.get(SESSION), request[ACTOR]
    login = session.login if session is not None else None
    access = request.app[ACCESS]
    user = None if login is None or access.people is None else await access.people.get(login.user_id)
    return render(
        request,
        "account.html",
        user=user,
        due=login is not None and login.must_change,
        sessions=access.sessions.of_user(user.id) if user is not None else [],
        own=session,
        names=camera_names(visible_cameras(request)),
        roles_at={} if actor.cameras is None else {one: actor.role_at(one) for one in sorted(actor.cameras)},
        role_words=ROLE_WORDS,
    )


@audited("view_accounts", "users")
@role("admin")
async def show_users(request: web.Request) -> web.Response:
    """Everybody with an account, and all tokens."""
    require_all_cameras(request, "People and tokens are of all cameras")
    users, tokens = await people_of(request).list(), await tokens_of(request).list()
    sessions = request.app[ACCESS].sessions
    return render(
        request,
        "users.html",
        users=users,
        tokens=[one for one in tokens if one.revoked_at is None],
        now=request.app[ACCESS].clock.now(),
        sessions={user.id: sessions.of_user(user.id) for user in users},
        names=camera_names(visible_cameras(request)),
        personal_roles=PERSONAL_ROLES,
        roles=ROLES,
        camera_roles=CAMERA_ROLES,
        role_words=ROLE_WORDS,
        scopes=SCOPES,
    )


ROUTES = (
    Route("GET", "/account", show_account),
    Route("GET", "/users", show_users),
)
