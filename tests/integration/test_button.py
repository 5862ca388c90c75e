"""The button: a test alert over the engine's outputs and to the phones."""

from __future__ import annotations

import pytest
from homeassistant.components.button import DOMAIN as BUTTON
from homeassistant.components.button import SERVICE_PRESS
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import ATTR_ENTITY_ID, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.link_websocket import WebSocketLink
from tests.integration.conftest import SetupEntry
from tests.integration.entities import assert_as_in_snapshot, only
from tests.integration.fake_engine import FakeEngine

TEST = "button.home_test_alert"


async def _press(hass: HomeAssistant) -> None:
    await hass.services.async_call(BUTTON, SERVICE_PRESS, {ATTR_ENTITY_ID: TEST}, blocking=True)


@pytest.fixture
def phone(hass: HomeAssistant, entry: MockConfigEntry) -> list:
    """What Anna's phone was sent."""
    recipient = ConfigSubentry(
        data={"name": "Anna", "action": "mobile_app_annas_phone"},  # type: ignore[arg-type]
        subentry_type="recipient",
        title="Anna",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(entry, recipient)
    return async_mock_service(hass, "notify", "mobile_app_annas_phone")


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    with only(Platform.BUTTON):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_the_engine_and_the_phones_send_one(
    hass: HomeAssistant, engine: FakeEngine, phone: list, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    await _press(hass)
    assert len(engine.sent("POST", "/alerts/test")) == 1
    assert len(phone) == 1


async def test_without_recipients_the_engine_sends_one(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    await _press(hass)
    assert len(engine.sent("POST", "/alerts/test")) == 1


async def test_phones_are_tried_even_if_the_engine_fails_and_it_is_said(
    hass: HomeAssistant, engine: FakeEngine, phone: list, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    engine.fail("/alerts/test", 500)
    with pytest.raises(HomeAssistantError) as raised:
        await _press(hass)
    assert raised.value.translation_key == "engine_error"
    assert len(phone) == 1


async def test_over_a_broker_the_phones_are_tried(
    hass: HomeAssistant, engine: FakeEngine, phone: list, setup_entry: SetupEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setup_entry()
    monkeypatch.setattr(WebSocketLink, "client", None)
    await _press(hass)
    assert len(phone) == 1
    assert not engine.sent("POST", "/alerts/test")
