"""Owns the rule that somebody is left who may administer everything, and how grants of cameras are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from crime_detect_engine.domain.accounts import CameraGrants
from crime_detect_engine.domain.errors import InvalidInputError

from .tables import tokens, users


def keep_an_admin(connection: Connection) -> None:
    """After a change, in its transaction. Raises InvalidInputError when nobody is left who may do everything: no person
    with a password, and no token that neither ends nor is limited. People of another system do not count: it may be
    away."""
    people = select(users.c.cameras).where(
        users.c.role == "admin", users.c.disabled.is_(False), users.c.password.is_not(None)
    )
    programs = select(tokens.c.cameras, tokens.c.scopes, tokens.c.expires_at).where(
        tokens.c.role == "admin", tokens.c.revoked_at.is_(None)
    )
    if any(row.cameras is None for row in connection.execute(people)):
        return
    for row in connection.execute(programs):
        if row.cameras is None and row.scopes is None and row.expires_at is None:
            return
    raise InvalidInputError(
        "nobody would be left who may administer everything: make another admin of all cameras first"
    )


def kept_grants(cameras: CameraGrants | None) -> list[str] | dict[str, str | None] | None:
    """As the database keeps it: a list where the role is the same at all of them."""
    if cameras is None:
        return None
    ordered = dict(sorted(cameras.items()))
    return ordered if any(ordered.values()) else list(ordered)


def read_grants(kept: Any) -> CameraGrants | None:
    if kept is None:
        return None
    if isinstance(kept, Mapping):
        return {str(camera): role for camera, role in kept.items()}
    return dict.fromkeys(kept if isinstance(kept, Sequence) else ())
