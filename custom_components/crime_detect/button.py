"""Owns the hub's button: an alert marked as a test, over everything that alerts go out by."""

from __future__ import annotations

from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import CrimeDetectConfigEntry
from .entity import HubEntity, async_add_what_exists
from .errors import engine_errors

PARALLEL_UPDATES = 1

TEST_ALERT = ButtonEntityDescription(
    key="test_alert", translation_key="test_alert", entity_category=EntityCategory.DIAGNOSTIC
)


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    async_add_what_exists(
        hass,
        entry,
        Platform.BUTTON,
        async_add_entities,
        lambda coordinator, _info: (TestAlertButton(coordinator, TEST_ALERT),),
    )


class TestAlertButton(HubEntity, ButtonEntity):
    """The phones are tried even where the engine's own outputs fail: one does not hide the other."""

    @override
    async def async_press(self) -> None:
        notifier, client = self.coordinator.notifier, self.coordinator.link.client
        try:
            if client is not None:
                with engine_errors():
                    await client.test_alert()
        finally:
            if notifier is not None and notifier.recipients:
                await notifier.async_send_test()
