"""Owns the archive: another disk, to which pictures and clips move, and where nothing is lost while it is away."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, func, select, update

from crime_detect_engine.domain.errors import StoreError

from .apart import Apart
from .caution import MARK, read_mark, write_mark
from .journal import Journal
from .lifecycle import ARCHIVED, COPIED, COPYING, ENGINE, HOT, MediaFile, doom, doomed, forget, log, register
from .media import SIDECAR, SUFFIX, TRANSCODE, MediaFolder
from .memory import ARCHIVE, recall, remember
from .planning import Move, unentered
from .retention import ArchiveOptions
from .tables import media

LOOK_S = 5.0
SEEN_S = 180.0
"""How long an archive counts as there after it was looked at; the look is every minute."""
BATCH = 16
CHUNK_BYTES = 1 << 20
_AWAY, _REFUSES = "archive", "archive copy"
_STAYS = (SUFFIX[TRANSCODE], SUFFIX[SIDECAR])


class Archive:
    """A file is noted as on its way, copied, synced, compared, noted as there, and only then removed here.

    `error` says why the archive is not used, None while it is or where there is none.
    """

    def __init__(self, journal: Journal, uuid: str) -> None:
        self._journal = journal
        self._database = journal.database
        self._uuid = uuid
        self._options: ArchiveOptions | None = None
        self._folder: MediaFolder | None = None
        self._held = 0
        self._seen_tick_s: float | None = None
        self._look, self._work = Apart("store-archive-look"), Apart("store-archive")
        self._lost: set[str] = set()
        self._entered = False
        self._away: str | None = None
        self._refusal: str | None = None
        journal.folder.archived = self._locate

    def use(self, options: ArchiveOptions | None) -> None:
        if options is None or self._folder is None or options.path != self._folder.root:
            self._folder = None if options is None else MediaFolder(options.path, 0)
            self._seen_tick_s = None
        self._options = options

    @property
    def error(self) -> str | None:
        return self._away or self._refusal

    @property
    def there(self) -> bool:
        """Whether the archive answered lately; says so without touching its disk, which may hang."""
        seen = self._seen_tick_s
        return seen is not None and self._journal.clock.tick_s() - seen < SEEN_S

    def _locate(self, relative: str) -> Path | None:
        """See MediaFolder.archived."""
        if relative.endswith(_STAYS):
            return None
        if self._folder is None:
            if self._held:
                raise StoreError("this lies in an archive that the configuration does not name any more")
            return None
        if not self.there:
            raise StoreError(f"the archive {self._folder.root} is away; what lies there can be read when it is back")
        return self._folder.path(relative)

    async def look(self) -> bool:
        """Asks the archive's disk whether it is there and ours, for a few seconds at most. Raises StoreError."""

        def known(connection: Connection) -> tuple[str | None, int]:
            count = select(func.count()).select_from(media).where(media.c.tier != HOT)
            return recall(connection, ARCHIVE), int(connection.execute(count).scalar_one())

        mark, self._held = await self._database.read(known)
        folder = self._folder
        if folder is None:
            lost = f"{self._held} files lie in an archive that the configuration does not name any more"
            return self._say(lost if self._held else None)
        try:
            found = await self._look.call(lambda: self._recognise(folder, mark, self._held), LOOK_S)
        except TimeoutError:
            return self._say(f"the archive {folder.root} does not answer")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return self._say(f"the archive {folder.root} is not used: {reason}")
        if found != mark:
            await self._database.write(lambda c: remember(c, ARCHIVE, found))
        self._seen_tick_s = self._journal.clock.tick_s()
        if not self._entered:
            self._entered = True
            await self._enter(folder)
        return self._say(None)

    async def _enter(self, folder: MediaFolder) -> None:
        """Once: files there that the database does not know, because it was made anew from the sidecar files here."""
        wanted = await self._database.read(unentered)
        sizes = await self._look.call(lambda: _sizes(folder, [file.path for file in wanted])) if wanted else {}
        found = [replace(file, bytes=sizes[file.path]) for file in wanted if file.path in sizes]
        at = self._journal.clock.now()

        def enter(connection: Connection) -> None:
            for file in found:
                register(connection, file, at, tier=ARCHIVED)

        if found:
            await self._database.write(enter)
            self._held += len(found)

    def _say(self, error: str | None) -> bool:
        self._away = error
        if error is None:
            self._journal.succeed(_AWAY)
        else:
            self._seen_tick_s = None
            self._journal.fail(_AWAY, error)
        return error is None and self._folder is not None

    def _recognise(self, folder: MediaFolder, mark: str | None, held: int) -> str:
        """The mark of the archive. Raises OSError, and ValueError for a place that is not to be used."""
        if not folder.root.is_dir():
            raise ValueError("there is no such folder; is its disk connected?")
        words = read_mark(folder.root)
        if words and words[0] != self._uuid:
            raise ValueError(f"it belongs to another engine ({words[0][:36]})")
        if words and len(words) > 1 and (words[1] == mark or mark is None or not held):
            return words[1]
        if held and mark is not None:
            raise ValueError("its mark is not there: its disk is not connected, or this is not where the files are")
        if words is None and _device(folder.root) in (_device(Path("/")), _device(self._journal.folder.root)):
            raise ValueError(
                "it lies on the disk of the system or of the media: is its own disk connected? "
                f"If this is meant, make an empty file {folder.root / MARK}"
            )
        fresh = secrets.token_hex(8)
        write_mark(folder.root, self._uuid, fresh)
        return fresh

    # --- to the archive ----------------------------------------------------------------------------------------

    async def move(self, moves: Sequence[Move]) -> int:
        """Takes these files over as far as the archive lets it; returns how many arrived."""
        folder, count = self._folder, 0
        todo = [move for move in moves if move.path not in self._lost]
        if folder is None or not todo or not await self.look():
            return count
        await self._work.call(folder.remove_temporaries)
        self._refusal = None
        for batch in _batches(todo):
            count += await self._move(folder, [move.path for move in batch])
            if self.error is not None:
                break
        if self._refusal is None:
            self._journal.succeed(_REFUSES)
        await self.sweep()
        return count

    async def _move(self, folder: MediaFolder, paths: Sequence[str]) -> int:
        begun = await self._database.write(lambda c: _begin(c, paths))
        copied: list[str] = []
        for path in begun:
            try:
                await self._work.call(partial(self._copy, folder, path))
            except FileNotFoundError:
                if not await self.look():
                    break
                self._lost.add(path)  # the record names it, and it is not on the disk; whoever took it, not we
                await self._database.write(partial(_set, paths=[path], tier=HOT))
            except (OSError, ValueError) as error:
                reason = getattr(error, "strerror", None) or error
                self._refusal = f"the archive {folder.root} does not take files: {reason}"
                self._journal.fail(_REFUSES, self._refusal)
                break
            else:
                copied.append(path)
        here = self._journal.folder
        await self._database.write(lambda c: self._arrived(c, copied))
        done = []
        for path in copied:
            try:
                await self._work.call(partial(here.remove, path))
                done.append(path)
            except OSError as error:
                self._journal.fail("deletion", f"a file cannot be deleted: {error.strerror or error}")
        await self._database.write(lambda c: _set(c, done, ARCHIVED))
        self._held += len(done)
        return len(done)

    def _arrived(self, connection: Connection, paths: Sequence[str]) -> None:
        at = self._journal.clock.now()
        for row in connection.execute(select(media).where(media.c.path.in_(paths))).all():
            file = MediaFile(row.path, row.incident_id, row.camera, row.kind, row.bytes)
            if row.tier == COPYING:
                log(connection, "archive", file, at, ENGINE, None)
            doom(connection, row.incident_id, [TRANSCODE], "retention: made again when somebody asks")
        _set(connection, paths, COPIED)

    def _copy(self, folder: MediaFolder, relative: str) -> None:
        """Raises OSError, FileNotFoundError where the file is not here, and ValueError for a copy that is another."""
        source, target = self._journal.folder.path(relative), folder.path(relative)
        if not source.exists() and target.exists():  # it was there already when the engine died
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.tmp")
        with contextlib.ExitStack() as undo:
            undo.callback(_unlink, temporary)
            digest = hashlib.sha256()
            with source.open("rb") as reader, temporary.open("wb") as writer:
                while data := reader.read(CHUNK_BYTES):
                    digest.update(data)
                    writer.write(data)
                writer.flush()
                os.fsync(writer.fileno())
                _forget_cache(writer.fileno())
            with temporary.open("rb") as reader:
                if hashlib.file_digest(reader, "sha256").digest() != digest.digest():
                    raise ValueError("what was written is not what was read")
            temporary.replace(target)
        folder.sync(relative)

    # --- out of the archive ------------------------------------------------------------------------------------

    async def sweep(self) -> int:
        """Removes files that are marked for deletion and lie (also) in the archive; while it is away they wait."""
        there, here = await self.look(), self._journal.folder
        folder = self._folder
        if folder is None or not there or self._journal.stranger is not None:
            return 0
        count = 0
        # Asked for as one that writes: of a database that is locked no file is touched.
        while files := await self._database.write(lambda c: doomed(c, 100, archived=True)):
            gone = []
            for file in files:
                try:
                    await self._work.call(partial(_remove, folder, here, file.path))
                    gone.append(file)
                except OSError as error:
                    self._journal.fail("deletion", f"a file cannot be deleted: {error.strerror or error}")
            at = self._journal.clock.now()
            await self._database.write(partial(_forget_all, files=gone, at=at))
            count += len(gone)
            if len(gone) < len(files):
                break
        return count


