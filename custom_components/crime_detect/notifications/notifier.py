"""Owns who is told of an engine's incidents, and when: rings, updates, repeats and clears messages on phones."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import STATE_HOME
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_point_in_utc_time
from homeassistant.util import dt as dt_util

from ..const import DOMAIN, SUBENTRY_RECIPIENT
from ..engine.models import Incident
from ..incident_event import IncidentEvent, IncidentEventKind
from . import payload
from .clearing import async_clear, async_clear_one
from .journal import Journal, Message, Record, cooldown_key
from .payload import Alert, Payload
from .phones import Phones, is_apple
from .recipients import REPEATS, Context, Decision, Occasion, Recipient, Told, decide, is_critical
from .texts import Texts, async_load_texts, message_of, title_of
from .trial import async_send_test

if TYPE_CHECKING:
    from ..coordinator import CrimeDetectCoordinator

_LOGGER = logging.getLogger(__name__)

QUIET_UPDATES: Final = 5
"""A message's picture is replaced this often at most: a phone takes 500 messages a day."""
REPEAT: Final = "message_repeat"


_OCCASIONS: Final = {IncidentEventKind.NEW: Occasion.NEW, IncidentEventKind.RAISED: Occasion.RAISED}


class Notifier:
    """Phones of one engine's entry. Recipients are read anew at each incident, so a changed one counts at once."""

    def __init__(
        self, hass: HomeAssistant, coordinator: CrimeDetectCoordinator, journal: Journal, phones: Phones
    ) -> None:
        self._hass = hass
        self._coordinator = coordinator
        self._entry = coordinator.config_entry
        self._journal = journal
        self._phones = phones
        self._cancel_repeat: CALLBACK_TYPE | None = None
        self._stopped = False

    @callback
    def async_listen(self) -> CALLBACK_TYPE:
        """From before the engine is connected, so that nothing it says first is missed, until what is returned is
        called."""
        remove = self._coordinator.async_add_incident_listener(self._on_incident)

        @callback
        def stop() -> None:
            self._stopped = True
            remove()
            if self._cancel_repeat is not None:
                self._cancel_repeat()
                self._cancel_repeat = None

        return stop

    @callback
    def async_resume(self) -> None:
        """With the engine's history at hand: clears what was answered meanwhile, goes on repeating the rest."""
        for incident_id in self._journal.of_entry(self._entry.entry_id):
            incident = self._coordinator.event_for(incident_id)
            if incident is None or _answered(incident):
                self.async_close(incident_id)
        self._plan_repeat()

    @property
    def recipients(self) -> list[Recipient]:
        defaults = self._entry.options.get("notifications", {})
        return [
            Recipient.from_data(subentry.subentry_id, {"name": subentry.title, **subentry.data}, defaults)
            for subentry in self._entry.get_subentries_of_type(SUBENTRY_RECIPIENT)
        ]

    @property
    def muted(self) -> set[str]:
        """Cameras whose incidents ring nobody. Changed by `async_set_muted`."""
        return self._journal.muted.setdefault(self._entry.entry_id, set())

    async def async_set_muted(self, camera: str, muted: bool) -> None:
        if muted:
            self.muted.add(camera)
        else:
            self.muted.discard(camera)
        await self._journal.async_save()

    async def async_send_test(self, recipient_id: str | None = None) -> list[str]:
        """Names of who was sent a message marked as a test, all or one. Raises HomeAssistantError where it failed."""
        recipients = [one for one in self.recipients if recipient_id in (None, one.id)]
        return await async_send_test(self._hass, self._phones, recipients)

    @callback
    def async_close(self, incident_id: str) -> None:
        """Takes the incident's messages away from all phones; nobody is rung about it any more until it rises."""
        record = self._journal.records.get(incident_id)
        if record is not None:
            record.closed.set()
            self._run(async_clear(self._journal, self._phones, incident_id), f"clear {incident_id}")

    @callback
    def _on_incident(self, event: IncidentEvent) -> None:
        incident = event.incident
        if event.kind is IncidentEventKind.DELETED or _answered(incident):
            self.async_close(incident.incident_id)
        elif not event.late:
            record = self._journal.record(incident.incident_id, self._entry.entry_id, incident.camera)
            record.newest = incident
            if event.picture is not None:
                record.image = f"/media/local/{DOMAIN}/{incident.camera}/{event.picture.name}"
            for recipient in self.recipients:
                self._run(self._tell(recipient, event, record), f"tell {recipient.name}")
            self._journal.drop_if_empty(incident.incident_id)

    async def _tell(self, recipient: Recipient, event: IncidentEvent, record: Record) -> None:
        incident = event.incident
        async with self._at_work(recipient, incident, record):
            message = record.messages.get(recipient.id)
            occasion = _OCCASIONS.get(event.kind)
            if occasion and self._decide(recipient, incident, message, occasion).send:
                await self._ring(recipient, record, "message_raised" if message else "message_new")
            elif message is not None:
                await self._update_quietly(recipient, record, message)

    async def _repeat(self, recipient: Recipient, incident: Incident, record: Record) -> None:
        async with self._at_work(recipient, incident, record):
            message = record.messages.get(recipient.id)
            if message is not None and self._decide(recipient, incident, message, Occasion.REPEAT).send:
                await self._ring(recipient, record, REPEAT)

    @asynccontextmanager
    async def _at_work(self, recipient: Recipient, incident: Incident, record: Record) -> AsyncIterator[None]:
        """One at a time for a phone and a camera, in order. Afterwards the journal is saved."""
        record.at_work += 1
        try:
            async with self._phones.lock(recipient.id, incident.camera):
                yield
                await self._journal.async_save()
        finally:
            record.at_work -= 1
            self._journal.drop_if_empty(incident.incident_id)
            self._plan_repeat()

    def _decide(
        self, recipient: Recipient, incident: Incident, message: Message | None, occasion: Occasion
    ) -> Decision:
        state = self._coordinator.data.cameras.get(incident.camera)
        context = Context(
            now=dt_util.now(),
            at_home=frozenset(
                person
                for person in recipient.persons
                if (at := self._hass.states.get(person)) is not None and at.state == STATE_HOME
            ),
            muted=incident.camera in self.muted,
            snoozed_until=state.snoozed_until if state is not None else None,
            last_sent_at=self._journal.cooldowns.get(cooldown_key(recipient.id, incident.camera, incident.label)),
            told=Told(message.label, message.severity) if message is not None else None,
        )
        decision = decide(recipient, incident, context, occasion)
        _LOGGER.debug("%s, %s of %s: %s", recipient.name, occasion, incident.incident_id, decision.why)
        return decision

    async def _ring(self, recipient: Recipient, record: Record, key: str) -> None:
        """Counts only once the notify action took it. `key` names the sentence."""
        texts = await async_load_texts(self._hass)
        told: list[Incident] = []

        def build() -> Payload:
            # Each attempt tells what is known by then.
            incident = _newest(record)
            told[:] = [incident]
            critical = is_critical(recipient, incident.severity)
            return payload.ring(recipient, self._alert(record, texts, key), texts, critical=critical)

        if not await self._phones.async_send(recipient.action, build, record.closed):
            return
        incident, now = told[0], dt_util.utcnow()
        known = record.messages.get(recipient.id)
        record.messages[recipient.id] = Message(
            action=recipient.action,
            rang_at=now,
            critical=is_critical(recipient, incident.severity),
            label=incident.label,
            severity=incident.severity,
            snapshot_rev=incident.snapshot_rev,
            repeats=known.repeats if known else 0,
            updates=known.updates if known else 0,
        )
        if key != REPEAT:  # which is not news: it must not mute the next incident
            self._journal.cooldowns[cooldown_key(recipient.id, incident.camera, incident.label)] = now
        if record.closed.is_set():
            await async_clear_one(self._phones, incident.incident_id, record, recipient.id)

    async def _update_quietly(self, recipient: Recipient, record: Record, message: Message) -> None:
        incident = _newest(record)
        seen = (message.label, message.severity, message.snapshot_rev)
        # iOS does not replace a critical message, it would add one.
        is_replaced = not message.critical or is_apple(self._hass, message.action) is False
        if (
            seen == (incident.label, incident.severity, incident.snapshot_rev)
            or not is_replaced
            or message.updates >= QUIET_UPDATES
        ):
            return
        texts = await async_load_texts(self._hass)
        message.updates += 1
        message.snapshot_rev = incident.snapshot_rev
        await self._phones.async_send(
            message.action,
            lambda: payload.update_quietly(recipient, self._alert(record, texts, "message_new"), texts),
            record.closed,
        )

    def _alert(self, record: Record, texts: Texts, key: str) -> Alert:
        incident = _newest(record)
        return Alert(
            incident_id=incident.incident_id,
            camera=incident.camera,
            title=title_of(texts, incident, self._name_of(incident.camera)),
            message=message_of(texts, incident, dt_util.now(), key, picture=record.image is not None),
            image=record.image,
            link=self._link(incident.camera),
        )

    def _name_of(self, camera: str) -> str:
        """As the person calls it in Home Assistant."""
        info = self._coordinator.data.info
        device = dr.async_get(self._hass).async_get_device_by_identifier(
            (DOMAIN, f"{info.uuid}_{camera}"), self._entry.entry_id
        )
        return (device and (device.name_by_user or device.name)) or info.cameras.get(camera, camera)

    def _link(self, camera: str) -> str:
        """The media browser, with the camera's last picture opened where that entity exists."""
        unique_id = f"{self._coordinator.data.info.uuid}_{camera}_last_incident"
        entity_id = er.async_get(self._hass).async_get_entity_id("image", DOMAIN, unique_id)
        return "/media-browser/browser" + (f"?more-info-entity-id={entity_id}" if entity_id else "")

    @callback
    def _plan_repeat(self) -> None:
        """One timer, for the message that is due first."""
        if self._cancel_repeat is not None:
            self._cancel_repeat()
            self._cancel_repeat = None
        due = min((at for at, *_ in self._due()), default=None)
        if due is not None and not self._stopped:
            self._cancel_repeat = async_track_point_in_utc_time(self._hass, self._on_repeat, due)

    def _due(self) -> Iterator[tuple[datetime, Recipient, Incident, Record]]:
        """When the next repetition of each message is."""
        recipients = {one.id: one for one in self.recipients if one.repeat_minutes > 0}
        for incident_id, record in self._journal.of_entry(self._entry.entry_id).items():
            incident = record.newest or self._coordinator.event_for(incident_id)
            if incident is None or record.closed.is_set():
                continue
            for recipient_id, message in record.messages.items():
                recipient = recipients.get(recipient_id)
                if recipient is not None and message.repeats < REPEATS:
                    yield message.rang_at + timedelta(minutes=recipient.repeat_minutes), recipient, incident, record

    @callback
    def _on_repeat(self, now: datetime) -> None:
        self._cancel_repeat = None
        for at, recipient, incident, record in list(self._due()):
            if at <= now:
                # Counted before it is sent, whatever becomes of it: ten times is ten times.
                message = record.messages[recipient.id]
                message.repeats += 1
                message.rang_at = dt_util.utcnow()
                record.newest = incident
                self._run(self._repeat(recipient, incident, record), f"remind {recipient.name}")
        self._plan_repeat()

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self._entry.async_create_background_task(self._hass, work, f"{DOMAIN} {name}")


def _newest(record: Record) -> Incident:
    assert record.newest is not None  # set before anybody is told
    return record.newest


def _answered(incident: Incident) -> bool:
    return incident.acknowledged or incident.verdict is not None
