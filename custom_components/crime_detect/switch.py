"""Owns the switches of each camera: detection, privacy, and the notifications of Home Assistant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import CrimeDetectConfigEntry
from .engine.models import CameraState
from .entity import CameraDeviceEntity, CameraStateEntity, async_add_what_exists
from .errors import engine_errors
from .link import EngineLink
from .notifications.notifier import Notifier

PARALLEL_UPDATES = 1


@dataclass(frozen=True, kw_only=True)
class CameraSwitchDescription(SwitchEntityDescription):
    is_on: Callable[[CameraState], bool]
    turn: Callable[[EngineLink, str, bool], Awaitable[None]]


SWITCHES = (
    CameraSwitchDescription(
        key="detection",
        translation_key="detection",
        is_on=lambda state: state.detection,
        turn=lambda link, camera, on: link.set_detection(camera, on),
    ),
    CameraSwitchDescription(
        key="privacy",
        translation_key="privacy",
        is_on=lambda state: state.privacy,
        turn=lambda link, camera, on: link.set_privacy(camera, on),
    ),
)
NOTIFICATIONS = SwitchEntityDescription(key="notifications", translation_key="notifications")


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    async_add_what_exists(
        hass,
        entry,
        Platform.SWITCH,
        async_add_entities,
        lambda coordinator, info: (
            entity
            for camera in info.cameras
            for entity in (
                *(CameraSwitch(coordinator, camera, description) for description in SWITCHES),
                NotificationsSwitch(coordinator, camera, NOTIFICATIONS),
            )
        ),
    )


class CameraSwitch(CameraStateEntity, SwitchEntity):
    """A switch of the engine: it shows what the engine says, a moment after it was turned."""

    entity_description: CameraSwitchDescription

    @property
    @override
    def is_on(self) -> bool:
        return self.entity_description.is_on(self.known_state)

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._turn(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._turn(False)

    async def _turn(self, on: bool) -> None:
        with engine_errors():
            await self.entity_description.turn(self.coordinator.link, self.camera, on)


class NotificationsSwitch(CameraDeviceEntity, SwitchEntity):
    """Whether Home Assistant rings phones about this camera; the engine's own outputs are not concerned."""

    @property
    def _notifier(self) -> Notifier:
        notifier = self.coordinator.notifier
        assert notifier is not None  # __init__.py makes it before the platforms
        return notifier

    @property
    @override
    def is_on(self) -> bool:
        return self.camera not in self._notifier.muted

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        await self._notifier.async_set_muted(self.camera, False)
        self.async_write_ha_state()

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        await self._notifier.async_set_muted(self.camera, True)
        self.async_write_ha_state()
