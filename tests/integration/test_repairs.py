"""What a person goes through when Home Assistant repairs something, and what the engine is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.crime_detect import repairs
from custom_components.crime_detect.const import DOMAIN
from tests.integration.broker_only import BrokerOnlyLink
from tests.integration.conftest import SetupEntry
from tests.integration.fake_engine import FakeEngine

PASSWORD = "hunter2-of-the-yard"


class Repairing:
    """The requests of Home Assistant's page."""

    def __init__(self, hass_client: ClientSessionGenerator) -> None:
        self._hass_client = hass_client
        self._client: Any = None
        self._flow = ""

    async def start(self, issue_id: str) -> dict[str, Any]:
        # Not sooner: once the server runs, no integration can add its views.
        self._client = self._client or await self._hass_client()
        answer = await self._client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id})
        assert answer.status == 200, await answer.text()
        step: dict[str, Any] = await answer.json()
        self._flow = step["flow_id"]
        return step

    async def submit(self, **data: Any) -> dict[str, Any]:
        answer = await self._client.post(f"/api/repairs/issues/fix/{self._flow}", json=data)
        assert answer.status == 200, await answer.text()
        step: dict[str, Any] = await answer.json()
        return step


@pytest.fixture
async def repairing(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Repairing:
    assert await async_setup_component(hass, REPAIRS, {})
    return Repairing(hass_client)


def there(hass: HomeAssistant, issue_id: str) -> bool:
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is not None


async def test_mqtt_discovery_is_switched_off_and_duplicates_go(
    hass: HomeAssistant,
    engine: FakeEngine,
    setup_entry: SetupEntry,
    entry: MockConfigEntry,
    repairing: Repairing,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repairs, "LINGER_S", 0)
    mqtt = MockConfigEntry(domain="mqtt")
    mqtt.add_to_hass(hass)
    registry = dr.async_get(hass)
    for identifier in (f"crime_detect_{engine.uuid}_yard", "crime_detect_other_yard", "zigbee"):
        registry.async_get_or_create(config_entry_id=mqtt.entry_id, identifiers={("mqtt", identifier)})
    engine.info["mqtt_discovery"] = True
    await setup_entry()
    ours = len(dr.async_entries_for_config_entry(registry, entry.entry_id))
    issue_id = f"mqtt_discovery_duplicate/{entry.entry_id}"
    step = await repairing.start(issue_id)
    assert (step["step_id"], step["description_placeholders"]) == ("confirm", {"name": "Home"})
    assert (await repairing.submit())["type"] == "create_entry"
    assert engine.info["mqtt_discovery"] is False
    left = {
        identifier
        for device in dr.async_entries_for_config_entry(registry, mqtt.entry_id)
        for _, identifier in device.identifiers
    }
    assert left == {"crime_detect_other_yard", "zigbee"}
    assert len(dr.async_entries_for_config_entry(registry, entry.entry_id)) == ours
    assert not there(hass, issue_id)


async def test_mqtt_discovery_that_stays_on_leaves_the_issue(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry, repairing: Repairing
) -> None:
    engine.info["mqtt_discovery"] = True
    engine.fail("/mqtt/discovery", 500)
    await setup_entry()
    issue_id = f"mqtt_discovery_duplicate/{entry.entry_id}"
    await repairing.start(issue_id)
    step = await repairing.submit()
    assert (step["type"], step["reason"]) == ("abort", "engine_error")
    assert there(hass, issue_id)


async def test_a_camera_gets_a_new_password(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry, repairing: Repairing,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    engine.info["problems"] = [{"code": "camera_credentials", "camera": "yard", "detail": "401 Unauthorized"}]
    await setup_entry()
    issue_id = f"camera_credentials/{entry.entry_id}/yard"
    step = await repairing.start(issue_id)
    assert step["step_id"] == "login"
    assert step["description_placeholders"]["camera"] == "Yard"
    (address, *_) = step["data_schema"]
    assert address["description"] == {"suggested_value": "rtsp://10.0.0.5/yard"}
    typed = {"source": "rtsp://10.0.0.5/yard", "username": "viewer", "password": PASSWORD}
    source = f"rtsp://viewer:{PASSWORD}@10.0.0.5/yard"

    step = await repairing.submit(**typed | {"source": "the yard"})
    assert step["errors"] == {"source": "invalid_source"}
    told = json.dumps({"error": {"code": "source_unreadable", "message": f"{source} refused", "details": {}}}).encode()
    refused = engine.fail("/sources/test", 422, body=told)
    step = await repairing.submit(**typed)
    assert step["errors"] == {"base": "source_unreadable"}
    assert "refused" in step["description_placeholders"]["error"]
    assert PASSWORD not in json.dumps(step)
    assert engine.sent("PATCH", "/cameras/yard") == []
    engine.faults.remove(refused)

    step = await repairing.submit(**typed)
    assert step["type"] == "create_entry"
    assert engine.sent("POST", "/sources/test")[-1] == {"source": source}
    assert engine.sent("PATCH", "/cameras/yard") == [{"source": source}]
    assert not there(hass, issue_id)
    assert PASSWORD not in caplog.text


async def test_an_engine_that_left_meanwhile(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry, repairing: Repairing
) -> None:
    engine.info["problems"] = [{"code": "camera_credentials", "camera": "yard", "detail": "401"}]
    await setup_entry()
    engine.fail("/cameras", 500)
    step = await repairing.start(f"camera_credentials/{entry.entry_id}/yard")
    assert step["data_schema"][0]["description"] == {"suggested_value": ""}
    await engine.stop()
    step = await repairing.submit(source="rtsp://10.0.0.7/sub", username="viewer", password=PASSWORD)
    assert step["errors"] == {"base": "cannot_connect"}


async def test_what_a_broker_cannot_do(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, entry: MockConfigEntry, repairing: Repairing
) -> None:
    engine.info |= {
        "mqtt_discovery": True,
        "problems": [{"code": "camera_credentials", "camera": "yard", "detail": "401"}],
    }
    await setup_entry()
    entry.runtime_data.link = BrokerOnlyLink(entry.runtime_data.link, refuses="switch_off_mqtt_discovery")
    step = await repairing.start(f"camera_credentials/{entry.entry_id}/yard")
    assert step["reason"] == "not_over_mqtt"
    await repairing.start(f"mqtt_discovery_duplicate/{entry.entry_id}")
    assert (await repairing.submit())["reason"] == "not_over_mqtt"


@pytest.mark.parametrize("data", [None, {"entry_id": "gone"}, {"entry_id": "01JTESTENTRY00000000000000"}])
async def test_other_issues_are_only_confirmed(
    hass: HomeAssistant, setup_entry: SetupEntry, data: dict[str, str | int | float | None] | None
) -> None:
    await setup_entry()
    flow = await repairs.async_create_fix_flow(hass, "storage_low/x", data)
    assert type(flow).__name__ == "ConfirmRepairFlow"
