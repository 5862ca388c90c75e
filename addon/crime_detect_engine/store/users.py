"""Owns people: who has an account, what proves them, and what they may do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from crime_detect_engine.domain.accounts import (
    PERSONAL_ROLES,
    CameraGrants,
    Login,
    UserChange,
    UserInfo,
    actor_of,
    check_grants,
    name_key,
)
from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.ports import Actor

from . import names
from .audit import append_audit
from .database import Database
from .passwords import Passwords, check_password
from .tables import users
from .ways_in import keep_an_admin, kept_grants, read_grants

_CHANGED = "changed"
_ENGINE = Actor("engine", "admin")


class Users:
    """See `domain.accounts.People`."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def verify(self, name: str, password: str) -> Login | None:
        row = await self._database.read(lambda c: _find_by_name(c, name))
        fits, digest = await self._passwords.verify(row.password if row is not None else None, password)
        if row is None or not fits or row.disabled:
            return None
        now = self._clock.now()

        def job(connection: Connection) -> Login | None:
            found = connection.execute(select(users).where(users.c.id == row.id)).one_or_none()
            if found is None or found.disabled or found.password != row.password:
                return None
            values: dict[str, Any] = {"last_login_at": now} | ({"password": digest} if digest else {})
            connection.execute(update(users).where(users.c.id == row.id).values(values))
            append_audit(connection, now, _actor(found), "sign in", found.name, {"by": "password"})
            return _login(found)

        return await self._database.write(job)

    async def external(
        self, issuer: str, subject: str, name: str, role: str, cameras: CameraGrants | None = None
    ) -> Login | None:
        """Somebody for whom another system vouches, as it describes them now; None for whom an admin has shut out.

        Raises InvalidInputError for a role that people cannot have.
        """
        check_grants(role, cameras, PERSONAL_ROLES)
        name, now = names.shown(name) or subject[:64], self._clock.now()
        told = {"name": name, "role": role, "cameras": kept_grants(cameras)}

        def job(connection: Connection) -> Login | None:
            ours = (users.c.issuer == issuer) & (users.c.subject == subject)
            row = connection.execute(select(users).where(ours)).one_or_none()
            if row is not None and row.disabled:
                return None
            if row is None:
                new = {**_new(now), **told, "issuer": issuer, "subject": subject}
                connection.execute(insert(users).values(new))
                append_audit(connection, now, _ENGINE, "user create", name, {**told, "issuer": issuer})
            elif {key: getattr(row, key) for key in told} != told:
                connection.execute(update(users).where(ours).values({**told, "changed_at": now}))
                append_audit(connection, now, _ENGINE, "user change", name, {**told, "issuer": issuer})
            connection.execute(update(users).where(ours).values(last_login_at=now))
            row = connection.execute(select(users).where(ours)).one()
            append_audit(connection, now, _actor(row), "sign in", name, {"by": issuer})
            return _login(row)

        return await self._database.write(job)

    async def renew(self, login: Login) -> Login | None:
        def job(connection: Connection) -> Login | None:
            row = connection.execute(select(users).where(users.c.id == login.user_id)).one_or_none()
            if row is None or row.disabled or row.generation != login.generation:
                return None
            return _login(row)

        return await self._database.read(job)

    async def refused(self, name: str, attempts: int, details: Mapping[str, object]) -> None:
        now = self._clock.now()

        def job(connection: Connection) -> None:
            row = _find_by_name(connection, name)
            target = "an unknown name" if row is None else row.name
            told = {**details, "attempts": attempts}
            append_audit(connection, now, Actor("somebody", "none"), "sign in refused", target, told)

        await self._database.write(job)

    async def list(self) -> Sequence[UserInfo]:
        query = select(users).order_by(users.c.name, users.c.id)
        return await self._database.read(lambda c: [_info(row) for row in c.execute(query)])

    async def get(self, user_id: int) -> UserInfo:
        return _info(await self._database.read(lambda c: _row(c, user_id)))

    async def named(self, name: str) -> UserInfo:
        """The local account of that name, whatever its case. Raises NotFoundError."""
        row = await self._database.read(lambda c: _find_by_name(c, name))
        if row is None:
            raise NotFoundError(f"there is no user {name[:64]!r}")
        return _info(row)

    async def create(
        self,
        name: str,
        password: str,
        role: str,
        cameras: CameraGrants | None,
        actor: Actor,
        *,
        display_name: str | None = None,
        must_change: bool = False,
    ) -> UserInfo:
        name, key = names.checked(name)
        check_grants(role, cameras, PERSONAL_ROLES)
        check_password(password, name)
        digest, now = await self._passwords.digest(password), self._clock.now()
        told = {"role": role, "cameras": kept_grants(cameras)}
        values = {
            **_new(now), **told, "name": name, "name_key": key, "display_name": display_name, "password": digest,
            "must_change": must_change,
        }  # fmt: skip

        def job(connection: Connection) -> UserInfo:
            if _find_by_name(connection, name) is not None:
                raise InvalidInputError(f"there is a user {name!r} already", {"name": "taken"})
            connection.execute(insert(users).values(values))
            append_audit(connection, now, actor, "user create", name, told)
            return _info(connection.execute(select(users).where(users.c.name_key == key)).one())

        return await self._database.write(job)

    async def change(self, user_id: int, change: UserChange, actor: Actor) -> UserInfo:
        before = await self.get(user_id)
        digest = None
        if change.password is not None:
            check_password(change.password, before.name)
            digest = await self._passwords.digest(change.password)
        now = self._clock.now()

        def job(connection: Connection) -> UserInfo:
            row = _row(connection, user_id)
            values = _changes(row, change, digest)
            if not values:
                return _info(row)
            told = {key: value for key, value in values.items() if key not in ("password", "generation")}
            if digest is not None:
                told["password"] = _CHANGED
            connection.execute(update(users).where(users.c.id == user_id).values({**values, "changed_at": now}))
            if _was_admin(row):
                keep_an_admin(connection)
            append_audit(connection, now, actor, "user change", row.name, told)
            return _info(_row(connection, user_id))

        return await self._database.write(job)

    async def change_own_password(self, login: Login, current: str, new: str) -> Login | None:
        row = await self._database.read(lambda c: _row(c, login.user_id))
        if row.password is None:
            raise InvalidInputError("this account has no password here")
        fits, _ = await self._passwords.verify(row.password, current)
        if not fits:
            return None
        check_password(new, row.name)
        if current == new:
            raise InvalidInputError("this is the password that you have", {"password": "the same as before"})
        digest, now = await self._passwords.digest(new), self._clock.now()

        def job(connection: Connection) -> Login | None:
            ours = (users.c.id == row.id) & (users.c.password == row.password) & users.c.disabled.is_(False)
            values = {"password": digest, "must_change": False, "generation": row.generation + 1, "changed_at": now}
            if connection.execute(update(users).where(ours).values(values)).rowcount == 0:
                return None
            append_audit(connection, now, _actor(row), "user change", row.name, {"password": _CHANGED})
            return _login(_row(connection, row.id))

        return await self._database.write(job)

    async def end_sessions(self, user_id: int, actor: Actor) -> int:
        now = self._clock.now()

        def job(connection: Connection) -> int:
            row = _row(connection, user_id)
            generation: int = row.generation + 1
            connection.execute(update(users).where(users.c.id == user_id).values(generation=generation))
            append_audit(connection, now, actor, "user sign out", row.name, {})
            return generation

        return await self._database.write(job)

    async def delete(self, user_id: int, actor: Actor) -> None:
        now = self._clock.now()

        def job(connection: Connection) -> None:
            row = _row(connection, user_id)
            connection.execute(delete(users).where(users.c.id == user_id))
            if _was_admin(row):
                keep_an_admin(connection)
            append_audit(connection, now, actor, "user delete", row.name, {"role": row.role})

        await self._database.write(job)


