"""That what a person posts in public helps us, and gives nothing away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.const import CONF_FEED, DOMAIN, FEED_WEBSOCKET
from tests.integration.broker_only import BrokerOnlyLink
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.fake_engine import FakeEngine

PASSWORD = "hunter2-secret"
HOST = "camera.example.org"
ADDRESS = f"rtsp://viewer:{PASSWORD}@{HOST}:554/private/stream"
INCIDENT = f"01KDW{1:021d}"


@pytest.fixture
def entry(hass: HomeAssistant, engine: FakeEngine, media: Any) -> MockConfigEntry:
    """With a recipient, and an engine whose every sentence has a secret in it."""
    recipient = {
        "name": "Anna Secretname",
        "action": "mobile_app_annas_secretphone",
        "persons": ["person.anna_secretname"],
        "only_when_away": True,
        "min_severity": "alert",
    }
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home",
        unique_id=engine.uuid,
        data={CONF_FEED: FEED_WEBSOCKET, CONF_URL: engine.url, CONF_TOKEN: engine.token, CONF_VERIFY_SSL: True},
        options={"notifications": {"cooldown_s": 60}},
        entry_id="01JTESTENTRY00000000000000",
        subentries_data=[
            ConfigSubentryData(data=recipient, subentry_type="recipient", title="Anna Secretname", unique_id=None)
        ],
    )
    entry.add_to_hass(hass)
    engine.info["fallback"] = f"no card; see {ADDRESS} or /home/secretuser/notes.txt"
    engine.info["api_url"] = "http://secret-host.example.org:8099"
    detail = f"viewer:{PASSWORD}@{HOST} refused ({ADDRESS}, 203.0.113.77, token {engine.token})"
    engine.info["problems"] = [{"code": "camera_credentials", "camera": "yard", "detail": detail}]
    engine.cameras["yard"] |= {"source": ADDRESS, "location": {"latitude": 52.123456, "longitude": 4.3}}
    return entry


@pytest.fixture
async def running(
    engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry, eventually: Eventually
) -> MockConfigEntry:
    await setup_entry(entry)
    await engine.wait_connected()
    seen = engine.incident(1, "yard", identities=["Secretface"], location={"latitude": 52.123456, "longitude": 4.3})
    await engine.push_incident(seen)
    await eventually(lambda: entry.runtime_data.event_for(INCIDENT) is not None)
    return entry


def given_away(text: str, engine: FakeEngine) -> Iterator[str]:
    secrets = [PASSWORD, HOST, "viewer:", "/private", "secretuser", "secret-host", "203.0.113.77", "52.123456"]
    secrets += ["Secretname", "secretname", "secretphone", "Secretface", engine.token, str(engine.port), "127.0.0.1"]
    yield from (secret for secret in secrets if secret in text)


async def test_an_entry_tells_no_secret(
    hass: HomeAssistant,
    engine: FakeEngine,
    running: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    snapshot: SnapshotAssertion,
) -> None:
    data = await get_diagnostics_for_config_entry(hass, hass_client, running)
    assert list(given_away(json.dumps(data), engine)) == []
    assert data == snapshot


async def test_a_camera_tells_no_secret(
    hass: HomeAssistant,
    engine: FakeEngine,
    running: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    snapshot: SnapshotAssertion,
) -> None:
    device = _device(hass, running, f"{engine.uuid}_yard")
    data = await get_diagnostics_for_device(hass, hass_client, running, device)
    assert list(given_away(json.dumps(data), engine)) == []
    assert data == snapshot


async def test_the_engine_as_a_device(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    data = await get_diagnostics_for_device(hass, hass_client, running, _device(hass, running, engine.uuid))
    assert list(given_away(json.dumps(data), engine)) == []
    assert data["connected"] is True
    assert data["engine"]["version"] == "0.2.0"


async def test_an_engine_that_is_away_has_diagnostics_too(
    hass: HomeAssistant,
    engine: FakeEngine,
    running: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    eventually: Eventually,
) -> None:
    engine.fail("/cameras", 500)
    data = await get_diagnostics_for_config_entry(hass, hass_client, running)
    assert data["camera_settings"] == {"error": "It was told to fail."}
    await engine.stop()
    await eventually(lambda: not running.runtime_data.connected)
    data = await get_diagnostics_for_config_entry(hass, hass_client, running)
    assert (data["connection"]["connected"], data["camera_settings"]) == (False, {})


async def test_over_a_broker(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    data = await get_diagnostics_for_config_entry(hass, hass_client, running)
    assert data["camera_settings"] == {}


def _device(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> Any:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next(device for device in devices if (DOMAIN, identifier) in device.identifiers)
