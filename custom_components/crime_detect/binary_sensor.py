"""Owns the binary sensors: an incident goes on, the camera is there, somebody covered or turned it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import CrimeDetectConfigEntry
from .engine.models import CameraState
from .entity import CameraStateEntity, OnlineCameraEntity, async_add_what_exists

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class CameraBinarySensorDescription(BinarySensorEntityDescription):
    is_on: Callable[[CameraState], bool]


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
)


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    async_add_what_exists(
        hass,
        entry,
        Platform.BINARY_SENSOR,
        async_add_entities,
        lambda coordinator, info: (
            entity
            for camera in info.cameras
            for entity in (
                OnlineCameraBinarySensor(coordinator, camera, INCIDENT_ACTIVE),
                CameraBinarySensor(coordinator, camera, ONLINE),
                CameraBinarySensor(coordinator, camera, TAMPERED),
            )
        ),
    )


class CameraBinarySensor(CameraStateEntity, BinarySensorEntity):
    entity_description: CameraBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool:
        return self.entity_description.is_on(self.known_state)


class OnlineCameraBinarySensor(OnlineCameraEntity, CameraBinarySensor):
    """Of a camera without a picture nobody knows it."""
