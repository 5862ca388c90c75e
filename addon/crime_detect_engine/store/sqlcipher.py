"""Owns the encrypted database (SQLCipher): how it is known, opened, made of a plain one, and made plain again.

Its first 16 bytes are the salt, which the engine chooses: a sign, the key's id, and 8 random bytes. So a database that
another key made is told from a malformed one, which would be set aside.
"""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

from crime_detect_engine.domain.errors import StoreError

from .media_key import MediaKey

SIGN = b"CDDB"
_ID_BYTES, _SALT_BYTES = 4, 16
CONVERTING = ".converting"
_PLAIN_KEY = ""


def is_encrypted(path: Path) -> bool:
    """Whether an encrypted database lies there; False for none. Raises OSError."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return file.read(len(SIGN)) == SIGN


def key_of(path: Path) -> bytes | None:
    """The beginning of the id of the key that encrypted a database; None for a plain one or none. Raises OSError."""
    if not is_encrypted(path):
        return None
    with path.open("rb") as file:
        return file.read(_SALT_BYTES)[len(SIGN) :][:_ID_BYTES]


def library() -> Any:
    """The module sqlcipher3.dbapi2. Raises StoreError where it is not installed."""
    try:
        return import_module("sqlcipher3.dbapi2")
    except ImportError:
        raise StoreError(
            "the database is to be encrypted, and the package sqlcipher3 is not there: install crime-detect[encrypted]"
        ) from None


def connect(path: Path, key: MediaKey, busy_timeout_ms: int) -> Any:
    """A connection of the sqlite3 kind; a new file gets a salt of its own. Raises StoreError for another key.

    The key is never part of a statement that anybody logs: this runs below the layer that would.
    """
    connection = library().connect(str(path), timeout=busy_timeout_ms / 1000, check_same_thread=False)
    try:
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f'PRAGMA key = "{_raw_key(_salt(path, key), key)}"')
        connection.execute("PRAGMA temp_store = MEMORY")
    except StoreError:
        connection.close()
        raise
    return connection


def _salt(path: Path, key: MediaKey) -> bytes:
    found = b""
    if path.exists():
        with path.open("rb") as file:
            found = file.read(_SALT_BYTES)
    if not found:
        return _new_salt(key)
    if found[len(SIGN) :][:_ID_BYTES] != key.database_id():
        raise StoreError(
            f"{path} was encrypted with another key than {key.path}; put that one back, nothing was changed"
        )
    return found


def _new_salt(key: MediaKey) -> bytes:
    return SIGN + key.database_id() + secrets.token_bytes(_SALT_BYTES - len(SIGN) - _ID_BYTES)


def _raw_key(salt: bytes, key: MediaKey) -> str:
    """As SQLCipher takes it, 32 bytes and the salt in hexadecimal: it derives none itself, and logs none."""
    return f"x'{key.database_key(salt)}{salt.hex()}'"


def convert(path: Path, key: MediaKey, busy_timeout_ms: int, *, encrypt: bool) -> None:
    """Encrypts a sound database, or makes it plain: a checked copy takes its place in one step.

    Stopped at any moment, one of the two is there, whole. Raises StoreError; then nothing was changed.
    """
    module = library()
    copy = path.with_name(path.name + CONVERTING)
    clear_leftovers(path)
    source = (
        module.connect(str(path), timeout=busy_timeout_ms / 1000) if encrypt else connect(path, key, busy_timeout_ms)
    )
    try:
        with closing(source):
            source.isolation_level = None
            copy_key = _raw_key(_new_salt(key), key) if encrypt else _PLAIN_KEY
            _copy(source, path, copy, copy_key)
        if any(path.with_name(path.name + end).exists() for end in ("-wal", "-journal")):
            raise StoreError(
                "the database cannot be encrypted or made plain while another program has it open; close that and "
                "start again"
            )
        with copy.open("rb+") as file:
            os.fsync(file.fileno())
        copy.replace(path)
        _sync(path.parent)
    except module.Error as error:
        raise StoreError(f"the database could not be encrypted or made plain, and is as it was: {error}") from None
    finally:
        clear_leftovers(path)


def _copy(source: Any, path: Path, copy: Path, copy_key: str) -> None:
    source.execute("PRAGMA cipher_log_level = NONE")
    source.execute("PRAGMA locking_mode = EXCLUSIVE")
    source.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    source.execute("ATTACH DATABASE ? AS made KEY ?", (str(copy), copy_key))
    source.execute("PRAGMA made.synchronous = FULL")
    source.execute("SELECT sqlcipher_export('made')")
    shape, made = (
        source.execute(f"SELECT type, name, tbl_name, sql FROM {schema}.sqlite_master ORDER BY 1, 2").fetchall()  # noqa: S608
        for schema in ("main", "made")
    )
    if shape != made:
        raise StoreError("the copy of the database is not like it; nothing was changed")
    tables = [name for kind, name, _, _ in shape if kind == "table"]
    for table in tables:
        before, after = (
            source.execute(f'SELECT count(*) FROM {schema}."{table}"').fetchone()  # noqa: S608 - the database's own names
            for schema in ("main", "made")
        )
        if before != after:
            raise StoreError("the copy of the database is not like it; nothing was changed")
    # The same database at another place: who follows the engine need not begin anew.
    marks = (str(copy.stat().st_ino), str(path.stat().st_ino))
    if "meta" in tables:
        source.execute("UPDATE made.meta SET value = ? WHERE key = 'inode' AND value = ?", marks)
    if source.execute("PRAGMA made.integrity_check(1)").fetchone() != ("ok",):
        raise StoreError("the copy of the database is not sound; nothing was changed")
    source.execute("DETACH DATABASE made")


def clear_leftovers(path: Path) -> None:
    """What a conversion that was stopped left beside the database."""
    for left in path.parent.glob(f"{path.name}{CONVERTING}*"):
        left.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
