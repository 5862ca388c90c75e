"""Owns what the integration knows of one engine now, and who hears when that changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast, override

from awesomeversion import AwesomeVersion, AwesomeVersionException
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, CoreState, HassJob, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError
from homeassistant.helpers.event import async_call_later, async_track_time_interval
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util
from homeassistant.util.logging import catch_log_exception

from .const import DOMAIN, MIN_ENGINE_VERSION, TOO_NEW, TOO_OLD
from .engine.errors import BadMessageError, EngineError, InvalidAuthError
from .engine.models import CameraState, EngineInfo, Incident
from .feed import EngineFeed
from .history import IncidentHistory
from .incident_event import IncidentEvent, IncidentEventKind
from .link import EngineLink
from .pictures import Pictures

if TYPE_CHECKING:
    from .notifications.notifier import Notifier

__all__ = ["CrimeDetectConfigEntry", "CrimeDetectCoordinator", "EngineData", "IncidentEvent", "IncidentEventKind"]

_LOGGER = logging.getLogger(__name__)

POLL_EVERY = timedelta(seconds=60)
"""For what changes without an event: storage, load, alerts of the day."""
RECONCILE_EVERY = timedelta(days=1)
KEEP_DAYS = 30
AFTER_START_S = 1.0

type CrimeDetectConfigEntry = ConfigEntry[CrimeDetectCoordinator]
type IncidentListener = Callable[[IncidentEvent], None]
type CameraListener = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EngineData:
    info: EngineInfo
    cameras: Mapping[str, CameraState]
    """Names are in `info.cameras`."""

    @property
    def zones(self) -> dict[str, frozenset[str]]:
        """Of each camera where somebody looks who is there: only then are its zones known."""
        return {name: frozenset(state.zones) for name, state in self.cameras.items() if state.persons is not None}


class CrimeDetectCoordinator(DataUpdateCoordinator[EngineData]):
    """One engine. Its feed (feed.py) brings the news, the link (link.py) takes commands."""

    config_entry: CrimeDetectConfigEntry

    def __init__(self, hass: HomeAssistant, entry: CrimeDetectConfigEntry, link: EngineLink) -> None:
        super().__init__(
            hass, _LOGGER, config_entry=entry, name=entry.title, update_interval=POLL_EVERY if link.client else None
        )
        self.link = link
        self.history = IncidentHistory(hass, entry.entry_id)
        keep = timedelta(days=entry.options.get("pictures", {}).get("keep_days", KEEP_DAYS))
        self.pictures = Pictures(hass, link, self.history, keep)
        self.notifier: Notifier | None = None
        self.incompatible: str | None = None
        """TOO_OLD or TOO_NEW: why this engine and this integration do not understand each other."""
        self.connected = False
        """The engine is reached."""
        self.started = False
        self._feed = EngineFeed(self)
        self._incident_listeners: dict[int, tuple[IncidentListener, str | None]] = {}
        self._camera_listeners: dict[int, tuple[CameraListener, set[str]]] = {}
        self._listener_count = 0

    # --- for entities and others ----------------------------------------------------------------------------------

    @callback
    def async_add_incident_listener(self, listener: IncidentListener, camera: str | None = None) -> CALLBACK_TYPE:
        """`listener` hears of every incident (of one camera), in order for each camera."""
        guarded = catch_log_exception(listener, lambda event: f"A listener failed on {event.incident.incident_id}")
        return _added(self._incident_listeners, self._next(), (cast(IncidentListener, guarded), camera))

    @callback
    def async_add_camera_listener(self, listener: CameraListener) -> CALLBACK_TYPE:
        """`listener` is called for every camera that is known now, and for each that appears later."""
        announced: set[str] = set()
        unsubscribe = _added(self._camera_listeners, self._next(), (listener, announced))
        self._announce_cameras()
        return unsubscribe

    @callback
    def async_forget_camera(self, camera: str) -> None:
        """Its device was removed: should it ever come back, listeners hear of it again."""
        for _, announced in self._camera_listeners.values():
            announced.discard(camera)

    def open_incident(self, camera: str) -> Incident | None:
        """The newest at or above `alert` that goes on."""
        return next((one for one in self.history.newest(camera) if one.ended_at is None), None)

    def last_incident(self, camera: str) -> Incident | None:
        """The newest at or above `alert`, also over restarts."""
        return next(self.history.newest(camera), None)

    def event_for(self, incident_id: str) -> Incident | None:
        record = self.history.get(incident_id)
        return None if record is None else record.incident

    # --- life -----------------------------------------------------------------------------------------------------

    @override
    async def _async_setup(self) -> None:
        await self.history.load()
        try:
            await self.link.start(self._feed, lambda: self.history.position)
        except InvalidAuthError as error:
            raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="auth_failed") from error
        except EngineError as error:
            key = "cannot_connect"
            if isinstance(error, BadMessageError):
                self.incompatible = TOO_NEW if error.code == "newer_schema" else None
                key = "engine_too_new" if self.incompatible else "not_an_engine"
            raise UpdateFailed(
                translation_domain=DOMAIN, translation_key=key, translation_placeholders={"error": str(error)}
            ) from error
        if self._feed.stranger:
            raise ConfigEntryError(translation_domain=DOMAIN, translation_key="another_engine")
        self.started = True
        self.config_entry.async_on_unload(
            async_track_time_interval(self.hass, self._reconcile_soon, RECONCILE_EVERY, cancel_on_shutdown=True)
        )
        self._reconcile_soon()

    @override
    async def _async_update_data(self) -> EngineData:
        if not self.connected:
            raise UpdateFailed(translation_domain=DOMAIN, translation_key="disconnected")
        if self.link.client is None or not self.last_update_success:
            return self.data
        try:
            info = await self.link.client.info()
        except EngineError as error:
            _LOGGER.debug("Not polled: %s", error)  # whether it is there is the feed's to say
            return self.data
        return replace(self.data, info=info) if info.uuid == self.data.info.uuid else self.data

    @callback
    def async_begin(self) -> None:
        """Entities listen now; incidents wait until automations do, too, which is when Home Assistant has started."""
        if self.hass.state is CoreState.running:
            self._feed.begin()
            return

        @callback
        def begin(_now: datetime) -> None:
            self._feed.begin()

        @callback
        def begin_soon(_hass: HomeAssistant) -> None:
            # Automations attach their triggers at the same event.
            soon = HassJob(begin, cancel_on_shutdown=True)
            self.config_entry.async_on_unload(async_call_later(self.hass, AFTER_START_S, soon))

        self.config_entry.async_on_unload(async_at_started(self.hass, begin_soon))

    async def async_stop(self, *_: object) -> None:
        """Stops listening; what is not dealt with will be told to us again."""
        await self.link.stop()
        await self._feed.stop()
        self.connected = False
        if self.started:
            self.started = False
            await self.history.save()

    @callback
    def _reconcile_soon(self, _now: datetime | None = None) -> None:
        entries = self.hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=True)
        others = [entry for entry in entries if entry is not self.config_entry]
        foreign: set[str] | None = None
        if all(other.state is ConfigEntryState.LOADED for other in others):
            foreign = {incident_id for other in others for incident_id in other.runtime_data.history.pictures}
        work = self.pictures.reconcile(dt_util.utcnow(), foreign)
        self.config_entry.async_create_background_task(self.hass, work, "crime_detect pictures")

    # --- for the feed ---------------------------------------------------------------------------------------------

    @callback
    def async_show(self, info: EngineInfo, cameras: Mapping[str, CameraState]) -> None:
        """This is how it is now; the engine is there."""
        if not self.connected and self.started:
            _LOGGER.info("%s is connected again", self.config_entry.title)
        self.connected = True
        self.incompatible = _incompatibility(info)
        self.async_set_updated_data(EngineData(info, cameras))
        self._announce_cameras()

    @callback
    def async_lost(self, reason: str, incompatible: str | None = None) -> None:
        """Said once in the log, however long it lasts."""
        changed = self.connected or (incompatible is not None and incompatible != self.incompatible)
        self.incompatible = incompatible or self.incompatible
        if self.connected:
            _LOGGER.warning("%s is not connected: %s", self.config_entry.title, reason)
        self.connected = False
        self.last_update_success = False
        if changed:
            self.async_update_listeners()

    @callback
    def async_tell(self, event: IncidentEvent) -> None:
        for listener, camera in list(self._incident_listeners.values()):
            if camera in (None, event.incident.camera):
                listener(event)

    @callback
    def _announce_cameras(self) -> None:
        if not self.data:
            return
        for listener, announced in list(self._camera_listeners.values()):
            for camera in self.data.info.cameras:
                if camera in self.data.cameras and camera not in announced:
                    announced.add(camera)
                    listener(camera)

    def _next(self) -> int:
        self._listener_count += 1
        return self._listener_count


def _added[T](listeners: dict[int, T], number: int, listener: T) -> CALLBACK_TYPE:
    listeners[number] = listener

    @callback
    def remove() -> None:
        listeners.pop(number, None)

    return remove


def _incompatibility(info: EngineInfo) -> str | None:
    try:
        return TOO_OLD if AwesomeVersion(info.version) < AwesomeVersion(MIN_ENGINE_VERSION) else None
    except AwesomeVersionException:
        return None  # a version of its maker's own, such as one that is being developed
