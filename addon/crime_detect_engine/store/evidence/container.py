"""Owns the file a package is: an ordinary ZIP of which no byte is free, so that none can be changed unseen.

Members are stored uncompressed, in order, with fixed dates and no extra fields; every byte of every header follows from
name and content. Any program can unpack it; the reader here accepts nothing else.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from crime_detect_engine.domain.errors import CrimeDetectError

MAX_BYTES = 2 * 10**9
MAX_MEMBERS = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}(\.[a-z0-9]{1,8})?")
_CHUNK = 1 << 20
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCAL_BYTES, _CENTRAL_BYTES, _END_BYTES = 30, 46, 22
_VERSION, _UNIX, _MODE, _DATE = 20, 3, 0o100600 << 16, 0x0021
"""Date: 1 January 1980, the first that a ZIP knows; when it was made is in the manifest."""


class ContainerError(CrimeDetectError):
    """This is no package as the engine writes it; the message names the first place that is not."""


@dataclass(frozen=True, slots=True)
class Member:
    """Where the content of a member lies."""

    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    offset: int
    size: int
    crc: int

    def local(self) -> bytes:
        fields = (_LOCAL, _VERSION, 0, 0, 0, _DATE, self.crc, self.size, self.size, len(self.name), 0)
        return struct.pack("<4s5H3I2H", *fields) + self.name.encode("ascii")

    def central(self) -> bytes:
        sizes = (self.crc, self.size, self.size, len(self.name), 0, 0, 0, 0, _MODE, self.offset)
        head = (_CENTRAL, _UNIX << 8 | _VERSION, _VERSION, 0, 0, 0, _DATE)
        return struct.pack("<4s6H3I5H2I", *head, *sizes) + self.name.encode("ascii")


def _end(count: int, size: int, offset: int) -> bytes:
    return struct.pack("<4s4H2IH", _END, 0, 0, count, count, size, offset, 0)


class Packer:
    """Writes members in order; `finish` once. The file need not be one to seek in: a sealed one is not."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0
        self._entries: list[_Entry] = []

    def add(self, name: str, content: bytes | BinaryIO) -> tuple[int, str]:
        """Size and SHA-256. A file is read twice, since its checksum comes first.

        Raises ContainerError when the package would be too large, or the file changes meanwhile.
        """
        size, crc, digest = 0, 0, hashlib.sha256()
        for chunk in _chunks(content):
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
            digest.update(chunk)
            if self._offset + size > MAX_BYTES:
                raise ContainerError(f"a package holds up to {MAX_BYTES // 10**9} GB; this incident has more")
        entry = _Entry(name, self._offset, size, crc)
        self._write(entry.local())
        written = self._offset
        for chunk in _chunks(content):
            self._write(chunk)
        if self._offset - written != size:
            raise ContainerError(f"{name} changed while it was packed")
        self._entries.append(entry)
        return size, digest.hexdigest()

    def finish(self) -> None:
        directory = b"".join(entry.central() for entry in self._entries)
        self._write(directory + _end(len(self._entries), len(directory), self._offset))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._offset += len(data)


def _chunks(content: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    content.seek(0)
    while chunk := content.read(_CHUNK):
        yield chunk


def members(path: Path) -> Sequence[Member]:
    """Raises ContainerError for a file of which a single byte is not as `Packer` would have written it."""
    try:
        with path.open("rb") as file:
            total = file.seek(0, 2)
            if total > MAX_BYTES + 10**6:
                raise ContainerError("the file is larger than any package")
            file.seek(0)
            return _read(file, total)
    except OSError as error:
        raise ContainerError(f"the file cannot be read: {error.strerror or error}") from error


def _read(file: BinaryIO, total: int) -> Sequence[Member]:
    entries: list[_Entry] = []
    found: list[Member] = []
    while True:
        offset = file.tell()
        head = file.read(_LOCAL_BYTES)
        if head[:4] != _LOCAL or len(head) < _LOCAL_BYTES:
            break
        if len(entries) == MAX_MEMBERS:
            raise ContainerError("the package has too many members")
        entry = _entry(file, offset, head, total)
        if entry.name.lower() in {one.name.lower() for one in entries}:  # one file where case does not count
            raise ContainerError(f"{entry.name} is there twice")
        entries.append(entry)
        found.append(Member(entry.name, file.tell() - entry.size, entry.size))
    after = entries[-1].name if entries else None
    directory = b"".join(entry.central() for entry in entries)
    expected = directory + _end(len(entries), len(directory), offset)
    file.seek(offset)
    if total - offset != len(expected) or file.read(len(expected)) != expected:
        where = f"after {after}" if after else "at its start"
        raise ContainerError(f"the file was cut, lengthened or changed {where}")
    return found


def _entry(file: BinaryIO, offset: int, head: bytes, total: int) -> _Entry:
    crc, size, _, length = struct.unpack("<3IH", head[14:28])
    name = file.read(length)
    shown = ascii(name[:60].decode("latin-1"))
    if length > 50 or not _NAME.fullmatch(name.decode("latin-1")):
        raise ContainerError(f"{shown} is no name of a member")
    entry = _Entry(name.decode("ascii"), offset, size, crc)
    if entry.local() != head + name:
        raise ContainerError(f"the header of {entry.name} was changed")
    if offset + len(head) + length + size > total:
        raise ContainerError(f"{entry.name} is cut")
    actual = 0
    for chunk in read(file, Member(entry.name, file.tell(), size)):
        actual = zlib.crc32(chunk, actual)
    if actual != crc:
        raise ContainerError(f"{entry.name} was changed: its checksum is another")
    return entry


def read(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """The content in pieces of up to 1 MB."""
    file.seek(member.start)
    left = member.size
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise ContainerError(f"{member.name} is cut")
        left -= len(chunk)
        yield chunk
