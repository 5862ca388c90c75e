"""Tests how an engine becomes an entry, from each beginning to the end, with what goes wrong on the way."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest
from homeassistant.config_entries import (
    SOURCE_HASSIO,
    SOURCE_IGNORE,
    SOURCE_MQTT,
    SOURCE_USER,
    SOURCE_ZEROCONF,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_mqtt_message
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.crime_detect import probe
from custom_components.crime_detect.const import CONF_FEED, CONF_TOPIC, DOMAIN, FEED_MQTT, FEED_WEBSOCKET
from tests.integration.fake_engine import FakeEngine, golden
from tests.integration.flow_texts import flow_texts  # noqa: F401 checks every result
from tests.rig.certificates import Authority

TOPIC = "crime_detect/home"
OTHER_UUID = "0c4f1f9e-6f3e-4b6e-9a5e-00000000beef"
DEAD_URL = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
async def set_ups(hass: HomeAssistant) -> AsyncIterator[AsyncMock]:
    """Entries are made, not brought to life."""
    ours = "custom_components.crime_detect"
    with (
        patch(f"{ours}.async_setup_entry", AsyncMock(return_value=True)) as set_up,
        patch(f"{ours}.async_unload_entry", AsyncMock(return_value=True)),
    ):
        yield set_up
        for entry in hass.config_entries.async_loaded_entries(DOMAIN):
            await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "RETAINED_WAIT_S", 0.2)
    monkeypatch.setattr(probe, "LOOK_AROUND_S", 0.01)


@pytest.fixture
def expected_lingering_timers() -> bool:
    """The client of the broker leaves some."""
    return True


def mqtt_info(**changes: Any) -> str:
    info = golden("info") | {"version": "0.2.0"} | changes
    return json.dumps(info)


def typed(engine: FakeEngine, **changes: Any) -> dict[str, Any]:
    return {CONF_URL: engine.url, CONF_TOKEN: engine.token, CONF_VERIFY_SSL: True} | changes


def websocket_data(engine: FakeEngine) -> dict[str, Any]:
    return typed(engine) | {CONF_FEED: FEED_WEBSOCKET}


async def begin(hass: HomeAssistant, source: str = SOURCE_USER, data: Any = None) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": source}, data=data)


async def go_on(hass: HomeAssistant, result: ConfigFlowResult, data: dict[str, Any] | None = None) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(result["flow_id"], {} if data is None else data)
    await hass.async_block_till_done()
    return result


async def choose(hass: HomeAssistant, result: ConfigFlowResult, option: str) -> ConfigFlowResult:
    assert option in result["menu_options"]
    return await go_on(hass, result, {"next_step_id": option})


def mqtt_entry(hass: HomeAssistant, engine: FakeEngine, **more: Any) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN, unique_id=engine.uuid, data={CONF_FEED: FEED_MQTT, CONF_TOPIC: TOPIC}, **more
    )
    entry.add_to_hass(hass)
    return entry


# --- by hand ----------------------------------------------------------------------------------------------------------


async def test_an_address_and_a_token_make_an_entry(
    hass: HomeAssistant, engine: FakeEngine, set_ups: AsyncMock
) -> None:
    result = await begin(hass)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "address")

    result = await go_on(hass, result, typed(engine, url=f" 127.0.0.1:{engine.port}/ ", token=f" {engine.token}\n"))

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Crime Detect home"
    assert result["data"] == websocket_data(engine)
    assert result["result"].unique_id == engine.uuid
    assert len(set_ups.mock_calls) == 1


@pytest.mark.parametrize(
    ("path", "fault", "error"),
    [
        ("/info", {"status": 401}, "invalid_auth"),
        ("/retention", {"status": 403, "code": "forbidden"}, "insufficient_role"),
        ("/info", {"status": 429}, "too_many_attempts"),
        ("/info", {"status": 500}, "engine_failed"),
        ("/info", {"status": 404}, "not_an_engine"),
        ("/info", {"status": 302, "body": b""}, "not_an_engine"),
        ("/info", {"status": 200, "body": b"<html>a router</html>"}, "not_an_engine"),
        ("/info", {"status": 200, "body": b"{}"}, "not_an_engine"),
    ],
)
async def test_a_refusal_is_explained_and_mended(
    hass: HomeAssistant, engine: FakeEngine, path: str, fault: dict[str, Any], error: str
) -> None:
    engine.fail(path, **fault, times=1)
    result = await go_on(hass, await begin(hass), typed(engine))
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {"base": error})
    assert engine.token not in str(result)

    result = await go_on(hass, result, typed(engine))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"version": "0.1.9"}, "engine_too_old"),
        ({"version": "not a version"}, "not_an_engine"),
        ({"schema_version": 2, "version": "9.0.0"}, "engine_too_new"),
    ],
)
async def test_an_engine_of_another_time_is_refused_until_it_is_updated(
    hass: HomeAssistant, engine: FakeEngine, changes: dict[str, Any], error: str
) -> None:
    before = {key: engine.info[key] for key in changes}
    engine.info.update(changes)
    result = await go_on(hass, await begin(hass), typed(engine))
    assert result["errors"] == {"base": error}

    engine.info.update(before)
    assert (await go_on(hass, result, typed(engine)))["type"] is FlowResultType.CREATE_ENTRY


async def test_nobody_there(hass: HomeAssistant, engine: FakeEngine) -> None:
    result = await go_on(hass, await begin(hass), typed(engine, url=DEAD_URL))
    assert result["errors"] == {"base": "cannot_connect"}
    # What was typed is there again, but for the token.
    shown = {str(key): (key.description or {}).get("suggested_value") for key in result["data_schema"].schema}
    assert shown == {CONF_URL: DEAD_URL, CONF_TOKEN: None, CONF_VERIFY_SSL: True}

    assert (await go_on(hass, result, typed(engine)))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_bug_is_not_taken_for_an_engine_that_is_away(hass: HomeAssistant, engine: FakeEngine) -> None:
    result = await begin(hass)
    with patch.object(probe.EngineClient, "info", side_effect=ZeroDivisionError), pytest.raises(ZeroDivisionError):
        await go_on(hass, result, typed(engine))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("192.168.1.5", "http://192.168.1.5:8099"),
        ("nas.local:9000", "http://nas.local:9000"),
        ("http://nas/", "http://nas:8099"),
        ("http://nas:80", "http://nas:80"),
        ("https://cameras.example.org", "https://cameras.example.org"),
        ("https://example.org:8443/engine/", "https://example.org:8443/engine"),
        ("http://nas:8099/api/v1/", "http://nas:8099"),
        ("fd00::5", "http://[fd00::5]:8099"),
        ("[fd00::5]:9000", "http://[fd00::5]:9000"),
    ],
)
def test_an_address_may_be_typed_as_people_do(text: str, url: str) -> None:
    assert probe.normalise_url(text) == url


@pytest.mark.parametrize(
    "text", ["", "rtsp://nas", "http://", "nas:port", "http://anna:secret@nas", "two words", "http://nas:99999"]
)
async def test_what_is_no_address_is_said_at_its_field(hass: HomeAssistant, engine: FakeEngine, text: str) -> None:
    result = await go_on(hass, await begin(hass), typed(engine, url=text))
    assert result["errors"] == {CONF_URL: "invalid_url"}
    assert not engine.requests
    assert (await go_on(hass, result, typed(engine)))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_certificate_that_is_not_trusted_is_said(hass: HomeAssistant, engine: FakeEngine) -> None:
    refusal = probe.CannotConnectError("its certificate is not trusted", "certificate")
    with patch.object(probe.EngineClient, "info", side_effect=refusal):
        result = await go_on(hass, await begin(hass), typed(engine, url="https://nas"))
    assert result["errors"] == {"base": "certificate"}
    assert (await go_on(hass, result, typed(engine)))["type"] is FlowResultType.CREATE_ENTRY


async def test_an_engine_is_set_up_once(hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry) -> None:
    result = await go_on(hass, await begin(hass), typed(engine))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_the_broker_offers_its_engines(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, engine: FakeEngine
) -> None:
    result = await begin(hass)
    assert result["type"] is FlowResultType.MENU

    with retained(hass, f"{TOPIC}/info", mqtt_info()), retained(hass, "crime_detect/else/info", "{"):
        result = await choose(hass, result, "broker")
        [(_, selector)] = result["data_schema"].schema.items()
        assert selector.config["options"] == [TOPIC]
        result = await go_on(hass, result, {CONF_TOPIC: f"/{TOPIC}/info"})

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {CONF_FEED: FEED_MQTT, CONF_TOPIC: TOPIC}
    assert result["result"].unique_id == engine.uuid


@pytest.mark.parametrize(
    ("topic", "payload", "error"),
    [
        ("crime_detect/attic", None, "no_engine_there"),
        ("crime_detect/#", None, "invalid_topic"),
        ("home", None, "invalid_topic"),
        (TOPIC, "not json", "not_an_engine"),
        (TOPIC, "{}", "not_an_engine"),
        (TOPIC, mqtt_info(instance="![](http://evil)"), "not_an_engine"),
        (TOPIC, mqtt_info(version="0.1.0"), "engine_too_old"),
    ],
)
async def test_what_the_broker_has_there_is_no_engine_of_ours(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, topic: str, payload: str | None, error: str
) -> None:
    result = await choose(hass, await begin(hass), "broker")
    with retained(hass, f"{TOPIC}/info", payload):
        result = await go_on(hass, result, {CONF_TOPIC: topic})
    assert result["errors"] == {"base": error}

    with retained(hass, f"{TOPIC}/info", mqtt_info()):
        assert (await go_on(hass, result, {CONF_TOPIC: TOPIC}))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_broker_that_is_away_is_said(hass: HomeAssistant, engine: FakeEngine) -> None:
    with patch.object(probe.mqtt, "mqtt_config_entry_enabled", return_value=True):
        result = await choose(hass, await begin(hass), "broker")
    result = await go_on(hass, result, {CONF_TOPIC: TOPIC})
    assert result["errors"] == {"base": "broker_unavailable"}


# --- the Supervisor ---------------------------------------------------------------------------------------------------


def hassio(engine: FakeEngine, **changes: Any) -> HassioServiceInfo:
    config = {"host": "127.0.0.1", "port": engine.port, "token": engine.token, "uuid": engine.uuid} | changes
    return HassioServiceInfo(config=config, name="Crime Detect", slug="local_crime_detect", uuid="1234")


async def test_the_app_needs_one_click(hass: HomeAssistant, engine: FakeEngine) -> None:
    result = await begin(hass, SOURCE_HASSIO, hassio(engine))
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "hassio_confirm")

    engine.fail("/info", 503, times=1)
    result = await go_on(hass, result)
    assert result["errors"] == {"base": "engine_failed"}

    result = await go_on(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == websocket_data(engine)


@pytest.mark.parametrize("state", [ConfigEntryState.LOADED, ConfigEntryState.SETUP_ERROR])
async def test_the_app_was_restored_with_another_token(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, set_ups: AsyncMock, state: ConfigEntryState
) -> None:
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_URL: DEAD_URL, CONF_TOKEN: "old"})
    entry.mock_state(hass, state)
    with patch.object(hass.config_entries, "async_schedule_reload") as reload:
        result = await begin(hass, SOURCE_HASSIO, hassio(engine))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.data == websocket_data(engine)
    reload.assert_called_once_with(entry.entry_id)


async def test_the_app_says_nothing_new(hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry) -> None:
    entry.mock_state(hass, ConfigEntryState.LOADED)
    with patch.object(hass.config_entries, "async_schedule_reload") as reload:
        await begin(hass, SOURCE_HASSIO, hassio(engine))
        reload.assert_not_called()
        entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
        await begin(hass, SOURCE_HASSIO, hassio(engine))
        reload.assert_called_once_with(entry.entry_id)


async def test_the_app_leaves_an_entry_that_chose_the_broker(hass: HomeAssistant, engine: FakeEngine) -> None:
    entry = mqtt_entry(hass, engine)
    result = await begin(hass, SOURCE_HASSIO, hassio(engine))
    assert result["reason"] == "already_configured"
    assert entry.data == {CONF_FEED: FEED_MQTT, CONF_TOPIC: TOPIC}


@pytest.mark.parametrize(
    "changes", [{"uuid": None}, {"uuid": "x"}, {"host": 5}, {"token": None}, {"port": "door"}, {"port": [1]}]
)
async def test_the_app_says_nonsense(hass: HomeAssistant, engine: FakeEngine, changes: dict[str, Any]) -> None:
    result = await begin(hass, SOURCE_HASSIO, hassio(engine, **changes))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "invalid_discovery_info")


async def test_the_app_takes_over_from_whoever_found_it_without_a_token(
    hass: HomeAssistant, engine: FakeEngine
) -> None:
    first = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine))
    assert first["step_id"] == "zeroconf_confirm"
    result = await begin(hass, SOURCE_HASSIO, hassio(engine))
    assert [flow["flow_id"] for flow in hass.config_entries.flow.async_progress()] == [result["flow_id"]]


# --- zeroconf ---------------------------------------------------------------------------------------------------------


def zeroconf(engine: FakeEngine, **properties: Any) -> ZeroconfServiceInfo:
    said = {"uuid": engine.uuid, "instance": "home", "version": "0.2.0", "path": "/api/v1"} | properties
    return ZeroconfServiceInfo(
        ip_address=ip_address("127.0.0.1"),
        ip_addresses=[ip_address("127.0.0.1")],
        port=engine.port,
        hostname="nas.local.",
        type="_crime-detect._tcp.local.",
        name="home._crime-detect._tcp.local.",
        properties=said,
    )


async def test_an_engine_in_the_network_asks_for_a_token(hass: HomeAssistant, engine: FakeEngine) -> None:
    result = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine))
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "zeroconf_confirm")
    assert not engine.requests  # anybody may announce: nothing is sent before somebody confirms

    result = await go_on(hass, result, {CONF_TOKEN: "wrong"})
    assert result["errors"] == {"base": "invalid_auth"}

    result = await go_on(hass, result, {CONF_TOKEN: engine.token})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == websocket_data(engine)


async def test_an_engine_with_tls_is_asked_for_by_name_and_never_trusted_unseen(
    hass: HomeAssistant, engine: FakeEngine, tmp_path: Path
) -> None:
    certificate, key = Authority(tmp_path).sign("server")
    await engine.stop()
    engine.tls = SSLContext(PROTOCOL_TLS_SERVER)
    engine.tls.load_cert_chain(certificate, key)
    await engine.start()

    result = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine, tls="1"))
    assert result["step_id"] == "address"
    (shown,) = (key.description for key in result["data_schema"].schema if key == CONF_URL)
    assert shown == {"suggested_value": engine.url}
    assert not engine.requests

    hass.loop.set_exception_handler(lambda _loop, _context: None)  # the engine's side of the refused handshake
    result = await go_on(hass, result, typed(engine))
    assert result["errors"] == {"base": "certificate"}
    assert not engine.requests, "the token is for nobody whom the certificate does not name"

    result = await go_on(hass, result, typed(engine, verify_ssl=False))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == websocket_data(engine) | {CONF_VERIFY_SSL: False}


async def test_an_engine_that_is_another_than_it_said(hass: HomeAssistant, engine: FakeEngine) -> None:
    result = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine, uuid=OTHER_UUID))
    result = await go_on(hass, result, {CONF_TOKEN: engine.token})
    assert result["errors"] == {"base": "wrong_engine"}


@pytest.mark.parametrize("properties", [{"uuid": None}, {"uuid": "<b>"}, {"instance": "![](http://evil)"}])
async def test_an_announcement_that_is_not_ours(
    hass: HomeAssistant, engine: FakeEngine, properties: dict[str, Any]
) -> None:
    result = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine, **properties))
    assert result["reason"] == "invalid_discovery_info"


async def test_an_entry_stays_where_it_answers(hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry) -> None:
    """Somebody announces our engine's uuid from elsewhere; ours still answers, if only that the token is wrong."""
    elsewhere = zeroconf(engine)
    elsewhere.port = 9
    for status in (None, 401):
        if status:
            engine.fail("/info", status)
        result = await begin(hass, SOURCE_ZEROCONF, elsewhere)
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")
    assert entry.data == websocket_data(engine)


