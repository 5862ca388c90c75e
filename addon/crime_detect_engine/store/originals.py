"""Owns the untouched originals: what blurring hides, sealed, for investigators alone, and each look written down."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection, select

from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import Incident

from . import lifecycle
from .audit import append_audit
from .journal import Journal
from .media import CLIP, ORIGINAL_CLIP, ORIGINAL_SNAPSHOT, ORIGINALS, SNAPSHOT
from .records import find_row
from .stored_file import StoredFile
from .tables import media

KINDS = {SNAPSHOT: ORIGINAL_SNAPSHOT, CLIP: ORIGINAL_CLIP}
LOOKED, REFUSED = "original", "original refused"
"""The audit's words."""


def untouched(connection: Connection, incident_id: str) -> list[lifecycle.MediaFile]:
    """The originals of an incident that are not about to go."""
    own = media.c.kind.in_(ORIGINALS) & media.c.doomed.is_(None) & (media.c.incident_id == incident_id)
    return [
        lifecycle.MediaFile(row.path, row.incident_id, row.camera, row.kind, row.bytes)
        for row in connection.execute(select(media).where(own).order_by(media.c.kind))
    ]


class Originals:
    """`wanted`: whether new ones are kept. Kinds are spoken of as `snapshot` and `clip`."""

    def __init__(self, journal: Journal, *, wanted: bool = False) -> None:
        self.wanted = wanted
        self._journal = journal
        self._database = journal.database

    async def kinds(self, incident_id: str) -> frozenset[str]:
        """Which there are."""
        found = await self._database.read(lambda c: {file.kind for file in untouched(c, incident_id)})
        return frozenset(kind for kind, own in KINDS.items() if own in found)

    async def open(self, incident: Incident, kind: str, actor: Actor) -> StoredFile | None:
        """None where there is none. In the audit and in the file's log before anybody has seen a byte."""
        own, at, folder = KINDS[kind], self._journal.clock.now(), self._journal.folder

        def find(connection: Connection) -> lifecycle.MediaFile | None:
            return next((one for one in untouched(connection, incident.incident_id) if one.kind == own), None)

        known = await self._database.read(find)
        # In a thread: an archive on a share that hangs must hold nobody else up.
        on_disk = known is not None and await asyncio.to_thread(folder.exists, known.path)

        def job(connection: Connection) -> str | None:
            file = find(connection)
            there = on_disk and file is not None
            append_audit(connection, at, actor, LOOKED, incident.incident_id, {"kind": kind, "found": there})
            if file is None or not there:
                return None
            lifecycle.log(connection, "access", file, at, actor.name[:64])
            return file.path

        relative = await self._database.write(job)
        return None if relative is None else folder.file(relative)

    async def refuse(self, incident_id: str, kind: str, actor: Actor) -> None:
        """Writes down who was not let in; nothing for an incident that is none."""
        at = self._journal.clock.now()

        def job(connection: Connection) -> None:
            if find_row(connection, incident_id) is not None:
                append_audit(connection, at, actor, REFUSED, incident_id, {"kind": kind})

        await self._database.write(job)
