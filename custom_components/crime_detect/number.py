"""Owns the numbers: each camera's threshold and false-alarm budget, and how long the engine keeps incidents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberEntityDescription, NumberMode
from homeassistant.const import PERCENTAGE, EntityCategory, Platform, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from propcache.api import cached_property

from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.client import EngineClient
from .engine.errors import EngineError
from .engine.models import CameraState, EngineInfo
from .engine_settings import days_of_duration, duration_of_days, fraction
from .entity import CameraStateEntity, HubEntity, async_add_what_exists
from .errors import engine_errors
from .link import EngineLink

PARALLEL_UPDATES = 1
SCAN_INTERVAL = timedelta(minutes=10)
"""Of retention only, which an engine does not tell by itself."""


@dataclass(frozen=True, kw_only=True)
class CameraNumberDescription(NumberEntityDescription):
    value: Callable[[CameraState], float | None]
    put: Callable[[EngineLink, str, float], Awaitable[None]]


THRESHOLD = CameraNumberDescription(
    key="threshold",
    translation_key="threshold",
    entity_category=EntityCategory.CONFIG,
    native_min_value=1,
    native_max_value=100,
    native_step=1,
    native_unit_of_measurement=PERCENTAGE,
    mode=NumberMode.SLIDER,
    value=lambda state: round(state.threshold * 100, 1),
    put=lambda link, camera, value: link.set_threshold(camera, fraction(value)),
)


async def _put_budget(link: EngineLink, camera: str, value: float) -> None:
    assert link.client is not None  # else this number does not exist
    await link.client.change_camera(camera, {"false_alarm_budget": f"{value:g}/week"})


FALSE_ALARM_BUDGET = CameraNumberDescription(
    key="false_alarm_budget",
    translation_key="false_alarm_budget",
    entity_category=EntityCategory.CONFIG,
    native_min_value=0.1,
    native_max_value=100,
    native_step=0.1,
    mode=NumberMode.BOX,
    value=lambda state: state.false_alarm_budget,
    put=_put_budget,
)
RETENTION = NumberEntityDescription(
    key="retention",
    translation_key="retention",
    device_class=NumberDeviceClass.DURATION,
    entity_category=EntityCategory.CONFIG,
    native_min_value=1,
    native_max_value=3650,
    native_step=1,
    native_unit_of_measurement=UnitOfTime.DAYS,
    mode=NumberMode.BOX,
)


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    async_add_what_exists(hass, entry, Platform.NUMBER, async_add_entities, _build)


def _build(coordinator: CrimeDetectCoordinator, info: EngineInfo) -> Iterator[RetentionNumber | CameraNumber]:
    client = coordinator.link.client
    if client is not None and "retention" in info.features:
        yield RetentionNumber(coordinator, client)
    for camera in info.cameras:
        yield CameraNumber(coordinator, camera, THRESHOLD)
        if client is not None and "budget" in info.features:
            yield CameraNumber(coordinator, camera, FALSE_ALARM_BUDGET)


class CameraNumber(CameraStateEntity, NumberEntity):
    entity_description: CameraNumberDescription

    @property
    @override
    def native_value(self) -> float | None:
        return self.entity_description.value(self.known_state)

    @override
    async def async_set_native_value(self, value: float) -> None:
        with engine_errors():
            await self.entity_description.put(self.coordinator.link, self.camera, value)


class RetentionNumber(HubEntity, NumberEntity):
    """Days for which incidents are kept; their classes may have their own in the options."""

    def __init__(self, coordinator: CrimeDetectCoordinator, client: EngineClient) -> None:
        super().__init__(coordinator, RETENTION)
        self._client = client
        self._attr_available = False

    @cached_property
    @override
    def should_poll(self) -> bool:
        return True

    @property
    @override
    def available(self) -> bool:
        return super().available and self._attr_available

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        # Others do not wait for an engine that is slow.
        self.async_schedule_update_ha_state(True)

    @override
    async def async_update(self) -> None:
        try:
            self._show(await self._client.retention())
        except EngineError:
            # The coordinator says when nobody answers at all.
            self._attr_available = False

    @override
    async def async_set_native_value(self, value: float) -> None:
        with engine_errors():
            now = await self._client.retention()
            self._show(await self._client.put_retention({**now, "incidents": duration_of_days(value)}))
        self.async_write_ha_state()

    def _show(self, retention: Mapping[str, Any]) -> None:
        self._attr_native_value = days_of_duration(retention.get("incidents"))
        self._attr_available = True
