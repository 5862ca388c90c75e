"""Owns access tokens: only their digests are kept."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from crime_detect_engine.domain.accounts import AT_THE_MACHINE, CameraGrants, TokenInfo, actor_of, check_grants
from crime_detect_engine.domain.accounts import ROLES as ROLES
from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor

from .audit import append_audit
from .database import Database
from .tables import tokens
from .ways_in import keep_an_admin, kept_grants, read_grants

ADMIN_TOKEN_FILE = "admin-token"  # noqa: S105 - the name of a file
USED_EVERY = timedelta(minutes=5)
"""So exactly is known when a token was last used."""
_ENGINE = Actor("engine", "admin")


def _digest(secret: str) -> str:
    # A token has 256 random bits: a plain digest cannot be guessed backwards, unlike that of a password.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _insert(
    connection: Connection,
    secret: str,
    name: str,
    role: str,
    now: datetime,
    cameras: CameraGrants | None = None,
    **limits: Any,
) -> None:
    connection.execute(
        insert(tokens).values(
            name=name,
            role=role,
            cameras=kept_grants(cameras),
            digest=_digest(secret),
            created_at=now,
            **limits,
        )
    )


class Tokens:
    """See `domain.accounts.TokenKeeper`."""

    def __init__(self, database: Database, clock: Clock, data_dir: Path) -> None:
        self._database = database
        self._clock = clock
        self._data_dir = data_dir
        self._told: dict[int, datetime] = {}
        self._telling: set[asyncio.Task[None]] = set()

    async def create(self, name: str, role: str, cameras: frozenset[str] | None = None, actor: Actor = _ENGINE) -> str:
        """The secret, which is shown once and cannot be had again. Raises InvalidInputError for an unknown role."""
        secret, _ = await self.issue(name, role, None if cameras is None else dict.fromkeys(cameras), actor)
        return secret

    async def issue(
        self,
        name: str,
        role: str,
        cameras: CameraGrants | None,
        actor: Actor,
        *,
        scopes: frozenset[str] | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[str, TokenInfo]:
        check_grants(role, cameras)
        if not 1 <= len(name) <= 64 or not name.isprintable():
            raise InvalidInputError("a token's name has 1 to 64 characters", {"name": "1 to 64 characters"})
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise InvalidInputError("a token cannot have expired already", {"expires_at": "is in the past"})
        secret = secrets.token_urlsafe(32)
        limits = {"scopes": None if scopes is None else sorted(scopes), "expires_at": expires_at}

        def job(connection: Connection) -> TokenInfo:
            _insert(connection, secret, name, role, now, cameras, **limits)
            details: Mapping[str, Any] = {"role": role, "cameras": kept_grants(cameras)}
            if scopes is not None:
                details = {**details, "scopes": limits["scopes"]}
            if expires_at is not None:
                details = {**details, "expires_at": expires_at.isoformat()}
            append_audit(connection, now, actor, "token create", name, details)
            return _info(connection.execute(select(tokens).where(tokens.c.digest == _digest(secret))).one())

        return secret, await self._database.write(job)

    async def find(self, secret: str) -> Actor | None:
        """Who holds this secret; None for one that is unknown, revoked or expired."""
        digest, now = _digest(secret), self._clock.now()

        def job(connection: Connection) -> Row[Any] | None:
            valid = tokens.c.revoked_at.is_(None) & or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)
            return connection.execute(select(tokens).where((tokens.c.digest == digest) & valid)).one_or_none()

        row = await self._database.read(job)
        if row is None or not hmac.compare_digest(row.digest, digest):
            return None
        self._note_use(row.id, self._told.get(row.id, row.last_used_at), now)
        scopes = None if row.scopes is None else frozenset(row.scopes)
        return actor_of(row.name, row.role, read_grants(row.cameras), scopes)

    def _note_use(self, token_id: int, told: datetime | None, now: datetime) -> None:
        """Written down later: who asks does not wait for it."""
        if told is not None and now - told < USED_EVERY:
            return
        self._told[token_id] = now
        task = asyncio.create_task(self._tell_use(token_id, now))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _tell_use(self, token_id: int, now: datetime) -> None:
        values = update(tokens).where(tokens.c.id == token_id).values(last_used_at=now)
        try:
            await self._database.write(lambda c: c.execute(values).rowcount)
        except StoreError:
            self._told.pop(token_id, None)  # the database says why by itself; tried again when it is used next

    async def settle(self) -> None:
        """Everything is written down that was to be; before the database is closed."""
        while telling := tuple(self._telling):
            await asyncio.gather(*telling)
            # Not left to their callbacks: waiting for tasks that are done gives the loop no turn to call those.
            self._telling.difference_update(telling)

    async def list(self) -> Sequence[TokenInfo]:
        query = select(tokens).order_by(tokens.c.id)
        return await self._database.read(lambda c: [_info(row) for row in c.execute(query)])

    async def revoke(self, token_id: int, actor: Actor = _ENGINE) -> None:
        """Raises NotFoundError, and InvalidInputError where a person over the network would shut out all admins; who
        stands at the machine can make another."""
        now = self._clock.now()

        def job(connection: Connection) -> None:
            ours = (tokens.c.id == token_id) & tokens.c.revoked_at.is_(None)
            row = connection.execute(select(tokens).where(ours)).one_or_none()
            if row is None:
                raise NotFoundError(f"no valid token {token_id}")
            connection.execute(update(tokens).where(ours).values(revoked_at=now))
            if row.role == "admin" and actor is not _ENGINE and actor is not AT_THE_MACHINE:
                keep_an_admin(connection)
            append_audit(connection, now, actor, "token revoke", str(token_id), {"name": row.name})

        await self._database.write(job)

    async def ensure_admin_token(self) -> Path | None:
        """At the first start writes DATA/admin-token (0600); returns its path then, else None.

        A database that was lost and rebuilt takes the file's token back, so that the way in stays the same. One that
        ever had tokens is left alone: a revoked token must not come back by a restart.
        """
        now = self._clock.now()
        path = self._data_dir / ADMIN_TOKEN_FILE

        def job(connection: Connection) -> Path | None:
            if connection.execute(select(func.count()).select_from(tokens)).scalar_one():
                return None
            created = not path.exists()
            if created:
                _write_private(path, secrets.token_urlsafe(32) + "\n")
            _insert(connection, path.read_text().strip(), "admin-token", "admin", now)
            append_audit(connection, now, _ENGINE, "token create", "admin-token", {"role": "admin", "cameras": None})
            return path if created else None

        try:
            return await self._database.write(job)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error

    async def keep(self, file: str, name: str, role: str) -> str:
        """The secret in DATA/FILE (0600), for a partner that is told it anew at every start.

        Where the file is gone or opens nothing any more a new one is made, and what was known by this name is revoked.
        Raises StoreError when the file cannot be written.
        """
        now = self._clock.now()
        path = self._data_dir / file

        def job(connection: Connection) -> str:
            known = path.read_text().strip() if path.exists() else ""
            ours = (tokens.c.name == name) & (tokens.c.role == role) & tokens.c.revoked_at.is_(None)
            valid = select(tokens.c.id).where(ours & (tokens.c.digest == _digest(known)))
            if known and connection.execute(valid).first() is not None:
                return known
            connection.execute(update(tokens).where(ours).values(revoked_at=now))
            secret = secrets.token_urlsafe(32)
            path.unlink(missing_ok=True)
            _write_private(path, secret + "\n")
            _insert(connection, secret, name, role, now)
            append_audit(connection, now, _ENGINE, "token create", name, {"role": role, "cameras": None})
            return secret

        try:
            return await self._database.write(job)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _info(row: Row[Any]) -> TokenInfo:
    return TokenInfo(
        row.id,
        row.name,
        row.role,
        read_grants(row.cameras),
        None if row.scopes is None else frozenset(row.scopes),
        row.created_at,
        row.expires_at,
        row.last_used_at,
        row.revoked_at,
    )
