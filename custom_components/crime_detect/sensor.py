"""Owns the sensors: what each camera sees, and how the engine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, EntityCategory, Platform, UnitOfInformation, UnitOfTime
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.event import async_call_later

from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.models import CameraState, EngineInfo
from .entity import CameraDeviceEntity, HubEntity, OnlineCameraEntity, async_add_what_exists
from .incident_event import IncidentEvent
from .places import PlaceEntity, places

PARALLEL_UPDATES = 0

CONFIDENCE_EVERY_S = 5
"""Each state write is a row in somebody's database."""


@dataclass(frozen=True, kw_only=True)
class CameraSensorDescription(SensorEntityDescription):
    value: Callable[[CameraState], str | float | None]


@dataclass(frozen=True, kw_only=True)
class HubSensorDescription(SensorEntityDescription):
    value: Callable[[EngineInfo], str | float | None]


THREAT_CLASS = CameraSensorDescription(
    key="threat_class",
    translation_key="threat_class",
    device_class=SensorDeviceClass.ENUM,
    value=lambda state: state.label,
)
CONFIDENCE = CameraSensorDescription(
    key="confidence",
    translation_key="confidence",
    native_unit_of_measurement=PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    suggested_display_precision=0,
    value=lambda state: None if state.confidence is None else round(state.confidence * 100, 1),
)
PERSONS = SensorEntityDescription(key="persons", translation_key="persons", state_class=SensorStateClass.MEASUREMENT)
ZONE_PERSONS = SensorEntityDescription(
    key="persons",
    translation_key="zone_persons",
    state_class=SensorStateClass.MEASUREMENT,
    entity_registry_enabled_default=False,
)
LAST_INCIDENT = SensorEntityDescription(
    key="last_incident", translation_key="last_incident", device_class=SensorDeviceClass.TIMESTAMP
)
DIAGNOSTICS = (
    CameraSensorDescription(
        key="fps",
        translation_key="fps",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value=lambda state: state.fps,
    ),
    CameraSensorDescription(
        key="latency",
        translation_key="latency",
        device_class=SensorDeviceClass.DURATION,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value=lambda state: state.latency_ms,
    ),
)
HUB = (
    HubSensorDescription(
        key="model",
        translation_key="model",
        entity_category=EntityCategory.DIAGNOSTIC,
        value=lambda info: info.model,
    ),
    HubSensorDescription(
        key="device",
        translation_key="device",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=["cpu", "cuda", "openvino"],
        value=lambda info: info.device,
    ),
    HubSensorDescription(
        key="storage_used",
        translation_key="storage_used",
        device_class=SensorDeviceClass.DATA_SIZE,
        entity_category=EntityCategory.DIAGNOSTIC,
        native_unit_of_measurement=UnitOfInformation.BYTES,
        suggested_unit_of_measurement=UnitOfInformation.GIGABYTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        value=lambda info: info.storage_used_bytes,
    ),
    # Not a total: a deleted alert lowers it.
    HubSensorDescription(
        key="alerts_today",
        translation_key="alerts_today",
        state_class=SensorStateClass.MEASUREMENT,
        value=lambda info: info.alerts_today,
    ),
)
GPU_LOAD = HubSensorDescription(
    key="gpu_load",
    translation_key="gpu_load",
    entity_category=EntityCategory.DIAGNOSTIC,
    native_unit_of_measurement=PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    suggested_display_precision=0,
    value=lambda info: info.gpu_load,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    def build(coordinator: CrimeDetectCoordinator, info: EngineInfo) -> Iterator[HubSensor | CameraDeviceEntity]:
        yield from _of_engine_and_cameras(coordinator, info)
        for place in places(hass, coordinator, Platform.SENSOR, PERSONS.key):
            yield PersonsSensor(coordinator, place, PERSONS if place.zone is None else ZONE_PERSONS)

    async_add_what_exists(hass, entry, Platform.SENSOR, async_add_entities, build)


def _of_engine_and_cameras(
    coordinator: CrimeDetectCoordinator, info: EngineInfo
) -> Iterator[HubSensor | CameraDeviceEntity]:
    for hub in HUB:
        yield HubSensor(coordinator, hub)
    if info.gpu_load is not None:
        yield HubSensor(coordinator, GPU_LOAD)
    for camera in info.cameras:
        yield ThreatClassSensor(coordinator, camera, THREAT_CLASS)
        yield ConfidenceSensor(coordinator, camera, CONFIDENCE)
        yield LastIncidentSensor(coordinator, camera, LAST_INCIDENT)
        for description in DIAGNOSTICS:
            yield CameraSensor(coordinator, camera, description)


class HubSensor(HubEntity, SensorEntity):
    entity_description: HubSensorDescription

    @property
    @override
    def options(self) -> list[str] | None:
        options = self.entity_description.options
        return None if options is None else _with(options, self.native_value)

    @property
    @override
    def native_value(self) -> str | float | None:
        return self.entity_description.value(self.info)


class CameraSensor(OnlineCameraEntity, SensorEntity):
    entity_description: CameraSensorDescription

    @property
    @override
    def native_value(self) -> str | float | None:
        return self.entity_description.value(self.known_state)


class ThreatClassSensor(CameraSensor):
    """The most probable class now, `normal` too."""

    @property
    @override
    def options(self) -> list[str]:
        info = self.coordinator.data.info
        known = dict.fromkeys((*info.labels, *info.classes))
        return _with(list(known), self.state_now.label if self.state_now else None)


class ConfidenceSensor(CameraSensor):
    """How sure of that class; written every few seconds at most, and at once when it crosses the threshold."""

    _wait: CALLBACK_TYPE | None = None
    _newer = False
    """Something came during the wait."""
    _written: tuple[bool, bool] | None = None

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self._written = self._what_matters()
        self.async_on_remove(self._stop_waiting)

    def _what_matters(self) -> tuple[bool, bool]:
        """Available, and at or above the threshold."""
        if not self.available:
            return False, False
        state = self.known_state
        return True, state.confidence is not None and state.confidence >= state.threshold

    @callback
    @override
    def _changed(self) -> None:
        if self._what_matters() != self._written:
            self._stop_waiting()
        if self._wait is None:
            self._write()
            self._wait = async_call_later(self.hass, CONFIDENCE_EVERY_S, self._write_what_came)
            self._newer = False
        else:
            self._newer = True

    @callback
    def _write(self) -> None:
        self._written = self._what_matters()
        self.async_write_ha_state()

    @callback
    def _write_what_came(self, _now: datetime) -> None:
        self._wait = None
        if self._newer:
            self._changed()

    @callback
    def _stop_waiting(self) -> None:
        if self._wait is not None:
            self._wait()
            self._wait = None


class PersonsSensor(PlaceEntity, SensorEntity):
    """How many are there."""

    @property
    @override
    def native_value(self) -> int:
        return self.here.persons


class LastIncidentSensor(CameraDeviceEntity, SensorEntity):
    """When the newest incident at or above the threshold began; kept over restarts."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_incident_listener(self._tell, self.camera))

    @callback
    def _tell(self, _event: IncidentEvent) -> None:
        self.async_write_ha_state()

    @property
    @override
    def native_value(self) -> datetime | None:
        incident = self.coordinator.last_incident(self.camera)
        return None if incident is None else incident.started_at


def _with(options: Sequence[str], value: str | float | None) -> list[str]:
    """An engine may be newer than what we know of it: what it says is shown all the same."""
    known = list(options)
    return [*known, value] if isinstance(value, str) and value not in known else known
