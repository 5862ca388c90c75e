"""Owns what is remembered of one engine over restarts: our place in its events, incidents, what was told, pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .engine.errors import BadMessageError
from .engine.models import Incident, IncidentMessage, Position, Severity
from .incident_event import Fired

STORE_VERSION = 1
KEPT = 500
KEPT_DELETED = 200
SAVE_DELAY_S = 10.0


@dataclass(frozen=True, slots=True)
class Record:
    incident: Incident
    seq: int
    """Of the newest event that we know of it."""
    fired: Fired | None


@dataclass(frozen=True, slots=True)
class PictureRecord:
    camera: str
    rev: int


class IncidentHistory:
    """The newest KEPT incidents. Event loop only."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        self._store: Store[dict[str, Any]] = Store(hass, STORE_VERSION, f"{DOMAIN}.{entry_id}", private=True)
        self._records: dict[str, Record] = {}
        self._deleted: dict[str, int] = {}
        self._position: Position | None = None
        self._waiting: set[int] = set()
        self._held: int | None = None
        self.pictures: dict[str, PictureRecord] = {}
        """Files that we wrote, by incident; may be of incidents that are not remembered any more."""
        self.incomplete = False
        """The past is being read; whoever starts anew has to do that again."""

    # --- position -------------------------------------------------------------------------------------------------

    @property
    def position(self) -> Position | None:
        """The newest event that we received."""
        return self._position

    def begin(self, epoch: str, seq: int | None) -> None:
        """From here on, without what was before: a first connection, a reset."""
        if self._position is None or self._position.epoch != epoch:
            self._records = {key: Record(one.incident, 0, one.fired) for key, one in self._records.items()}
            self._deleted = dict.fromkeys(self._deleted, 0)
            self._waiting.clear()
        self._position = None if seq is None else Position(epoch, seq)
        self._held = None

    def hold_position(self) -> None:
        """Events may come out of order from now on: those in between are still to be replayed."""
        if self._held is None:
            self._held = 0

    def release_position(self, at_least: int | None = None) -> None:
        newest, self._held = max(self._held or 0, at_least or 0), None
        if self._position is not None and newest:
            self.received(self._position.epoch, newest)

    def received(self, epoch: str, seq: int) -> None:
        if self._held is not None and self._position is not None:
            self._held = max(self._held, seq)
        elif self._position is None or (self._position.epoch == epoch and self._position.seq < seq):
            self._position = Position(epoch, seq)

    def wait_for(self, seq: int) -> None:
        """This event is received and not dealt with: after a crash it must be told to us again."""
        self._waiting.add(seq)

    def dealt_with(self, seq: int) -> None:
        self._waiting.discard(seq)

    # --- incidents ------------------------------------------------------------------------------------------------

    def get(self, incident_id: str) -> Record | None:
        return self._records.get(incident_id)

    def is_repeat(self, message: IncidentMessage) -> bool:
        """Already known, by its own seq: over MQTT older events may come after newer ones."""
        incident_id = message.incident.incident_id
        record = self._records.get(incident_id)
        known = record.seq if record else self._deleted.get(incident_id, -1)
        return message.seq <= known

    def put(self, record: Record) -> None:
        incident_id = record.incident.incident_id
        self._deleted.pop(incident_id, None)
        self._records[incident_id] = record
        while len(self._records) > KEPT:
            del self._records[min(self._records, key=lambda key: self._records[key].incident.started_at)]

    def delete(self, incident_id: str, seq: int) -> None:
        self._records.pop(incident_id, None)
        self._deleted[incident_id] = seq
        while len(self._deleted) > KEPT_DELETED:
            del self._deleted[next(iter(self._deleted))]

    def newest(self, camera: str | None = None, at_least: Severity = Severity.ALERT) -> Iterator[Incident]:
        """Newest first."""
        found = (
            record.incident
            for record in self._records.values()
            if record.incident.severity >= at_least and camera in (None, record.incident.camera)
        )
        yield from sorted(found, key=lambda incident: (incident.started_at, incident.incident_id), reverse=True)

    # --- on disk --------------------------------------------------------------------------------------------------

    async def load(self) -> None:
        stored = await self._store.async_load() or {}
        position = stored.get("position")
        self._position = None if position is None else Position(position["epoch"], position["seq"])
        self._deleted = dict(stored.get("deleted") or {})
        for key, picture in (stored.get("pictures") or {}).items():
            self.pictures[key] = PictureRecord(picture["camera"], picture["rev"])
        for one in stored.get("incidents") or ():
            try:
                incident = Incident.from_json(one["incident"])
            except BadMessageError:
                continue  # of a version that wrote it otherwise; the engine still has it
            fired = None if one["fired"] is None else Fired.from_json(one["fired"])
            self._records[incident.incident_id] = Record(incident, one["seq"], fired)

    async def save(self) -> None:
        await self._store.async_save(self._to_json())

    def save_soon(self) -> None:
        self._store.async_delay_save(self._to_json, SAVE_DELAY_S)

    async def remove(self) -> None:
        await self._store.async_remove()

    def _to_json(self) -> dict[str, Any]:
        return {
            "position": self._safe_position(),
            "incidents": [
                {
                    "incident": record.incident.raw,
                    "seq": record.seq,
                    "fired": record.fired.to_json() if record.fired else None,
                }
                for record in self._records.values()
            ],
            "deleted": dict(self._deleted),
            "pictures": {key: {"camera": one.camera, "rev": one.rev} for key, one in self.pictures.items()},
        }

    def _safe_position(self) -> Mapping[str, Any] | None:
        """Before everything that is not dealt with."""
        if self._position is None or self.incomplete:
            return None
        seq = min([self._position.seq, *(waiting - 1 for waiting in self._waiting)])
        return {"epoch": self._position.epoch, "seq": seq}