async def test_an_entry_moves_only_when_a_person_says_so(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_URL: DEAD_URL})
    result = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine))
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "zeroconf_moved")
    assert not engine.requests
    assert entry.data[CONF_URL] == DEAD_URL

    engine.uuid, ours = OTHER_UUID, engine.uuid
    result = await go_on(hass, result)
    assert result["errors"] == {"base": "wrong_engine"}
    assert entry.data[CONF_URL] == DEAD_URL

    engine.uuid = ours
    result = await go_on(hass, result)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "address_updated")
    assert entry.data == websocket_data(engine)


async def test_an_entry_is_removed_while_it_is_asked_whether_it_moved(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_URL: DEAD_URL})
    result = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine))
    flow = hass.config_entries.flow._progress[result["flow_id"]]
    with patch.object(hass.config_entries, "async_entry_for_domain_unique_id", return_value=None):
        result = await flow.async_step_zeroconf_moved({})
    assert result["reason"] == "entry_gone"


@pytest.mark.parametrize("source", [SOURCE_USER, SOURCE_IGNORE])
async def test_announcements_leave_a_broker_entry_and_an_ignored_engine_alone(
    hass: HomeAssistant, engine: FakeEngine, source: str
) -> None:
    mqtt_entry(hass, engine, source=source)
    result = await begin(hass, SOURCE_ZEROCONF, zeroconf(engine))
    assert result["reason"] == "already_configured"