def _new(now: datetime) -> dict[str, Any]:
    # A random beginning: the number of a deleted account may be given again, its sessions must not.
    return {
        "created_at": now, "changed_at": now, "disabled": False, "must_change": False,
        "generation": secrets.randbits(30),
    }  # fmt: skip


def _changes(row: Row[Any], change: UserChange, digest: str | None) -> dict[str, Any]:
    role = change.role or row.role
    cameras = change.cameras if change.grants else read_grants(row.cameras)
    if row.issuer is not None and (change.role or change.grants or change.password):
        raise InvalidInputError(f"role, cameras and password of {row.name!r} are kept by {row.issuer}, not here")
    check_grants(role, cameras, PERSONAL_ROLES)
    wanted: dict[str, Any] = {
        "role": role,
        "cameras": kept_grants(cameras),
        "disabled": row.disabled if change.disabled is None else change.disabled,
        "must_change": row.must_change if change.must_change is None else change.must_change,
        "display_name": row.display_name if change.display_name is None else change.display_name or None,
    }
    values = {key: value for key, value in wanted.items() if getattr(row, key) != value}
    if digest is not None:
        values["password"] = digest
    if digest is not None or values.get("disabled"):
        values["generation"] = row.generation + 1
    return values


def _was_admin(row: Row[Any]) -> bool:
    """Whether taking something from this account may take the last way in."""
    return bool(row.role == "admin" and row.cameras is None and not row.disabled and row.password)


def _find_by_name(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(users).where(users.c.name_key == name_key(name))).one_or_none()


def _row(connection: Connection, user_id: int) -> Row[Any]:
    row = connection.execute(select(users).where(users.c.id == user_id)).one_or_none()
    if row is None:
        raise NotFoundError("No such user.")
    return row


def _actor(row: Row[Any]) -> Actor:
    return actor_of(row.name, row.role, read_grants(row.cameras))


def _login(row: Row[Any]) -> Login:
    return Login(_actor(row), row.id, row.generation, row.must_change)


def _info(row: Row[Any]) -> UserInfo:
    return UserInfo(
        row.id,
        row.name,
        row.display_name,
        row.role,
        read_grants(row.cameras),
        row.issuer,
        row.created_at,
        row.changed_at,
        row.last_login_at,
        row.disabled,
        row.must_change,
    )
