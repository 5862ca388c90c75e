"""Owns what people answer on their phones: from the pressed button to the engine, however long that one is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..const import DOMAIN, SUBENTRY_RECIPIENT
from ..engine.errors import BadMessageError, CannotConnectError, EngineError, InvalidAuthError, NotFoundError
from . import payload
from .clearing import async_clear
from .journal import Answer, Journal
from .phones import Phones, belongs_to, pressed_on
from .recipients import Button, Recipient
from .texts import async_load_texts

if TYPE_CHECKING:
    from ..coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator

_LOGGER = logging.getLogger(__name__)

EVENT_ACTION: Final = "mobile_app_notification_action"
RETRY_S: Final = 30
KEPT_FOR: Final = timedelta(days=1)
WHO_LENGTH: Final = 100
"""Characters that the engine takes in `X-On-Behalf-Of`."""

_VERDICTS: Final = {Button.CONFIRM: "confirmed", Button.FALSE_ALARM: "false_alarm"}


class Outcome(Enum):
    """What became of an attempt."""

    DONE = auto()
    LATER = auto()
    """An engine that may know the incident is not reached."""
    UNKNOWN = auto()
    """No engine knows the incident."""
    REFUSED = auto()


class Responses:
    """All engines' answers. An answer is on disk before it is tried, and stays until an engine has it."""

    def __init__(self, hass: HomeAssistant, journal: Journal, phones: Phones) -> None:
        self._hass = hass
        self._journal = journal
        self._phones = phones
        self._delivering = asyncio.Lock()
        self._cancel_retry: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> None:
        """Listens as long as Home Assistant runs."""
        self._hass.bus.async_listen(EVENT_ACTION, self._on_action)
        self._hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._stop)
        self._plan_retry()

    async def _on_action(self, event: Event[dict[str, Any]]) -> None:
        answer = await self._read(event)
        if answer is None:
            return
        record = self._journal.records.get(answer.incident_id)
        shown_on = tuple(message.action for message in record.messages.values()) if record else ()
        async with self._delivering:
            # The last word counts: what the same person first pressed by mistake must not follow it.
            self._journal.answers = [
                one
                for one in self._journal.answers
                if (one.incident_id, one.button in _VERDICTS) != (answer.incident_id, answer.button in _VERDICTS)
            ] + [answer]
            await self._journal.async_save()
            # Nobody else needs to answer, also where the engine hears of it later; and the engine waits for no phone.
            cleared = self._run(async_clear(self._journal, self._phones, answer.incident_id))
            await self._deliver(answer, shown_on, cleared)
        self._plan_retry()

    async def _read(self, event: Event[dict[str, Any]]) -> Answer | None:
        """None: somebody else's button."""
        pressed = payload.read_action(str(event.data.get("action", "")))
        if pressed is None:
            return None
        button, incident_id = pressed
        record = self._journal.records.get(incident_id)
        coordinator = next((one for one in self._coordinators() if one.event_for(incident_id)), None)
        incident = coordinator.event_for(incident_id) if coordinator else None
        return Answer(
            incident_id=incident_id,
            button=button,
            at=dt_util.utcnow(),
            who=await self._who(event),
            user_id=event.context.user_id,
            minutes=self._snooze_minutes(event, incident_id) if button is Button.SNOOZE else None,
            entry_id=record.entry_id if record else coordinator.config_entry.entry_id if coordinator else None,
            camera=record.camera if record else incident.camera if incident else None,
        )

    async def _who(self, event: Event[dict[str, Any]]) -> str | None:
        """`Anna (Anna's phone)`."""
        user = await self._hass.auth.async_get_user(event.context.user_id) if event.context.user_id else None
        phone = pressed_on(self._hass, event.data)
        name = user.name if user is not None else None
        who = f"{name} ({phone})" if name and phone else name or phone
        return who[:WHO_LENGTH] if who else None

    def _snooze_minutes(self, event: Event[dict[str, Any]], incident_id: str) -> int:
        """iOS sends back what the button said. Elsewhere it is that of the person's own phone, else the shortest."""
        said = event.data.get("action_data")
        if isinstance(said, dict) and isinstance(said.get("snooze_minutes"), int):
            return int(said["snooze_minutes"])
        record = self._journal.records.get(incident_id)
        told = [one for one in self._recipients() if record is None or one.id in record.messages]
        own = [one for one in told if belongs_to(self._hass, one.action, event.context.user_id)]
        return min((one.snooze_minutes for one in own or told), default=30)

    # --- to the engine --------------------------------------------------------------------------------------------

    async def _deliver(
        self, answer: Answer, shown_on: Iterable[str] = (), cleared: asyncio.Task[None] | None = None
    ) -> None:
        """One attempt, and words to the person where it was not the plain success."""
        outcome, reason = await self._try(answer)
        if outcome is Outcome.LATER and dt_util.utcnow() - answer.at < KEPT_FOR:
            if not answer.told:
                _LOGGER.warning("An answer to incident %s is kept: %s", answer.incident_id, reason)
                told = self._phones_for(answer, shown_on)
                self._run(self._say(answer.incident_id, told, "answer_kept", cleared))
                self._replace(answer, replace(answer, told=told))
        else:
            self._replace(answer, None)
            if outcome is not Outcome.DONE:
                _LOGGER.warning("An answer to incident %s is lost: %s", answer.incident_id, reason)
                told = answer.told or self._phones_for(answer, shown_on)
                self._run(self._say(answer.incident_id, told, "answer_lost", cleared))
            else:
                self._run(self._send(answer.told, payload.clear(answer.incident_id)))
        await self._journal.async_save()

    async def _try(self, answer: Answer) -> tuple[Outcome, str]:
        entries = self._hass.config_entries.async_loaded_entries(DOMAIN)
        if answer.entry_id is not None:
            entries = [entry for entry in entries if entry.entry_id == answer.entry_id]
        worst, reason = Outcome.UNKNOWN, "no engine knows it"
        if self._is_one_missing(answer):
            worst, reason = Outcome.LATER, "the engine's entry is not loaded"
        for entry in entries:
            try:
                await _apply(entry.runtime_data, answer)
            except NotFoundError:
                continue
            except (CannotConnectError, InvalidAuthError, BadMessageError) as error:
                worst, reason = Outcome.LATER, str(error)
            except EngineError as error:
                worst = Outcome.LATER if (error.status or 500) >= 500 else Outcome.REFUSED
                reason = str(error)
            else:
                return Outcome.DONE, ""
        return worst, reason

    def _is_one_missing(self, answer: Answer) -> bool:
        """An engine that may know the incident has its entry, but that is not loaded now."""
        return any(
            entry.state is not ConfigEntryState.LOADED and not entry.disabled_by
            for entry in self._hass.config_entries.async_entries(DOMAIN)
            if answer.entry_id in (None, entry.entry_id)
        )

    def _replace(self, answer: Answer, by: Answer | None) -> None:
        self._journal.answers = [
            new for one in self._journal.answers if (new := by if one == answer else one) is not None
        ]

    async def _retry(self, _now: datetime) -> None:
        self._cancel_retry = None
        async with self._delivering:
            for answer in list(self._journal.answers):
                await self._deliver(answer)
        self._plan_retry()

    @callback
    def _plan_retry(self) -> None:
        if self._journal.answers and self._cancel_retry is None:
            self._cancel_retry = async_call_later(self._hass, RETRY_S, self._retry)

    @callback
    def _stop(self, _event: Event) -> None:
        if self._cancel_retry is not None:
            self._cancel_retry()
            self._cancel_retry = None

    # --- to the person --------------------------------------------------------------------------------------------

    def _phones_for(self, answer: Answer, shown_on: Iterable[str]) -> tuple[str, ...]:
        """The person's own; where those are not known, the ones that showed the incident."""
        recipients = {one.action for one in self._recipients()}
        own = {action for action in recipients if belongs_to(self._hass, action, answer.user_id)}
        return tuple(sorted(own or set(shown_on)))

    async def _say(
        self, incident_id: str, actions: Iterable[str], key: str, cleared: asyncio.Task[None] | None
    ) -> None:
        """In place of the message, so after that was cleared."""
        if cleared is not None:
            await asyncio.wait([cleared])
        texts = await async_load_texts(self._hass)
        await self._send(actions, payload.notice(incident_id, texts.say(f"{key}_title"), texts.say(f"{key}_message")))

    async def _send(self, actions: Iterable[str], words: payload.Payload) -> None:
        await asyncio.gather(*(self._phones.async_send(action, lambda: words) for action in actions))

    def _run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._hass.async_create_background_task(work, f"{DOMAIN} answer")

    def _recipients(self) -> list[Recipient]:
        return [
            Recipient.from_data(one.subentry_id, {"name": one.title, **one.data})
            for entry in self._hass.config_entries.async_entries(DOMAIN)
            for one in entry.get_subentries_of_type(SUBENTRY_RECIPIENT)
        ]

    def _coordinators(self) -> list[CrimeDetectCoordinator]:
        entries: list[CrimeDetectConfigEntry] = self._hass.config_entries.async_loaded_entries(DOMAIN)
        return [entry.runtime_data for entry in entries]


async def _apply(coordinator: CrimeDetectCoordinator, answer: Answer) -> None:
    """Raises EngineError; NotFoundError where this engine does not know the incident."""
    link = coordinator.link
    if verdict := _VERDICTS.get(answer.button):
        await link.set_verdict(answer.incident_id, verdict, answer.who)
        return
    camera = answer.camera or await _camera_of(coordinator, answer.incident_id)
    # Whoever wants silence has seen it.
    await link.acknowledge(answer.incident_id, True, answer.who)
    left = (answer.minutes or 0) - (dt_util.utcnow() - answer.at) / timedelta(minutes=1)
    if left > 0:
        await link.snooze(camera, round(left, 1))


async def _camera_of(coordinator: CrimeDetectCoordinator, incident_id: str) -> str:
    if incident := coordinator.event_for(incident_id):
        return incident.camera
    if coordinator.link.client is None:
        raise NotFoundError("an incident that is no longer known here", "not_found")
    return (await coordinator.link.client.incident(incident_id)).camera