# --- MQTT discovery ---------------------------------------------------------------------------------------------------


def mqtt_found(payload: str | bytes) -> MqttServiceInfo:
    return MqttServiceInfo(
        topic=f"{TOPIC}/info", payload=payload, qos=1, retain=True, subscribed_topic="crime_detect/+/info", timestamp=0
    )


async def test_an_engine_behind_the_broker_needs_one_click(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, engine: FakeEngine
) -> None:
    result = await begin(hass, SOURCE_MQTT, mqtt_found(mqtt_info(api_url=None)))
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "mqtt_confirm")

    result = await go_on(hass, result)
    assert result["errors"] == {"base": "no_engine_there"}

    with retained(hass, f"{TOPIC}/info", mqtt_info()):
        result = await go_on(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {CONF_FEED: FEED_MQTT, CONF_TOPIC: TOPIC}


async def test_an_engine_of_the_broker_may_be_reached_by_its_address(hass: HomeAssistant, engine: FakeEngine) -> None:
    result = await begin(hass, SOURCE_MQTT, mqtt_found(mqtt_info(api_url=engine.url).encode()))
    assert result["type"] is FlowResultType.MENU
    result = await choose(hass, result, "address")
    [url] = [key for key in result["data_schema"].schema if key == CONF_URL]
    assert url.description == {"suggested_value": engine.url}

    result = await go_on(hass, result, typed(engine))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == websocket_data(engine)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "invalid_discovery_info"),
        ("[]", "invalid_discovery_info"),
        (b"\xff", "invalid_discovery_info"),
        ('{"uuid": 5}', "invalid_discovery_info"),
        (mqtt_info(schema_version=7), "engine_too_new"),
    ],
)
async def test_what_the_broker_announces_is_no_engine_of_ours(
    hass: HomeAssistant, payload: str | bytes, reason: str
) -> None:
    result = await begin(hass, SOURCE_MQTT, mqtt_found(payload))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, reason)


