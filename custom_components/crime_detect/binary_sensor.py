"""Owns the binary sensors: an incident goes on, the camera is there, somebody tampers with it or is in view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.models import CameraState, EngineInfo
from .entity import CameraStateEntity, OnlineCameraEntity, async_add_what_exists
from .places import PlaceEntity, places

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class CameraBinarySensorDescription(BinarySensorEntityDescription):
    is_on: Callable[[CameraState], bool]
    attributes: Callable[[CameraState], Mapping[str, Any]] = lambda _state: {}


# `active` is the engine's own word: true while an incident at or above the threshold is open.
INCIDENT_ACTIVE = CameraBinarySensorDescription(
    key="incident_active",
    translation_key="incident_active",
    device_class=BinarySensorDeviceClass.SAFETY,
    is_on=lambda state: state.active,
)
ONLINE = CameraBinarySensorDescription(
    key="online",
    translation_key="online",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
    is_on=lambda state: state.online,
)
TAMPERED = CameraBinarySensorDescription(
    key="tampered",
    translation_key="tampered",
    device_class=BinarySensorDeviceClass.TAMPER,
    is_on=lambda state: state.tampered,
    attributes=lambda state: {"kind": state.tamper},
)
OCCUPANCY = BinarySensorEntityDescription(
    key="occupancy", translation_key="occupancy", device_class=BinarySensorDeviceClass.OCCUPANCY
)
ZONE_OCCUPANCY = BinarySensorEntityDescription(
    key="occupancy", translation_key="zone_occupancy", device_class=BinarySensorDeviceClass.OCCUPANCY
)


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    def build(
        coordinator: CrimeDetectCoordinator, info: EngineInfo
    ) -> Iterator[CameraBinarySensor | OccupancyBinarySensor]:
        for camera in info.cameras:
            yield OnlineCameraBinarySensor(coordinator, camera, INCIDENT_ACTIVE)
            yield CameraBinarySensor(coordinator, camera, ONLINE)
            yield CameraBinarySensor(coordinator, camera, TAMPERED)
        for place in places(hass, coordinator, Platform.BINARY_SENSOR, OCCUPANCY.key):
            yield OccupancyBinarySensor(coordinator, place, OCCUPANCY if place.zone is None else ZONE_OCCUPANCY)

    async_add_what_exists(hass, entry, Platform.BINARY_SENSOR, async_add_entities, build)


class CameraBinarySensor(CameraStateEntity, BinarySensorEntity):
    entity_description: CameraBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool:
        return self.entity_description.is_on(self.known_state)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        return self.entity_description.attributes(self.known_state)


class OnlineCameraBinarySensor(OnlineCameraEntity, CameraBinarySensor):
    """Of a camera without a picture nobody knows it."""


class OccupancyBinarySensor(PlaceEntity, BinarySensorEntity):
    """Somebody is there; in a zone also something else that the zone is about."""

    @property
    @override
    def is_on(self) -> bool:
        return self.here.occupied
