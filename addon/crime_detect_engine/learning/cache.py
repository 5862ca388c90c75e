"""Owns decoded clips on disk: each video is decoded once, and what is learned from is mapped, not held in memory."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import file_digest

from .cutting import Clip, Cutting, Piece, SampledFrame, find_pieces

FORMAT = 1
"""Counts up when sampling or cut detection change: what was decoded before is then decoded again."""
FRAMES_FILE, INDEX_FILE = "frames.u8", "index.json"
_PARTIAL = ".partial-"
ABANDONED_S = 3600.0
"""A video that nothing was decoded of for so long belongs to a run that is gone."""
GIGABYTE = 1_000_000_000


class Decoder(Protocol):
    """What is kept comes from here."""

    def frames(self, path: Path) -> Iterable[SampledFrame]: ...

    def compose(self, clip: Clip, zoom: float = 1.0, region: str | None = None) -> Clip: ...


class CachedFootage:
    """A `Footage` that keeps what it decoded in `folder`, one entry a video, at most `most_bytes` in all.

    An entry's name is the digest of the video's content and of everything that decides which pixels come of it. It is
    written beside and moved into place whole, so a run that was cut off leaves nothing that could be taken for one. The
    least recently used entries make room; those of this run stay.
    """

    def __init__(self, decoder: Decoder, spec: ModelSpec, folder: Path, most_bytes: int) -> None:
        self._decoder = decoder
        self._sampling = [FORMAT, spec.fps, spec.picture_size, spec.interpolation]
        self._folder = folder
        self._most_bytes = most_bytes
        self._used: set[Path] = set()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _allow_many_files()

    def cut(self, path: Path, cutting: Cutting) -> Sequence[tuple[Piece, Clip]]:
        """Pieces mapped from disk. Raises InvalidInputError (no room, or what `cutting` refuses) and SourceError."""
        text = json.dumps([file_digest(path), *self._sampling, asdict(cutting)])
        entry = self._folder / hashlib.sha256(text.encode()).hexdigest()[:40]
        self._used.add(entry)
        found = read_entry(entry)
        if found is None:
            self._decode(path, cutting, entry)
            found = read_entry(entry)
        if found is None:
            raise InvalidInputError(f"{entry} went away at once; does another program clean this folder?")
        return found

    def compose(self, clip: Clip, zoom: float = 1.0, region: str | None = None) -> Clip:
        return self._decoder.compose(clip, zoom, region)

    def _decode(self, path: Path, cutting: Cutting, entry: Path) -> None:
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        try:
            _write_entry(self._decoder.frames(path), cutting, path, partial)
            self._make_room(_age(partial)[1], partial)
            if entry.exists() and read_entry(entry) is None:
                shutil.rmtree(entry, ignore_errors=True)
            _put(partial, entry)
        except OSError as error:
            raise InvalidInputError(f"{path} could not be kept in {self._folder}: {error.strerror}") from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _make_room(self, size: int, own: Path) -> None:
        """Raises InvalidInputError when what this run needs is more than there may be."""
        now_s = (own / INDEX_FILE).stat().st_mtime
        entries = sorted((*_age(path), path) for path in self._folder.iterdir() if path.is_dir() and path != own)
        kept = sum(entry_size for _, entry_size, _ in entries)
        for written_s, entry_size, path in entries:
            if kept + size <= self._most_bytes:
                break
            under_way = path.name.startswith(_PARTIAL) and now_s - written_s < ABANDONED_S
            if path not in self._used and not under_way:
                shutil.rmtree(path, ignore_errors=True)
                kept -= entry_size
        if kept + size > self._most_bytes:
            raise InvalidInputError(
                f"the decoded clips need more than {self._most_bytes / GIGABYTE:g} GB in {self._folder}; allow "
                "more with --cache-gb, or keep less of each video (`pieces_per_video` in the recipe's data folder)"
            )


def read_entry(entry: Path) -> list[tuple[Piece, Clip]] | None:
    """The pieces of an entry, mapped (what is written to them stays in memory); None without a whole one."""
    try:
        index = json.loads((entry / INDEX_FILE).read_text(encoding="utf-8"))
        shape = tuple(index["shape"])
        if (entry / FRAMES_FILE).stat().st_size != int(np.prod(shape)):
            return None
        if not shape[0]:
            return []
        frames = np.memmap(entry / FRAMES_FILE, np.uint8, "c", shape=shape)
        os.utime(entry)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = frames.view(np.ndarray)
    pieces = [(Piece(*piece), at) for piece, at in zip(index["pieces"], index["at"], strict=True)]
    return [(piece, whole[at : at + piece.stop - piece.start]) for piece, at in pieces]


def _put(partial: Path, entry: Path) -> None:
    """Moves what is whole into place; where another run was faster, what that one put there is as good."""
    try:
        partial.rename(entry)
    except OSError:
        if read_entry(entry) is None:
            raise


def _write_entry(frames: Iterable[SampledFrame], cutting: Cutting, path: Path, folder: Path) -> None:
    """Decodes to disk, then keeps the frames of the pieces alone."""
    numbers, cuts = [], []
    shape: tuple[int, ...] = (0, 0, 3)
    everything = folder / "all.u8"
    with everything.open("wb") as stream:
        for frame in frames:
            numbers.append(frame.number)
            cuts.append(frame.cut)
            shape = frame.image.shape
            stream.write(np.ascontiguousarray(frame.image).data)
    pieces = find_pieces(cutting, np.array(numbers, np.int64), np.array(cuts, bool), path)
    kept = sum(piece.stop - piece.start for piece in pieces)
    with (folder / FRAMES_FILE).open("wb") as stream:
        if kept:
            whole = np.memmap(everything, np.uint8, "r", shape=(len(numbers), *shape))
            for piece in pieces:
                stream.write(whole[piece.start : piece.stop].data)
            del whole
        _settle(stream)
    everything.unlink()
    lengths = [piece.stop - piece.start for piece in pieces]
    at = [int(n) for n in np.cumsum([0, *lengths])[:-1]]
    index = {"shape": [kept, *shape], "pieces": [list(piece) for piece in pieces], "at": at}
    with (folder / INDEX_FILE).open("wb") as stream:
        stream.write(json.dumps(index).encode())
        _settle(stream)


def _settle(stream: BinaryIO) -> None:
    """On the disk before the entry gets its name: a power cut must not leave one that only looks whole."""
    stream.flush()
    os.fsync(stream.fileno())


def _age(folder: Path) -> tuple[float, int]:
    """When it was last used or written to, by the file system's clock, and its bytes; zeros if it just went away."""
    try:
        found = [path.stat() for path in (folder, *folder.iterdir())]
    except FileNotFoundError:
        return 0.0, 0
    return max(one.st_mtime for one in found), sum(one.st_size for one in found[1:])


def _allow_many_files() -> None:
    """Every mapped video holds a file open: the soft limit is often 1024, sets have thousands."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