async def test_the_broker_announces_what_is_set_up(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    result = await begin(hass, SOURCE_MQTT, mqtt_found(mqtt_info()))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


# --- repairs ----------------------------------------------------------------------------------------------------------


async def test_a_new_token(hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry) -> None:
    engine.token = "another"
    result = await entry.start_reauth_flow(hass)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "reauth_confirm")

    result = await go_on(hass, result, {CONF_TOKEN: "wrong"})
    assert result["errors"] == {"base": "invalid_auth"}

    engine.uuid, ours = OTHER_UUID, engine.uuid
    result = await go_on(hass, result, {CONF_TOKEN: "another"})
    assert result["errors"] == {"base": "wrong_engine"}

    engine.uuid = ours
    result = await go_on(hass, result, {CONF_TOKEN: " another "})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.data == websocket_data(engine)


async def test_another_address_with_the_token_as_it_is(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_URL: DEAD_URL})
    result = await entry.start_reconfigure_flow(hass)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "reconfigure_address")

    result = await go_on(hass, result, {CONF_URL: DEAD_URL, CONF_VERIFY_SSL: True})
    assert result["errors"] == {"base": "cannot_connect"}

    engine.uuid, ours = OTHER_UUID, engine.uuid
    result = await go_on(hass, result, {CONF_URL: engine.url, CONF_VERIFY_SSL: True})
    assert result["errors"] == {"base": "wrong_engine"}

    engine.uuid = ours
    result = await go_on(hass, result, {CONF_URL: engine.url, CONF_VERIFY_SSL: True})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert entry.data == websocket_data(engine)


