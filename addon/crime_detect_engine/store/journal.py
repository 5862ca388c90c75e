"""Owns the order of things at each change: transaction first, then sidecar file, then whoever listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.types import ChangeType, Event, Incident, IncidentChanged, Severity

from .chain import Circumstances, chain_incident, erase, no_circumstances
from .database import Database
from .events import DeliveriesFor, append_incident_event
from .lifecycle import MediaFile, doom, register, remove_doomed
from .media import SIDECAR, SUFFIX, MediaFolder, media_stem
from .memory import CHANGED, remember
from .rebuild import sidecar_bytes
from .records import find_row, incident_from, remove, row_of, save

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What a transaction did to one incident; `incident` is None once it is deleted, `event` when nobody is told."""

    incident: Incident | None
    event: IncidentChanged | None = None
    stem: str = ""
    published: bool = False
    removes: bool = False
    """Files were marked for deletion."""


class Journal:
    """Methods without `async` are for the store thread only."""

    def __init__(
        self,
        database: Database,
        folder: MediaFolder,
        clock: Clock,
        deliveries_for: DeliveriesFor,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.database = database
        self.folder = folder
        self.clock = clock
        self.circumstances: Circumstances = no_circumstances
        self.stranger: str | None = None
        """Why these files and this database do not belong together: then no file is deleted (caution.py)."""
        self.doubt: str | None = None
        """Why records and files do not tell the same: then clean-up waits for a person."""
        self._errors: dict[str, str] = {}
        self._deliveries_for = deliveries_for
        self._loop = loop
        self._listeners: list[Callable[[Event], None]] = []

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Calls `listener` in the event loop for each event, in order, once it is stored. Returns the unsubscribe."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def publish(self, event: Event) -> None:
        self._loop.call_soon_threadsafe(self._tell, event)

    def _tell(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            listener(event)

    async def run(self, job: Callable[[Connection], Change]) -> Change:
        """Commits `job` in the store thread. Raises StoreError and what `job` raises."""
        return await self.database.call(lambda: self.commit(job))

    def commit(self, job: Callable[[Connection], Change]) -> Change:
        sidecar = b""

        def with_sidecar(connection: Connection) -> Change:
            nonlocal sidecar
            change = job(connection)
            if change.incident is not None:
                remember(connection, CHANGED, change.incident.incident_id)
                self.chain(connection, change.incident.incident_id)
                sidecar = sidecar_bytes(change.incident, published=change.published)
                self.register(connection, change.incident, change.stem, SIDECAR, len(sidecar))
            return change

        change = self.database.transact(with_sidecar)
        if change.incident is not None:
            self.keep(change.stem, SIDECAR, sidecar)
        if change.removes:
            self.sweep()
        if change.event is not None:
            self.publish(change.event)
        return change

    @property
    def error(self) -> str | None:
        """What the media folder refused last, until a file of that kind is written again."""
        return next(iter(tuple(self._errors.values())), None)

    def shortage(self) -> str | None:
        """Why pictures of mere detections are not kept at present."""
        try:
            full = self.folder.nearly_full()
        except OSError:
            return "the media folder is missing; is its disk connected?"
        return "the disk is nearly full: only alerts keep pictures and clips; free some space" if full else None

    def keep(self, stem: str, kind: str, data: bytes) -> bool:
        """Writes a file whole or not at all; a disk that refuses is shown as `error` and never stops the record."""
        try:
            self.folder.write(stem + SUFFIX[kind], data)
        except OSError as error:
            self.fail(kind, f"a {kind} cannot be written: {error.strerror or error}")
            return False
        self.succeed(kind)
        return True

    def fail(self, kind: str, message: str) -> None:
        if self._errors.get(kind) != message:
            _log.error("%s", message)
        self._errors[kind] = message

    def succeed(self, kind: str) -> None:
        self._errors.pop(kind, None)

    def register(self, connection: Connection, incident: Incident, stem: str, kind: str, size: int) -> None:
        """Enters a file of an incident with `size` bytes of content."""
        path = stem + SUFFIX[kind]
        file = MediaFile(path, incident.incident_id, incident.camera, kind, self.folder.takes(path, size))
        register(connection, file, self.clock.now())

    def chain(self, connection: Connection, incident_id: str) -> None:
        """A link for what an ended incident is now, in the transaction that made it so."""
        chain_incident(connection, self.folder, incident_id, self.clock.now(), self.circumstances)

    def sweep(self) -> int:
        """Removes what is marked for deletion and lies in the media folder; returns how many files went.

        Within a transaction that writes: of a database that is locked or refuses no file is touched.
        """
        count = 0
        if self.stranger is not None:
            return count
        try:
            while removed := self.database.transact(lambda c: remove_doomed(c, self.folder, self.clock.now())):
                count += removed
        except OSError as error:
            self.fail("deletion", f"a file cannot be deleted: {error.strerror or error}")
        else:
            self.succeed("deletion")
        return count

    def save(self, connection: Connection, before: Incident | None, after: Incident, *, ended: bool = False) -> Change:
        """The row and its event: none below ALERT, `new` the first time, then `update` or `end`."""
        row = find_row(connection, after.incident_id)
        was_published = row is not None and bool(row.published)
        published = was_published or after.severity >= Severity.ALERT
        stem = row.stem if row else media_stem(after.camera, after.started_at, after.label, after.incident_id)
        save(connection, after, published=published, stem=stem)
        event = None
        if published:
            change = ChangeType.END if ended else ChangeType.UPDATE
            event = self._append(
                connection,
                change if was_published else ChangeType.NEW,
                before if was_published else None,
                after,
            )
        return Change(after, event, stem, published)

    def delete(self, connection: Connection, incident_id: str, reason: str) -> Change:
        """Removes record and scores and marks the files; `reason` is `actor: why`. Raises NotFoundError."""
        row = row_of(connection, incident_id)
        before = incident_from(row._asdict())
        doom(connection, incident_id, None, reason)
        remove(connection, incident_id)
        erase(connection, [incident_id], self.clock.now())
        if not row.published:
            return Change(None, removes=True)
        return Change(None, self._append(connection, ChangeType.DELETED, before, None), removes=True)

    def _append(
        self, connection: Connection, change: ChangeType, before: Incident | None, after: Incident | None
    ) -> IncidentChanged:
        return append_incident_event(connection, change, before, after, self.clock.now(), self._deliveries_for)
