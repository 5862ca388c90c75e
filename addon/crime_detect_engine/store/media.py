"""Owns the media folder: names that cannot collide or escape, and files that are whole or absent."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from crime_detect_engine.domain.errors import StoreError

from .media_key import MediaKey
from .sealing import sealed_bytes, sealing
from .stored_file import StoredFile, bound_name

SNAPSHOT, CLIP, TRANSCODE, SIDECAR = "snapshot", "clip", "transcode", "sidecar"
ORIGINAL_SNAPSHOT, ORIGINAL_CLIP = "original_picture", "original_clip"
"""What the camera saw before the blur; lies sealed only, and only an investigator opens it."""

SUFFIX = {
    SNAPSHOT: ".jpg",
    CLIP: ".mp4",
    TRANSCODE: ".browser.mp4",
    SIDECAR: ".json",
    ORIGINAL_SNAPSHOT: ".original.jpg",
    ORIGINAL_CLIP: ".original.mp4",
}

ORIGINALS = (ORIGINAL_SNAPSHOT, ORIGINAL_CLIP)

RESERVE_BYTES = 200_000_000
"""Below this much free space only alerts keep pictures and clips; detections are recorded without."""


def _safe(text: str, length: int) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text)[:length].strip("_") or "unnamed"


def media_stem(camera: str, started_at: datetime, label: str, incident_id: str) -> str:
    """`camera/2026-11-21/030000_label_id`, UTC; the id makes it unique however many write in one second."""
    at = started_at.astimezone(UTC)
    name = f"{at:%H%M%S}_{_safe(label, 40).lower()}_{_safe(incident_id, 40)}"
    return f"{_safe(camera, 40)}/{at:%Y-%m-%d}/{name}"


class MediaFolder:
    """Files by path relative to the folder, `/` separated as they stand in the database.

    With `seal` every file is written sealed with `key`; untouched originals always are. Both kinds are read.
    """

    def __init__(
        self, root: Path, reserve_bytes: int = RESERVE_BYTES, key: MediaKey | None = None, *, seal: bool = False
    ) -> None:
        self.root = root
        self._key = key
        self._seal = seal
        self.mounted = False
        """The folder is a disk of its own: where that is away, what lies in its place is another one."""
        self.archived: Callable[[str], Path | None] = lambda _relative: None
        """Where a file lies that is not here any more. Raises StoreError while the archive is away."""
        self._reserve_bytes = reserve_bytes

    def found(self, relative: str) -> Path:
        """Where a file is to be read: here, else in the archive. Raises StoreError while that is away."""
        here = self.path(relative)
        return here if here.is_file() else self.archived(relative) or here

    def path(self, relative: str) -> Path:
        """Absolute path, to write to. Raises StoreError for one that leaves the folder."""
        path = (self.root / relative).resolve()
        if "\0" in relative or not path.is_relative_to(self.root.resolve()):
            raise StoreError("a media path leads out of the media folder; the record was altered")
        return path

    def file(self, relative: str) -> StoredFile:
        """To read it, sealed or in clear; it need not be there."""
        return StoredFile(self.found(relative), self._key)

    def sealed_with(self) -> bytes | None:
        """The id of the key of some sealed file; None where there is none. Looks into every file: ask rarely."""
        found = (StoredFile(self.path(one)).sealed_with() for one in self.files())
        return next((one for one in found if one is not None), None)

    def read(self, relative: str) -> bytes:
        """The whole content. Raises OSError, and StoreError for a sealed file that does not open."""
        return self.file(relative).read()

    @contextlib.contextmanager
    def scratch(self, path: Path, *, seal: bool = False) -> Iterator[BinaryIO]:
        """To write what is handed out and then deleted, anywhere: it lies in clear no more than what is in it does."""
        with path.open("wb") as file:
            if not (seal or self._seal) or self._key is None:
                yield file
                return
            with sealing(file, self._key.read(), bound_name(path)) as writer:
                yield cast(BinaryIO, writer)

    def scratch_file(self, path: Path) -> StoredFile:
        return StoredFile(path, self._key)

    def takes(self, relative: str, count: int) -> int:
        """Bytes on the disk of a file with `count` bytes of content."""
        return sealed_bytes(count) if self._seals(relative) else count

    def _seals(self, relative: str) -> bool:
        return self._seal or relative.endswith(tuple(SUFFIX[kind] for kind in ORIGINALS))

    def write(self, relative: str, data: bytes) -> None:
        """Raises OSError; then no part of the file is left and an earlier version still stands."""
        with self.replacing(relative) as target:
            if isinstance(target, Path):
                target.write_bytes(data)
            else:
                target.write(data)

    @contextlib.contextmanager
    def replacing(self, relative: str) -> Iterator[Path | io.BytesIO]:
        """What to write into: a temporary path beside the target, or memory where the file lies sealed, so that nothing
        touches the disk in clear. It replaces the target, synced, when the block ends well.
        """
        with self._replacing(relative) as temporary:
            if not self._seals(relative):
                yield temporary
                return
            if self._key is None:
                raise StoreError("there is no key to seal with")
            content, key = io.BytesIO(), self._key.read()
            yield content
            with temporary.open("wb") as file, sealing(file, key, bound_name(relative)) as writer:
                writer.write(content.getbuffer())

    @contextlib.contextmanager
    def _replacing(self, relative: str) -> Iterator[Path]:
        target = self.path(relative)
        self.require()
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
            _sync_folder(target.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def sync(self, relative: str) -> None:
        """Makes the name of a file last that was just put in its place."""
        _sync_folder(self.path(relative).parent)

    def require(self) -> None:
        """Raises FileNotFoundError where the disk is gone: nothing is written beneath an empty mount point, and
        nothing counts as deleted because it is not there.
        """
        if not self.root.is_dir() or (self.mounted and not self.root.is_mount()):
            raise FileNotFoundError(errno.ENOENT, "the media folder is missing", str(self.root))

    def remove(self, relative: str) -> None:
        """Removes the file and the folders that it leaves empty, for good, and looks that it is gone.

        One that is gone already is fine. Raises OSError.
        """
        target, root = self.path(relative), self.root.resolve()
        self.require()
        target.unlink(missing_ok=True)
        left = target.parent
        while left != root:
            try:
                left.rmdir()
            except FileNotFoundError:
                pass
            except OSError:  # not empty
                break
            left = left.parent
        _sync_folder(left)
        if os.path.lexists(target):
            raise OSError(errno.EIO, "it is still there after it was deleted", str(target))

    def size(self, relative: str) -> int:
        """Bytes on the disk."""
        return self.found(relative).stat().st_size

    def exists(self, relative: str) -> bool:
        return self.found(relative).is_file()

    def files(self) -> Iterator[str]:
        """Every file here, temporary and hidden ones excepted."""
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and not path.name.startswith("."):
                yield path.relative_to(self.root).as_posix()

    def remove_temporaries(self) -> int:
        """What a crash left half-written."""
        found = [path for path in self.root.rglob(".*.tmp") if path.is_file()]
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free

    def total_bytes(self) -> int:
        return shutil.disk_usage(self.root).total

    def nearly_full(self) -> bool:
        """Raises OSError where the folder is missing."""
        self.require()
        return self.free_bytes() < self._reserve_bytes


def _sync_folder(folder: Path) -> None:
    """A rename lasts through a power cut only once its folder is synced."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
