"""Owns what an action is meant for: which engine, which cameras, which incident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers import service
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import DOMAIN
from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator

ATTR_INCIDENT_ID = "incident_id"


@dataclass(frozen=True, slots=True)
class Chosen:
    """An engine, and those of its cameras that are meant."""

    coordinator: CrimeDetectCoordinator
    cameras: tuple[str, ...]
    whole_engine: bool
    """No camera was named."""


@callback
def chosen_engine(call: ServiceCall) -> CrimeDetectCoordinator:
    """The engine that the call names; without a name the only one."""
    entry: CrimeDetectConfigEntry = service.async_get_config_entry(
        call.hass, DOMAIN, call.data.get(ATTR_CONFIG_ENTRY_ID)
    )
    return entry.runtime_data


@callback
def chosen_cameras(call: ServiceCall) -> list[Chosen]:
    """The cameras of the call's devices, entities and areas; of an engine that is named without any, all."""
    if not TargetSelection(call.data).has_any_target:
        coordinator = chosen_engine(call)
        return [Chosen(coordinator, tuple(coordinator.data.info.cameras), True)]
    by_entry: dict[str, set[str]] = {}
    for device_id in _devices(call):
        device = dr.async_get(call.hass).async_get(device_id, include_composite_devices=False)
        if device is None:
            continue
        for domain, identifier in device.identifiers:
            if domain == DOMAIN:
                by_entry.setdefault(device.config_entry_id, set()).add(identifier)
    found = [
        _of_engine(_loaded(call.hass, entry_id).runtime_data, identifiers) for entry_id, identifiers in by_entry.items()
    ]
    wanted = call.data.get(ATTR_CONFIG_ENTRY_ID)
    found = [one for one in found if wanted in (None, one.coordinator.config_entry.entry_id)]
    if not any(one.cameras for one in found):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_camera_chosen")
    return found


@callback
def chosen_incidents(call: ServiceCall) -> list[tuple[CrimeDetectCoordinator, str]]:
    """The incident that is named, or of each chosen camera the one that is open, else its newest."""
    if incident_id := call.data.get(ATTR_INCIDENT_ID):
        return [(engine_of_incident(call), incident_id)]
    if not TargetSelection(call.data).has_any_target:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_incident_chosen")
    found = [
        (chosen.coordinator, incident.incident_id)
        for chosen in chosen_cameras(call)
        for camera in chosen.cameras
        if (incident := chosen.coordinator.open_incident(camera) or chosen.coordinator.last_incident(camera))
    ]
    if not found:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_incident_yet")
    return found


@callback
def engine_of_incident(call: ServiceCall) -> CrimeDetectCoordinator:
    """The engine that is named, else the one whose history has the incident, else the only one."""
    if ATTR_CONFIG_ENTRY_ID not in call.data:
        for entry in call.hass.config_entries.async_loaded_entries(DOMAIN):
            coordinator: CrimeDetectCoordinator = entry.runtime_data
            if coordinator.event_for(call.data[ATTR_INCIDENT_ID]):
                return coordinator
    return chosen_engine(call)


def _devices(call: ServiceCall) -> set[str]:
    referenced = async_extract_referenced_entity_ids(call.hass, TargetSelection(call.data))
    entities = er.async_get(call.hass)
    of_entities = {
        entity.device_id
        for entity_id in referenced.referenced
        if (entity := entities.async_get(entity_id)) and entity.platform == DOMAIN and entity.device_id
    }
    return referenced.referenced_devices | of_entities


def _loaded(hass: HomeAssistant, entry_id: str) -> CrimeDetectConfigEntry:
    entry = service.async_get_config_entry(hass, DOMAIN, entry_id)
    assert entry.state is ConfigEntryState.LOADED  # or async_get_config_entry raises
    return cast(CrimeDetectConfigEntry, entry)


def _of_engine(coordinator: CrimeDetectCoordinator, identifiers: set[str]) -> Chosen:
    info = coordinator.data.info
    if info.uuid in identifiers:  # the engine's own device stands for all of its cameras
        return Chosen(coordinator, tuple(info.cameras), True)
    return Chosen(
        coordinator, tuple(camera for camera in info.cameras if f"{info.uuid}_{camera}" in identifiers), False
    )
