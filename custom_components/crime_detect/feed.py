"""Owns what becomes of an engine's messages: checked, in their place in its events, shown, caught up with."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .catch_up import read_missed
from .const import TOO_NEW
from .engine.errors import EngineError
from .engine.models import CameraState, EngineInfo, Hello, Incident, IncidentMessage
from .incident_event import IncidentEvent, IncidentEventKind
from .incident_queue import IncidentQueue

if TYPE_CHECKING:
    from .coordinator import CrimeDetectCoordinator

_LOGGER = logging.getLogger(__name__)


class EngineFeed:
    """The LinkSink of one coordinator."""

    def __init__(self, coordinator: CrimeDetectCoordinator) -> None:
        self._coordinator = coordinator
        self._history = coordinator.history
        self._entry = coordinator.config_entry
        self._queue = IncidentQueue(
            coordinator.hass, self._entry, self._history, coordinator.pictures, coordinator.async_tell
        )
        self._newest: int | None = None
        """Of the engine's events when it greeted."""
        self._behind = False
        """What happened is still to be read from the engine's incidents."""
        self._catching_up: asyncio.Task[None] | None = None
        self.stranger = False
        """Another engine answers where ours was."""

    def begin(self) -> None:
        """Listeners are there: what waited is told now."""
        self._queue.begin()

    async def stop(self) -> None:
        if self._catching_up:
            self._catching_up.cancel()
        await self._queue.stop()

    # --- LinkSink -------------------------------------------------------------------------------------------------

    @callback
    def connected(self, hello: Hello) -> None:
        if self._is_stranger(hello.info):
            return
        self._newest = hello.seq
        epoch, position = hello.info.epoch, self._history.position
        self._coordinator.async_show(hello.info, hello.cameras)
        if position is None:
            # Its past is no news; also when nothing is known of it, for what entities show first.
            self._history.begin(epoch, hello.seq)
            self._catch_up()
        elif hello.seq is None and position.epoch != epoch:
            self.reset()
        elif hello.seq is None:
            self._history.hold_position()
        if self._behind:
            self._catch_up()

    @callback
    def incident(self, message: IncidentMessage) -> None:
        if self.stranger or message.uuid != self._entry.unique_id:
            return
        position = self._history.position
        if position is not None and position.epoch != message.epoch:
            if message.replayed:
                return
            self._history.begin(message.epoch, message.seq)
        self._history.received(message.epoch, message.seq)
        self._queue.add(message)

    @callback
    def camera(self, camera: str, state: CameraState, seq: int | None) -> None:
        if self.stranger:
            return
        data = self._coordinator.data
        self._passed(data.info.epoch, seq)
        self._coordinator.async_show(data.info, {**data.cameras, camera: state})

    @callback
    def camera_gone(self, camera: str) -> None:
        if self.stranger:
            return
        data = self._coordinator.data
        left = {known: state for known, state in data.cameras.items() if known != camera}
        self._coordinator.async_show(data.info, left)

    @callback
    def engine(self, info: EngineInfo, seq: int | None) -> None:
        if self._is_stranger(info):
            return
        position = self._history.position
        data = self._coordinator.data
        cameras = {camera: state for camera, state in data.cameras.items() if camera in info.cameras}
        self._coordinator.async_show(info, cameras)
        if position is not None and position.epoch != info.epoch:
            self.reset()
        self._passed(info.epoch, seq)

    @callback
    def reset(self) -> None:
        if self.stranger:
            return
        self._history.begin(self._coordinator.data.info.epoch, self._newest)
        self._catch_up()

    @callback
    def replay_over(self) -> None:
        if self.stranger:
            return
        self._queue.flush()
        self._history.release_position(self._newest)
        if self._coordinator.link.client is None:
            self._close_what_is_over()
        self._history.save_soon()

    @callback
    def disconnected(self, reason: str) -> None:
        self._coordinator.async_lost(reason)

    @callback
    def auth_failed(self) -> None:
        self._coordinator.async_lost("its token is not accepted any more")
        self._entry.async_start_reauth(self._coordinator.hass)

    @callback
    def incompatible(self, reason: str) -> None:
        self._coordinator.async_lost(reason, TOO_NEW)

    # --- what was missed ------------------------------------------------------------------------------------------

    def _passed(self, epoch: str, seq: int | None) -> None:
        if seq is not None:
            self._history.received(epoch, seq)
            self._history.save_soon()

    def _is_stranger(self, info: EngineInfo) -> bool:
        if info.uuid != self._entry.unique_id and not self.stranger:
            self.stranger = True
            if self._coordinator.connected:
                self._coordinator.async_lost("another engine answers where it was")
            if self._coordinator.started:
                # Setting up says what is wrong, where people look.
                self._coordinator.hass.config_entries.async_schedule_reload(self._entry.entry_id)
        return self.stranger

    def _catch_up(self) -> None:
        self._behind = True
        self._history.incomplete = True
        if self._catching_up is None or self._catching_up.done():
            work = self._read_missed()
            name = "crime_detect missed incidents"
            self._catching_up = self._entry.async_create_background_task(self._coordinator.hass, work, name)

    async def _read_missed(self) -> None:
        client, position = self._coordinator.link.client, self._history.position
        messages: list[IncidentMessage] = []
        if client is None or position is None:
            self._close_what_is_over()
        else:
            try:
                messages = await read_missed(client, self._history, self._coordinator.data.info.uuid, position)
            except EngineError as error:
                _LOGGER.warning("What happened meanwhile cannot be read: %s; it is tried again when reconnected", error)
                return
        self._behind = False
        self._history.incomplete = False
        for message in messages:
            self._queue.add(message)
        self._queue.flush()
        self._history.save_soon()

    def _close_what_is_over(self) -> None:
        """Over MQTT nobody tells the end of what we missed; the state of its camera says that it is over."""
        data = self._coordinator.data
        for incident in list(self._history.newest()):
            state, record = data.cameras.get(incident.camera), self._history.get(incident.incident_id)
            if incident.ended_at is None and record and state is not None and not state.active:
                ended = _ended(incident)
                self._history.put(replace(record, incident=ended))
                picture = self._coordinator.pictures.path(ended)
                self._coordinator.async_tell(IncidentEvent(IncidentEventKind.ENDED, ended, incident, False, picture))


def _ended(incident: Incident) -> Incident:
    now = dt_util.utcnow()
    raw: dict[str, Any] = dict(incident.raw) | {"ended_at": now.isoformat()}
    return replace(incident, ended_at=now, raw=raw)
