"""Owns the clips of incidents: written in one niced thread, so that no alert waits for an encoder."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import PacketSpan
from crime_detect_engine.domain.types import Incident, Severity

from . import mp4
from .journal import Journal
from .media import CLIP, ORIGINAL_CLIP, SUFFIX, TRANSCODE
from .records import find_row, incident_from
from .stored_file import StoredFile

_T = TypeVar("_T")
_NICENESS = 10


def _be_nice() -> None:
    # On Linux niceness belongs to the thread; elsewhere it would slow the whole engine.
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


class Clips:
    """A clip that cannot be written leaves no half file; the incident goes on without, and `storage_error` says why."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._folder = journal.folder
        self._stopped = threading.Event()
        self._executor = ThreadPoolExecutor(1, "store-clips", initializer=_be_nice)
        self._transcoding = asyncio.Lock()

    async def remux(self, incident_id: str, span: PacketSpan) -> str | None:
        """Writes the packets as they came; the clip's path for `Store.write` or `attach_clip`, or None."""
        return await self._make(incident_id, CLIP, lambda target: mp4.remux(span, target, self._stopped))

    async def encode(self, incident_id: str, pictures: Iterable[mp4.TimedPicture]) -> str | None:
        """Encodes pictures that are masked already; read lazily in the clip thread. As `remux`."""
        return await self._make(incident_id, CLIP, lambda target: mp4.encode(pictures, target, self._stopped))

    async def keep_original(
        self, incident_id: str, span: PacketSpan | None, pictures: Iterable[mp4.TimedPicture]
    ) -> None:
        """What the camera sent, sealed: the packets, or `pictures` where there are none."""

        def write(target: mp4.Target) -> None:
            if span is not None:
                mp4.remux(span, target, self._stopped)
            else:
                mp4.encode(pictures, target, self._stopped)

        await self._make(incident_id, ORIGINAL_CLIP, write)

    async def playable(self, incident: Incident) -> str | None:
        """The path of a clip that browsers play, transcoded now if need be and kept; None when there is none.

        On a nearly full disk the clip as it is: what can be made at any time must not take the room of evidence.
        """
        if incident.clip is None or not await asyncio.to_thread(self._folder.exists, incident.clip):
            return None
        source = await asyncio.to_thread(self._folder.file, incident.clip)
        if await asyncio.to_thread(_playable, source):  # must not wait behind an encoder
            return incident.clip
        cached = incident.clip.removesuffix(SUFFIX[CLIP]) + SUFFIX[TRANSCODE]
        async with self._transcoding:
            if self._folder.exists(cached):
                return cached
            if self._journal.shortage() is not None:
                return incident.clip

            def transcode(target: mp4.Target) -> None:
                with source.open() as clip:
                    mp4.transcode(clip, target, self._stopped)

            return await self._make(incident.incident_id, TRANSCODE, transcode)

    def stop(self) -> None:
        """Gives up what is being written and waits for the thread."""
        self._stopped.set()
        self._executor.shutdown(wait=True, cancel_futures=True)

    async def _call(self, job: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)

    async def _make(self, incident_id: str, kind: str, write: Callable[[mp4.Target], None]) -> str | None:
        row = await self._journal.database.read(lambda c: find_row(c, incident_id))
        if row is None or (row.severity == Severity.DETECTION and self._journal.shortage() is not None):
            return None
        relative = str(row.stem) + SUFFIX[kind]

        def make() -> int:
            with self._folder.replacing(relative) as target:
                write(target)
            return self._folder.file(relative).size

        try:
            size = await self._call(make)
        except (StoreError, OSError) as error:
            self._journal.fail(kind, str(error))
            return None
        self._journal.succeed(kind)

        def register(connection: Connection) -> bool:
            current = find_row(connection, incident_id)
            if current is None:
                return False
            self._journal.register(connection, incident_from(current._asdict()), current.stem, kind, size)
            self._journal.chain(connection, incident_id)  # an original that comes after the end
            return True

        if await self._journal.database.write(register):
            return relative
        self._folder.remove(relative)  # the incident was deleted meanwhile
        return None


def _playable(file: StoredFile) -> bool:
    with file.open() as clip:
        return mp4.browser_playable(clip)