async def test_from_the_address_to_the_broker(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    result = await choose(hass, await entry.start_reconfigure_flow(hass), "reconfigure_broker")
    with retained(hass, f"{TOPIC}/info", mqtt_info(uuid=OTHER_UUID)):
        result = await go_on(hass, result, {CONF_TOPIC: TOPIC})
    assert result["errors"] == {"base": "wrong_engine"}

    with retained(hass, f"{TOPIC}/info", mqtt_info()):
        result = await go_on(hass, result, {CONF_TOPIC: TOPIC})
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == {CONF_FEED: FEED_MQTT, CONF_TOPIC: TOPIC}


async def test_from_the_broker_to_the_address(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, engine: FakeEngine
) -> None:
    entry = mqtt_entry(hass, engine)
    result = await choose(hass, await entry.start_reconfigure_flow(hass), "reconfigure_address")
    result = await go_on(hass, result, typed(engine))
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == websocket_data(engine)


class retained:
    """The broker keeps a payload: whoever subscribes gets it. None keeps nothing."""

    def __init__(self, hass: HomeAssistant, topic: str, payload: str | None) -> None:
        self._hass, self._topic, self._payload = hass, topic, payload

    def __enter__(self) -> None:
        subscribe = probe.mqtt.async_subscribe

        async def subscribed(*args: Any, **more: Any) -> Any:
            unsubscribe = await subscribe(*args, **more)
            if self._payload is not None:
                async_fire_mqtt_message(self._hass, self._topic, self._payload, retain=True)
            return unsubscribe

        self._patch = patch.object(probe.mqtt, "async_subscribe", subscribed)
        self._patch.start()

    def __exit__(self, *_: object) -> None:
        self._patch.stop()
