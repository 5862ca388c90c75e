"""Owns API tokens: who may come in. Only digests are kept, so the database gives nobody access."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, func, insert, select, update

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor

from .audit import append_audit
from .database import Database
from .tables import tokens

ROLES = ("viewer", "operator", "investigator", "admin", "integration")
ADMIN_TOKEN_FILE = "admin-token"  # noqa: S105 - the name of a file
_ENGINE = Actor("engine", "admin")


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token without its secret."""

    id: int
    name: str
    role: str
    cameras: frozenset[str] | None
    created_at: datetime
    revoked_at: datetime | None


def _digest(secret: str) -> str:
    # A token has 256 random bits: a plain digest cannot be guessed backwards, unlike that of a password.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _insert(
    connection: Connection, secret: str, name: str, role: str, cameras: frozenset[str] | None, now: datetime
) -> None:
    connection.execute(
        insert(tokens).values(
            name=name,
            role=role,
            cameras=None if cameras is None else sorted(cameras),
            digest=_digest(secret),
            created_at=now,
        )
    )


def _cameras(value: Sequence[str] | None) -> frozenset[str] | None:
    return None if value is None else frozenset(value)


class Tokens:
    def __init__(self, database: Database, clock: Clock, data_dir: Path) -> None:
        self._database = database
        self._clock = clock
        self._data_dir = data_dir

    async def create(self, name: str, role: str, cameras: frozenset[str] | None = None, actor: Actor = _ENGINE) -> str:
        """The secret, which is shown once and cannot be had again. Raises InvalidInputError for an unknown role."""
        if role not in ROLES:
            raise InvalidInputError(f"role must be one of {', '.join(ROLES)}", {"role": f"not {role[:40]!r}"})
        if not 1 <= len(name) <= 64:
            raise InvalidInputError("a token's name has 1 to 64 characters", {"name": "1 to 64 characters"})
        secret = secrets.token_urlsafe(32)
        now = self._clock.now()

        def job(connection: Connection) -> None:
            _insert(connection, secret, name, role, cameras, now)
            details = {"role": role, "cameras": None if cameras is None else sorted(cameras)}
            append_audit(connection, now, actor, "token create", name, details)

        await self._database.write(job)
        return secret

    async def find(self, secret: str) -> Actor | None:
        """Who holds this secret; None for an unknown or revoked one."""
        digest = _digest(secret)

        def job(connection: Connection) -> Actor | None:
            query = select(tokens).where(tokens.c.digest == digest, tokens.c.revoked_at.is_(None))
            row = connection.execute(query).one_or_none()
            if row is None or not hmac.compare_digest(row.digest, digest):
                return None
            return Actor(row.name, row.role, _cameras(row.cameras))

        return await self._database.read(job)

    async def list(self) -> Sequence[TokenInfo]:
        def job(connection: Connection) -> Sequence[TokenInfo]:
            return [
                TokenInfo(row.id, row.name, row.role, _cameras(row.cameras), row.created_at, row.revoked_at)
                for row in connection.execute(select(tokens).order_by(tokens.c.id))
            ]

        return await self._database.read(job)

    async def revoke(self, token_id: int, actor: Actor = _ENGINE) -> None:
        """Raises NotFoundError."""
        now = self._clock.now()

        def job(connection: Connection) -> None:
            changed = connection.execute(
                update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=now)
            ).rowcount
            if changed == 0:
                raise NotFoundError(f"no valid token {token_id}")
            append_audit(connection, now, actor, "token revoke", str(token_id), {})

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
            _insert(connection, path.read_text().strip(), "admin-token", "admin", None, now)
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
            _insert(connection, secret, name, role, None, now)
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
