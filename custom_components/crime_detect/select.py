"""Owns the selects: by what each camera decides that something is an incident."""

from __future__ import annotations

from collections.abc import Iterator
from typing import override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.client import EngineClient
from .engine.models import EngineInfo
from .entity import CameraStateEntity, async_add_what_exists
from .errors import engine_errors

PARALLEL_UPDATES = 1

MODE = SelectEntityDescription(
    key="mode", translation_key="mode", entity_category=EntityCategory.CONFIG, options=["threshold", "budget"]
)


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    async_add_what_exists(hass, entry, Platform.SELECT, async_add_entities, _build)


def _build(coordinator: CrimeDetectCoordinator, info: EngineInfo) -> Iterator[ModeSelect]:
    client = coordinator.link.client
    if client is not None and "budget" in info.features:
        for camera in info.cameras:
            yield ModeSelect(coordinator, camera, client)


class ModeSelect(CameraStateEntity, SelectEntity):
    """A fixed threshold, or one that is learned so that false alarms stay within a budget."""

    def __init__(self, coordinator: CrimeDetectCoordinator, camera: str, client: EngineClient) -> None:
        super().__init__(coordinator, camera, MODE)
        self._client = client

    @property
    @override
    def current_option(self) -> str | None:
        return self.known_state.mode

    @override
    async def async_select_option(self, option: str) -> None:
        with engine_errors():
            await self._client.change_camera(self.camera, {"mode": option})
