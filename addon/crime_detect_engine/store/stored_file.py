"""Owns one file of the media folder as it is read: in clear or sealed, told apart by its first bytes."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from .media_key import MediaKey
from .sealing import CHUNK, HEADER_BYTES, SealedReader, SealError, content_bytes, is_sealed, made_with


def bound_name(path: Path | str) -> str:
    """What a sealed file is bound to: its incident and its kind, not its folder, which an archive changes."""
    return str(path).replace("\\", "/").rpartition("/")[2].rpartition("_")[2]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """See domain.ports.StoredMedia. Without a key only files in clear can be read; `name` is for a file that somebody
    renamed since it was sealed.
    """

    path: Path
    key: MediaKey | None = None
    name: str | None = None

    @property
    def sealed(self) -> bool:
        """Raises OSError."""
        return self.sealed_with() is not None

    def sealed_with(self) -> bytes | None:
        """The id of the key; None for a file in clear. Raises OSError."""
        with self.path.open("rb") as file:
            head = file.read(HEADER_BYTES)
        return made_with(head) if is_sealed(head) else None

    @property
    def clear_path(self) -> Path | None:
        return None if self.sealed else self.path

    @property
    def size(self) -> int:
        on_disk = self.path.stat().st_size
        return content_bytes(on_disk) if self.sealed else on_disk

    @property
    def modified_ns(self) -> int:
        return self.path.stat().st_mtime_ns

    def open(self) -> BinaryIO:
        with contextlib.ExitStack() as undo:
            file = undo.enter_context(self.path.open("rb"))
            head = file.read(HEADER_BYTES)
            file.seek(0)
            opened: BinaryIO = file
            if is_sealed(head):
                # A buffered raw reader is one to read from, whatever the type says.
                opened = cast(BinaryIO, io.BufferedReader(self._unsealed(file), CHUNK))
            undo.pop_all()
        return opened

    def _unsealed(self, file: BinaryIO) -> SealedReader:
        if self.key is None:
            raise SealError(f"{self.path} is sealed, and there is no key to open it with")
        key = self.key.read()
        try:
            return SealedReader(file, key, bound_name(self.name or self.path))
        except SealError as error:
            raise SealError(f"{self.path} (key {self.key.path}): {error}") from None

    def read(self) -> bytes:
        with self.open() as file:
            return file.read()
