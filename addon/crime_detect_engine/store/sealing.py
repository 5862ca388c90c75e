"""Owns the sealed file: AES-256-GCM in chunks, so that any part can be read and no part changed, cut, moved or swapped.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance, CRYPTO 2015): a chunk's nonce is its number and whether it is the last, so that a file that was cut
at a chunk's end or put in another order does not open. Each file has a key of its own, derived from its random salt,
so no nonce is ever used twice with one key.

    magic 8 | version 1 | key id 8 | salt 32 | chunk… each up to 65536 bytes of content and 16 of authentication
"""

from __future__ import annotations

import io
import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crime_detect_engine.domain.errors import StoreError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAGIC = b"\x93CDSEAL\n"
VERSION = 1
CHUNK = 65536
KEY_BYTES = 32
_ID_BYTES, _SALT_BYTES, _TAG = 8, 32, 16
_FULL = CHUNK + _TAG
HEADER_BYTES = len(MAGIC) + 1 + _ID_BYTES + _SALT_BYTES
MAX_CHUNKS = 2**32
_NEEDED_MAGIC = 4
"""Of the eight bytes: a file with a spoilt sign is a spoilt sealed file, and none in clear."""


class SealError(StoreError):
    """A sealed file does not open: another key, or it was changed, cut or put in another's place."""


def derive(key: bytes, salt: bytes, info: str, length: int = KEY_BYTES) -> bytes:
    """HKDF-SHA256 (RFC 5869) of the installation's key."""
    return HKDF(SHA256(), length, salt, f"crime_detect {info}".encode()).derive(key)


def key_id(key: bytes) -> bytes:
    """8 bytes that tell keys apart and nothing about them."""
    return derive(key, b"", "key id", _ID_BYTES)


def is_sealed(head: bytes) -> bool:
    """Whether a file that begins so is a sealed one, also one with a spoilt sign."""
    return sum(one == other for one, other in zip(head, MAGIC, strict=False)) >= _NEEDED_MAGIC


def made_with(header: bytes) -> bytes:
    """The id of the key that a sealed file says it was made with."""
    return header[len(MAGIC) + 1 :][:_ID_BYTES]


def content_bytes(size: int) -> int:
    """What a sealed file of `size` bytes holds. Raises SealError for a size that none has."""
    body = size - HEADER_BYTES
    rest = body % _FULL
    if body < _TAG or 0 < rest < _TAG or (rest == _TAG and body > _TAG):
        raise SealError("the sealed file is cut")
    return body - _TAG * -(-body // _FULL)


def sealed_bytes(count: int) -> int:
    """What a sealed file of `count` bytes of content takes."""
    return HEADER_BYTES + count + _TAG * max(1, -(-count // CHUNK))


def _nonce(index: int, *, last: bool) -> bytes:
    return struct.pack(">7xIB", index, last)


class SealedWriter(io.RawIOBase):
    """Seals what is written into `target`, which the caller closes. Only after `finish` does the file open again.

    `name` is bound to the content: read under another name it does not open.
    """

    def __init__(self, target: BinaryIO, key: bytes, name: str) -> None:
        salt = secrets.token_bytes(_SALT_BYTES)
        header = MAGIC + bytes([VERSION]) + key_id(key) + salt
        self._target = target
        self._cipher = AESGCM(derive(key, salt, "file"))
        self._bound = header + name.encode()
        self._pending = bytearray()
        self._index = 0
        target.write(header)

    def writable(self) -> bool:
        return True

    def write(self, data: ReadableBuffer) -> int:
        view, taken = memoryview(data).cast("B"), 0
        while len(self._pending) + len(view) - taken > CHUNK:  # a full chunk may be the last, so one waits
            part = view[taken : taken + CHUNK - len(self._pending)]
            self._pending += part
            taken += len(part)
            self._seal(bytes(self._pending), last=False)
            self._pending.clear()
        self._pending += view[taken:]
        return len(view)

    def finish(self) -> None:
        self._seal(bytes(self._pending), last=True)
        self._pending.clear()

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        if self._index >= MAX_CHUNKS:
            raise SealError("a sealed file holds up to 256 TiB")
        self._target.write(self._cipher.encrypt(_nonce(self._index, last=last), chunk, self._bound))
        self._index += 1


class SealedReader(io.RawIOBase):
    """The content of a sealed file, at any place. Owns `source` and closes it.

    Opening checks the last chunk, so the size is what it was when the file was sealed. Raises SealError, also while
    reading, and OSError.
    """

    def __init__(self, source: BinaryIO, key: bytes, name: str) -> None:
        self._source = source
        header = source.read(HEADER_BYTES)
        _check_header(header, key)
        self._cipher = AESGCM(derive(key, header[-_SALT_BYTES:], "file"))
        self._bound = header + name.encode()
        self.size = content_bytes(source.seek(0, os.SEEK_END))
        self._last = max(0, self.size - 1) // CHUNK
        self._position = 0
        self._open_index = self._last
        self._chunk = self._unseal(self._last)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        target = memoryview(buffer).cast("B")
        index, start = divmod(self._position, CHUNK)
        if self._position >= self.size or not target:
            return 0
        if index != self._open_index:
            self._chunk, self._open_index = self._unseal(index), index
        part = self._chunk[start : start + len(target)]
        target[: len(part)] = part
        self._position += len(part)
        return len(part)

    def readall(self) -> bytes:
        parts = []
        while part := self.read(CHUNK):
            parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        self._source.close()
        super().close()

    def _unseal(self, index: int) -> bytes:
        self._source.seek(HEADER_BYTES + index * _FULL)
        sealed = self._source.read(_FULL)
        try:
            return self._cipher.decrypt(_nonce(index, last=index == self._last), sealed, self._bound)
        except InvalidTag:
            raise SealError(
                "the sealed file was changed, cut, or is another file than its name says; it does not open"
            ) from None


def _check_header(header: bytes, key: bytes) -> None:
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise SealError("the sealed file is cut or its beginning was changed")
    if header[len(MAGIC)] != VERSION:
        raise SealError(f"the sealed file is of format {header[len(MAGIC)]}, and this version knows {VERSION}")
    if made_with(header) != key_id(key):
        raise SealError(f"the file was sealed with the key {made_with(header).hex()}, and this is {key_id(key).hex()}")


@contextmanager
def sealing(target: BinaryIO, key: bytes, name: str) -> Iterator[SealedWriter]:
    """Finishes what was written when the block ends well; else it never opens."""
    writer = SealedWriter(target, key, name)
    yield writer
    writer.finish()


def seal(content: bytes, key: bytes, name: str) -> bytes:
    """A whole sealed file."""
    target = io.BytesIO()
    with sealing(target, key, name) as writer:
        writer.write(content)
    return target.getvalue()


def unseal(sealed: bytes, key: bytes, name: str) -> bytes:
    """Raises SealError."""
    with SealedReader(io.BytesIO(sealed), key, name) as reader:
        return reader.read()
