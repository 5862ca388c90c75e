"""Owns what all entities share: their devices, their ids, when they are available and when they appear."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import override

from homeassistant.config_entries import SOURCE_HASSIO
from homeassistant.const import ATTR_RESTORED, CONF_URL, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from yarl import URL

from .const import DOMAIN, MANUFACTURER
from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.models import CameraState, EngineInfo

APP_HOST = "crime-detect"
"""How the host of our app's container ends."""


def page_address(coordinator: CrimeDetectCoordinator) -> str | None:
    """Where a person's browser finds the engine's page; None where nobody told us an address."""
    entry = coordinator.config_entry
    ours = entry.data.get(CONF_URL)
    if entry.source == SOURCE_HASSIO and ours and (host := URL(ours).host or "").endswith(APP_HOST):
        # Only the Supervisor reaches that host. Its name is the app's slug, as a host may be called.
        return f"homeassistant://app/{host.replace('-', '_')}"
    return _web_address(coordinator.data.info.api_url) or _web_address(ours)


def _web_address(told: str | None) -> str | None:
    """Over a broker anybody may have told it."""
    try:
        url = URL(told or "")
    except ValueError:
        return None
    return str(url).rstrip("/") if url.scheme in ("http", "https") and url.host else None


def hub_device(coordinator: CrimeDetectCoordinator) -> DeviceInfo:
    info = coordinator.data.info
    return DeviceInfo(
        identifiers={(DOMAIN, info.uuid)},
        name=coordinator.config_entry.title,
        manufacturer=MANUFACTURER,
        model="Engine",
        sw_version=info.version,
        configuration_url=page_address(coordinator),
    )


def camera_device(coordinator: CrimeDetectCoordinator, camera: str, hub_id: str) -> DeviceInfo:
    info = coordinator.data.info
    page = page_address(coordinator)
    return DeviceInfo(
        identifiers={(DOMAIN, f"{info.uuid}_{camera}")},
        name=info.cameras.get(camera, camera),
        manufacturer=MANUFACTURER,
        model="Camera",
        configuration_url=f"{page}/incidents?camera={camera}" if page and page.startswith("http") else page,
        via_device_id=hub_id,
    )


@callback
def async_keep_devices(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> None:
    """Registers the hub and its cameras, now and whenever the engine tells of others, of new names or of its update.

    Called before the platforms are set up: their entities find their devices there.
    """
    coordinator = entry.runtime_data
    registry = dr.async_get(hass)
    seen: EngineInfo | None = None

    @callback
    def register() -> None:
        nonlocal seen
        info = coordinator.data.info
        if info is seen:
            return
        seen = info
        hub = registry.async_get_or_create(config_entry_id=entry.entry_id, **hub_device(coordinator))
        for camera in info.cameras:
            registry.async_get_or_create(config_entry_id=entry.entry_id, **camera_device(coordinator, camera, hub.id))

    register()
    entry.async_on_unload(coordinator.async_add_listener(register))


class CrimeDetectEntity(CoordinatorEntity[CrimeDetectCoordinator]):
    """Available while the engine is reached."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: CrimeDetectCoordinator, device: str, description: EntityDescription) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self.key = f"{device}_{description.key}"
        self._attr_unique_id = self.key
        self._attr_device_info = DeviceInfo(identifiers={(DOMAIN, device)})
        self._told: object = None

    @abstractmethod
    def _shown(self) -> object:
        """What the entity's state is made of."""

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        """The news of each camera reach the entities of all: only those that it concerns write."""
        now = (self.available, self._shown())
        if now != self._told:
            self._told = now
            self._changed()

    @callback
    def _changed(self) -> None:
        self.async_write_ha_state()


class HubEntity(CrimeDetectEntity):
    """Something of the engine itself."""

    def __init__(self, coordinator: CrimeDetectCoordinator, description: EntityDescription) -> None:
        super().__init__(coordinator, coordinator.data.info.uuid, description)

    @property
    def info(self) -> EngineInfo:
        return self.coordinator.data.info

    @override
    def _shown(self) -> object:
        return self.info


class CameraDeviceEntity(CrimeDetectEntity):
    """Something of one camera; available while the engine has it."""

    def __init__(self, coordinator: CrimeDetectCoordinator, camera: str, description: EntityDescription) -> None:
        super().__init__(coordinator, f"{coordinator.data.info.uuid}_{camera}", description)
        self.camera = camera

    @property
    @override
    def available(self) -> bool:
        return super().available and self.camera in self.coordinator.data.info.cameras

    @property
    def state_now(self) -> CameraState | None:
        """What the engine last said of the camera; over a broker it may come a moment after the camera's name."""
        return self.coordinator.data.cameras.get(self.camera)

    @override
    def _shown(self) -> object:
        return self._classes

    @property
    def _classes(self) -> tuple[tuple[str, ...], ...]:
        info = self.coordinator.data.info
        return info.labels, info.rules


class CameraStateEntity(CameraDeviceEntity):
    """Shows a part of the camera's state: available once that is known."""

    @property
    @override
    def available(self) -> bool:
        return super().available and self.state_now is not None

    @override
    def _shown(self) -> object:
        return self.state_now, self._classes

    @property
    def known_state(self) -> CameraState:
        """For properties that Home Assistant reads of available entities only."""
        state = self.state_now
        assert state is not None
        return state


class OnlineCameraEntity(CameraStateEntity):
    """Says what is to be seen, which nobody knows of a camera without a picture."""

    @property
    @override
    def available(self) -> bool:
        return super().available and self.known_state.online


@callback
def async_add_what_exists[E: HubEntity | CameraDeviceEntity](
    hass: HomeAssistant,
    entry: CrimeDetectConfigEntry,
    platform: Platform,
    async_add_entities: AddConfigEntryEntitiesCallback,
    build: Callable[[CrimeDetectCoordinator, EngineInfo], Iterable[E]],
) -> CALLBACK_TYPE:
    """Adds what `build` makes of what the engine tells: now, and what comes later (a camera, a feature, a zone).

    A camera that comes back after a person removed its device gets its entities again, and so does a zone. Call what
    is returned when `build` knows more.
    """
    coordinator = entry.runtime_data
    registry = er.async_get(hass)
    added: set[str] = set()
    before: set[str] = set()
    seen: EngineInfo | None = None
    zones: Mapping[str, frozenset[str]] = {}

    def is_to_add(key: str) -> bool:
        """What was there a moment ago is, or is being added right now."""
        if key in before:
            return False
        if key not in added or (entity_id := registry.async_get_entity_id(platform, DOMAIN, key)) is None:
            return True
        # Kept for a person to remove: nobody provides it any more.
        state = hass.states.get(entity_id)
        return state is not None and bool(state.attributes.get(ATTR_RESTORED))

    @callback
    def add() -> None:
        nonlocal before, seen, zones
        seen, zones = coordinator.data.info, coordinator.data.zones
        entities = {entity.key: entity for entity in build(coordinator, seen)}
        new = {key: entity for key, entity in entities.items() if is_to_add(key)}
        before = set(entities)
        if new:
            added.update(new)
            async_add_entities(new.values())

    @callback
    def look() -> None:
        if coordinator.data.info is not seen or coordinator.data.zones != zones:
            add()

    add()
    entry.async_on_unload(coordinator.async_add_listener(look))
    return add
