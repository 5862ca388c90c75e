"""Owns what must survive a restart: which phone shows what since when, muted cameras, answers still on their way.

One for all engines, so that an answer finds its engine also while that one's entry is not loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..engine.models import Incident, Severity
from .recipients import Button

_VERSION: Final = 1
_KEPT: Final = timedelta(days=7)
"""After this nobody clears or repeats a message any more."""


@dataclass(slots=True)
class Message:
    """What one phone shows of one incident."""

    action: str
    rang_at: datetime
    critical: bool
    label: str
    severity: Severity
    snapshot_rev: int
    repeats: int = 0
    updates: int = 0


@dataclass(slots=True)
class Record:
    """An incident that phones are told of; `messages` by recipient. The last three live as long as the process."""

    entry_id: str
    camera: str
    image: str | None = None
    """`/media/local/…` of its picture."""
    messages: dict[str, Message] = field(default_factory=dict)
    newest: Incident | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody answered, or it was deleted: nothing more is sent, and what is there is taken away."""
    at_work: int = 0
    """How many are sending something about it now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person pressed. Kept until an engine has it."""

    incident_id: str
    button: Button
    at: datetime
    who: str | None
    """Name of the person and the phone, for the engine's audit."""
    user_id: str | None
    minutes: int | None = None
    """Of a snooze."""
    entry_id: str | None = None
    camera: str | None = None
    told: tuple[str, ...] = ()
    """Notify actions of the phones that now show that the answer is kept."""


class Journal:
    """Plain data and its file. Whoever changes it calls `async_save`."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._store: Store[dict[str, Any]] = Store(hass, _VERSION, f"{DOMAIN}.notifications")
        self._saved: dict[str, Any] = {}
        self.records: dict[str, Record] = {}
        """By incident."""
        self.cooldowns: dict[str, datetime] = {}
        """When a message was last sent, by `cooldown_key`."""
        self.muted: dict[str, set[str]] = {}
        """Cameras by entry."""
        self.answers: list[Answer] = []

    async def async_load(self) -> None:
        data = await self._store.async_load() or {}
        self.muted = {entry_id: set(cameras) for entry_id, cameras in data.get("muted", {}).items()}
        self.cooldowns = {key: _time(at) for key, at in data.get("cooldowns", {}).items()}
        self.records = {incident_id: _record(record) for incident_id, record in data.get("records", {}).items()}
        self.answers = [_answer(answer) for answer in data.get("answers", ())]

    async def async_save(self) -> None:
        """Writes at once, and only what changed."""
        self._forget_old()
        data = self._as_json()
        if data != self._saved:
            self._saved = data
            await self._store.async_save(data)

    def record(self, incident_id: str, entry_id: str, camera: str) -> Record:
        return self.records.setdefault(incident_id, Record(entry_id, camera))

    def drop_if_empty(self, incident_id: str) -> None:
        record = self.records.get(incident_id)
        if record is not None and not record.messages and not record.at_work:
            del self.records[incident_id]

    def of_entry(self, entry_id: str) -> dict[str, Record]:
        return {incident_id: record for incident_id, record in self.records.items() if record.entry_id == entry_id}

    async def async_forget_entry(self, entry_id: str) -> None:
        """The entry was removed."""
        for incident_id in self.of_entry(entry_id):
            del self.records[incident_id]
        self.muted.pop(entry_id, None)
        self.answers = [answer for answer in self.answers if answer.entry_id != entry_id]
        await self.async_save()

    def _forget_old(self) -> None:
        oldest = dt_util.utcnow() - _KEPT
        self.cooldowns = {key: at for key, at in self.cooldowns.items() if at > oldest}
        for incident_id, record in list(self.records.items()):
            for recipient, message in list(record.messages.items()):
                if message.rang_at < oldest:
                    del record.messages[recipient]
            self.drop_if_empty(incident_id)

    def _as_json(self) -> dict[str, Any]:
        return {
            "muted": {entry_id: sorted(cameras) for entry_id, cameras in self.muted.items() if cameras},
            "cooldowns": {key: at.isoformat() for key, at in self.cooldowns.items()},
            "records": {
                incident_id: {
                    "entry_id": record.entry_id,
                    "camera": record.camera,
                    "image": record.image,
                    "messages": {
                        recipient: {**asdict(message), "rang_at": message.rang_at.isoformat()}
                        for recipient, message in record.messages.items()
                    },
                }
                for incident_id, record in self.records.items()
                if record.messages
            },
            "answers": [
                {**asdict(answer), "at": answer.at.isoformat(), "told": list(answer.told)} for answer in self.answers
            ],
        }


def cooldown_key(recipient_id: str, camera: str, label: str) -> str:
    return f"{recipient_id} {camera} {label}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _record(data: Mapping[str, Any]) -> Record:
    messages = {
        recipient: Message(
            **{**message, "rang_at": _time(message["rang_at"]), "severity": Severity(message["severity"])}
        )
        for recipient, message in data["messages"].items()
    }
    return Record(data["entry_id"], data["camera"], data["image"], messages)


def _answer(data: Mapping[str, Any]) -> Answer:
    return Answer(
        **{**data, "at": _time(data["at"]), "button": Button(data["button"]), "told": tuple(data.get("told", ()))}
    )