def _sizes(folder: MediaFolder, paths: Sequence[str]) -> Mapping[str, int]:
    return {path: folder.size(path) for path in paths if folder.exists(path)}


def _remove(folder: MediaFolder, here: MediaFolder, relative: str) -> None:
    target = folder.path(relative)
    target.with_name(f".{target.name}.tmp").unlink(missing_ok=True)
    folder.remove(relative)
    here.remove(relative)


def _forget_all(connection: Connection, files: Sequence[MediaFile], at: datetime) -> None:
    for file in files:
        forget(connection, file, at)


def _begin(connection: Connection, paths: Sequence[str]) -> list[str]:
    """Of these, those that are not to be deleted meanwhile; on their way from now on."""
    _set(connection, paths, COPYING, only=HOT)
    query = select(media.c.path).where(media.c.path.in_(paths), media.c.doomed.is_(None), media.c.tier != ARCHIVED)
    return list(connection.execute(query.order_by(media.c.path)).scalars())


def _set(connection: Connection, paths: Sequence[str], tier: str, *, only: str | None = None) -> None:
    change = update(media).where(media.c.path.in_(paths))
    if only is not None:
        change = change.where(media.c.tier == only, media.c.doomed.is_(None))
    connection.execute(change.values(tier=tier))


def _batches(moves: Sequence[Move]) -> Iterator[list[Move]]:
    rest = iter(moves)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _unlink(temporary: Path) -> None:
    with contextlib.suppress(OSError):  # the archive is away: done when it is back
        temporary.unlink(missing_ok=True)


def _device(path: Path) -> int:
    return path.stat().st_dev


def _forget_cache(descriptor: int) -> None:
    """So that what is compared comes from the disk; where a system has no such call it may come from memory."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
