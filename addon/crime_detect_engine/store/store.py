"""Owns the store as the rest of the engine sees it: what was decided is written once, then told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import InvalidInputError, StoreError
from crime_detect_engine.domain.ports import Actor, IncidentQuery, ManualReport, Page, StoredMedia
from crime_detect_engine.domain.types import (
    Alert,
    CameraChanged,
    EngineChanged,
    Event,
    Incident,
    IncidentChanged,
    Location,
    Verdict,
)

from . import events, incidents, lifecycle, records, writing
from .address import DatabaseOptions
from .audit import Audit, append_audit
from .cleaning import Retention
from .clips import Clips
from .database import Database
from .deliveries import Deliveries
from .events import DeliveriesFor, no_deliveries
from .exports import Exports
from .figures import Figures
from .incidents import IncidentContext
from .journal import Change, Journal
from .media import RESERVE_BYTES, SNAPSHOT, MediaFolder
from .media_key import MediaKey
from .opening import choose_backend, open_database
from .originals import Originals
from .passwords import Passwords
from .planning import media_bytes
from .privacy import PrivacyOptions
from .recovery import recover
from .retention import RetentionOptions
from .runtime import CameraSwitches
from .subjects import Subjects
from .tables import meta
from .tokens import Tokens
from .users import Users

_SQLITE = DatabaseOptions()
_IN_CLEAR = PrivacyOptions()
_NO_CONTEXT = IncidentContext()
_DEFAULT_RETENTION = RetentionOptions()


class Store:
    """One data directory. Every method raises StoreError when the database refuses.

    `outbox` is the OutboxStore of domain.ports; `cameras`, `tokens`, `users`, `audit`, `clips`, `originals`,
    `evidence`, `figures` and `retention` are the other things kept. Whoever changes something need not tell anybody:
    `subscribe` hears of every event.
    """

    def __init__(
        self, executor: ThreadPoolExecutor, journal: Journal, data_dir: Path, identity: Mapping[str, str]
    ) -> None:
        database, clock = journal.database, journal.clock
        self._executor = executor
        self._journal = journal
        self._database = database
        self._data_dir = data_dir
        self.closed = False
        self.uuid = identity["uuid"]
        self.epoch = identity["epoch"]
        self.outbox = Deliveries(database, journal.folder, clock)
        self.cameras = CameraSwitches(database, clock)
        self.tokens = Tokens(database, clock, data_dir)
        self._passwords = Passwords()
        self.users = Users(database, clock, self._passwords)
        self.audit = Audit(database, clock)
        self.clips = Clips(journal)
        self.originals = Originals(journal)
        self.figures = Figures(database)
        self.evidence = Exports(journal, data_dir, self.uuid)
        self.subjects = Subjects(journal, data_dir)
        self.retention = Retention(journal, _DEFAULT_RETENTION, self.uuid)

    @classmethod
    async def open(
        cls,
        data_dir: Path,
        clock: Clock,
        *,
        deliveries_for: DeliveriesFor = no_deliveries,
        retention: RetentionOptions = _DEFAULT_RETENTION,
        reserve_bytes: int = RESERVE_BYTES,
        repair: bool = True,
        database: DatabaseOptions = _SQLITE,
        privacy: PrivacyOptions = _IN_CLEAR,
    ) -> Store:
        """Opens or creates; migrates after a checked copy, rebuilds a malformed database. Raises StoreError.

        `database` is SQLite in the data directory, or a database on a PostgreSQL server that no other service uses.
        The service calls `recover` next. Short commands beside a running service must not, and say `repair=False`.
        """
        loop = asyncio.get_running_loop()
        key = MediaKey(data_dir, privacy.key_file)
        backend = choose_backend(data_dir, database, key, encrypted=privacy.encrypt_database)
        executor = ThreadPoolExecutor(1, "store")
        folder = MediaFolder(data_dir / "media", reserve_bytes, key, seal=privacy.encrypt_media)

        def prepare() -> tuple[Engine, Mapping[str, str]]:
            needed = key if privacy.encrypts else None
            engine = open_database(data_dir, folder, clock.now(), service=repair, backend=backend, key=needed)
            with engine.connect().execution_options(write=False) as connection:
                return engine, {row.key: row.value for row in connection.execute(select(meta))}

        try:
            engine, identity = await loop.run_in_executor(executor, prepare)
        except StoreError:
            executor.shutdown(wait=False)
            raise
        journal = Journal(Database(engine, backend, executor), folder, clock, deliveries_for, loop)
        store = cls(executor, journal, data_dir, identity)
        store.retention.options = retention
        store.originals.wanted = privacy.encrypt_originals
        return store

    async def close(self) -> None:
        """Finishes what was begun, gives up clips in the making."""
        self.closed = True
        await asyncio.to_thread(self.clips.stop)
        self._passwords.close()
        await self.tokens.settle()
        await self._database.call(self._database.close)
        self._executor.shutdown(wait=False)

    async def recover(self) -> int:
        """Once at the start of the service: what a crash left open is ended, what it left half-written removed.

        Returns how many incidents were closed.
        """

        closed = await self._database.call(lambda: recover(self._journal, self.uuid))
        await self.retention.archive.look()
        return closed

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Calls `listener` in the event loop for each event, in order, once it is stored. Returns the unsubscribe."""
        return self._journal.subscribe(listener)

    # --- incidents from the pipeline ---------------------------------------------------------------------------

    async def write(
        self,
        alert: Alert,
        snapshot: bytes | None,
        context: IncidentContext = _NO_CONTEXT,
        clip: str | None = None,
        original: bytes | None = None,
    ) -> IncidentChanged | None:
        """One transaction: incident, scores, event, deliveries. None below ALERT.

        `snapshot` is a JPEG that becomes the next revision, `clip` what `clips` returned. A picture that cannot be
        written is left out (`storage_error`); a StoreError means that nothing was written and the call may be repeated.
        """
        return await self._database.call(
            lambda: writing.write_alert(self._journal, alert, snapshot, context, clip, original)
        )

    async def attach_clip(self, incident_id: str, clip: str) -> IncidentChanged | None:
        """For a clip that came after the end. Raises NotFoundError."""
        change = await self._journal.run(lambda c: writing.attach_clip(self._journal, c, incident_id, clip))
        return change.event

    # --- incidents from people ---------------------------------------------------------------------------------

    async def set_verdict(self, incident_id: str, verdict: Verdict | None, actor: Actor) -> Incident:
        """Raises NotFoundError, as all edits do; each is audited and is an event when it changes something."""
        details = {"verdict": None if verdict is None else str(verdict)}
        return await self._edit(incident_id, {"verdict": verdict}, actor, "verdict", details)

    async def acknowledge(self, incident_id: str, acknowledged: bool, actor: Actor) -> Incident:
        changes = {"acknowledged": acknowledged}
        return await self._edit(incident_id, changes, actor, "acknowledge", changes)

    async def hold(self, incident_id: str, hold: bool, actor: Actor) -> Incident:
        return await self._edit(incident_id, {"hold": hold}, actor, "hold", {"hold": hold})

    async def delete(self, incident_id: str, actor: Actor) -> None:
        """Record, scores and files. Raises InvalidInputError for an incident on hold."""

        def job(connection: Connection) -> Change:
            if records.load(connection, incident_id).hold:
                raise InvalidInputError("this incident is on hold; release the hold before deleting it")
            append_audit(connection, self._now(), actor, "delete", incident_id, {})
            return self._journal.delete(connection, incident_id, f"{actor.name[:60].replace(':', '')}: asked for it")

        await self._journal.run(job)

    async def report(self, report: ManualReport, actor: Actor, location: Location | None = None) -> Incident:
        """An incident that a person saw: published, never notified. Raises InvalidInputError."""
        incident = incidents.manual_incident(report, actor, location, self._now())

        def job(connection: Connection) -> Change:
            append_audit(connection, self._now(), actor, "report", incident.incident_id, {"label": incident.label})
            return self._journal.save(connection, None, incident)

        await self._journal.run(job)
        return incident

    async def _edit(
        self, incident_id: str, changes: Mapping[str, Any], actor: Actor, action: str, details: Mapping[str, Any]
    ) -> Incident:
        def job(connection: Connection) -> Change:
            row = records.row_of(connection, incident_id)
            before = records.incident_from(row._asdict())
            after = replace(before, **changes)
            append_audit(connection, self._now(), actor, action, incident_id, details)
            if after == before:
                return Change(after, None, row.stem, row.published)
            return self._journal.save(connection, before, after)

        change = await self._journal.run(job)
        assert change.incident is not None
        return change.incident

    # --- reading -----------------------------------------------------------------------------------------------

    async def incidents(self, query: IncidentQuery) -> Page:
        """Newest first. Raises InvalidInputError for a cursor or limit that is not allowed."""
        return await self._database.read(lambda c: incidents.page(c, query))

    async def incident(self, incident_id: str) -> Incident:
        """Raises NotFoundError."""
        return await self._database.read(lambda c: records.load(c, incident_id))

    async def scores(self, incident_id: str) -> Sequence[Mapping[str, Any]]:
        """`[{at, probabilities}]` in order, `at` as on the wire. Raises NotFoundError."""
        return await self._database.read(lambda c: incidents.load_scores(c, incident_id))

    async def media(self, incident: Incident, kind: str, actor: str = lifecycle.ENGINE) -> StoredMedia | None:
        """`snapshot` or a `clip` that browsers play; None when gone. Logged as an access."""
        folder = self._journal.folder
        if kind == SNAPSHOT:
            # In a thread: an archive on a share that hangs must hold nobody else up.
            there = incident.snapshot is not None and await asyncio.to_thread(folder.exists, incident.snapshot)
            relative = incident.snapshot if there else None
        else:
            relative = await self.clips.playable(incident)
        if relative is None:
            return None
        file = lifecycle.MediaFile(relative, incident.incident_id, incident.camera, kind, 0)
        await self._database.write(lambda c: lifecycle.log(c, "access", file, self._now(), actor))
        return await asyncio.to_thread(folder.file, relative)

    async def media_log(self, incident_id: str | None = None, limit: int = 100) -> Sequence[lifecycle.LifecycleEntry]:
        """Which file was created, looked at, deleted; newest first."""
        return await self._database.read(lambda c: lifecycle.entries(c, incident_id, limit))

    async def alerts_since(self, at: datetime) -> int:
        """How many incidents at or above alert began at or after `at`; what people reported does not count."""
        return await self._database.read(lambda c: incidents.count_alerts(c, at))

    # --- events ------------------------------------------------------------------------------------------------

    async def append_camera_event(self, camera: str, data: Mapping[str, Any]) -> CameraChanged:
        at = self._now()
        event = await self._database.write(lambda c: events.append_camera_event(c, camera, data, at))
        self._journal.publish(event)
        return event

    async def append_engine_event(self, data: Mapping[str, Any]) -> EngineChanged:
        at = self._now()
        event = await self._database.write(lambda c: events.append_engine_event(c, data, at))
        self._journal.publish(event)
        return event

    async def events_since(self, seq: int, limit: int = 1000) -> Sequence[Event]:
        return await self._database.read(lambda c: events.events_since(c, seq, limit))

    async def sequence_range(self) -> tuple[int, int]:
        """(oldest_seq, newest_seq); oldest is newest + 1 when nothing is kept."""
        return await self._database.read(events.sequence_range)

    # --- state of the disk -------------------------------------------------------------------------------------

    @property
    def storage_error(self) -> str | None:
        """What the disk or the database refuses at present, for health and the page."""
        return self._database.error or self._journal.error or self._journal.shortage()

    @property
    def database_name(self) -> str:
        """Kind, version and place of the database, without a password."""
        return f"{self._database.backend.name} at {self._database.backend.place}"

    async def storage(self) -> Mapping[str, Any]:
        """`{free_bytes, total_bytes, database_bytes, media_bytes, media_quota, media, archive_bytes, error}`.

        `media` is bytes by camera and kind, what lies in the archive apart.
        """
        folder, backend = self._journal.folder, self._database.backend
        usage, archived, size = await self._database.read(
            lambda c: (lifecycle.usage(c), media_bytes(c, archived=True), backend.bytes(c))
        )
        return {
            "free_bytes": folder.free_bytes(),
            "total_bytes": folder.total_bytes(),
            "database_bytes": size,
            "media_bytes": sum(size for kinds in usage.values() for size in kinds.values()),
            "media_quota": self.retention.options.media_quota,
            "media": usage,
            "archive_bytes": archived,
            "error": self.storage_error,
        }

    def _now(self) -> datetime:
        return self._journal.clock.now()
