"""Owns the installation's key for what is sealed: made once, private to its owner, never replaced by itself."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from crime_detect_engine.domain.errors import StoreError

from .sealing import KEY_BYTES, derive, key_id

KEY_FILE = "keys/media.key"
MARK = "media-key-id"
"""Beside the database: which key was last in use. A folder without its key is known by it, and so is another key."""
_DATABASE_ID_BYTES = 4


class MediaKey:
    """The key in DATA/keys, or in a file that a person named. `path` is safe to tell, the key never leaves."""

    def __init__(self, data_dir: Path, file: Path | None = None) -> None:
        self.path = file or data_dir / KEY_FILE
        self._hint = "" if file else ", or say with --config where `privacy.key_file` names another place"
        self._mark = data_dir / MARK
        self._key: bytes | None = None

    def __repr__(self) -> str:
        return f"MediaKey({str(self.path)!r})"

    def read(self) -> bytes:
        """Raises StoreError, which names the file."""
        if self._key is None:
            try:
                found = self.path.read_bytes()
            except FileNotFoundError:
                raise StoreError(
                    f"the key {self.path} is missing, and what was sealed with it opens with no other; "
                    f"put it back from your backup{self._hint}"
                ) from None
            except OSError as error:
                raise StoreError(f"the key {self.path} cannot be read: {error.strerror or error}") from None
            if len(found) != KEY_BYTES:
                raise StoreError(f"{self.path} is no key: it has {len(found)} bytes and a key has {KEY_BYTES}")
            self._key = found
        return self._key

    def keep(self, sealed_with: Callable[[], bytes | None]) -> None:
        """Makes the key at first use. `sealed_with` looks for something that was sealed here before: the id of its key,
        or how that begins.

        Raises StoreError for a key that is missing though things were sealed with it, and for another one than that.
        """
        told = self._mark.read_text().strip() if self._mark.exists() else ""
        known = told or (sealed_with() or b"").hex()
        if not known and not self.path.exists():
            try:
                _make(self.path)
            except OSError as error:
                raise StoreError(f"the key {self.path} cannot be made: {error.strerror or error}") from None
        own = key_id(self.read()).hex()
        if not own.startswith(known):
            raise StoreError(
                f"{self.path} is another key ({own}) than the one that files here were sealed with ({known}); put that "
                f"one back. If it is lost for ever, move what it sealed away and delete {self._mark}"
            )
        if not told:
            self._mark.write_text(own + "\n")

    def database_key(self, salt: bytes) -> str:
        """The key of the database with this salt, in hexadecimal. Raises StoreError."""
        return derive(self.read(), salt, "database").hex()

    def database_id(self) -> bytes:
        """4 bytes by which a database names its key."""
        return key_id(self.read())[:_DATABASE_ID_BYTES]


def _make(path: Path) -> None:
    """Whole or not at all."""
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # fails where another process was quicker: then its key counts
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
