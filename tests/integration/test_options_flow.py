"""Tests what can be set: Home Assistant keeps its part, the engine gets its own, and no password is told again."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.crime_detect.const import CONF_FEED, CONF_TOPIC, DOMAIN, FEED_MQTT
from custom_components.crime_detect.engine_settings import (
    days_of_duration,
    duration_of_days,
    gigabytes_of_size,
    schedule_of,
    shown_schedule,
    size_of_gigabytes,
)
from tests.integration.conftest import SetupEntry
from tests.integration.fake_engine import JPEG, FakeEngine
from tests.integration.flow_texts import flow_texts  # noqa: F401 checks every result

PASSWORD = "p@ss w0rd"
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


async def begin(hass: HomeAssistant, entry: MockConfigEntry, option: str | None = None) -> ConfigFlowResult:
    result = await hass.config_entries.options.async_init(entry.entry_id)
    return result if option is None else await go_on(hass, result, {"next_step_id": option})


async def go_on(hass: HomeAssistant, result: ConfigFlowResult, data: dict[str, Any] | None = None) -> ConfigFlowResult:
    result = await hass.config_entries.options.async_configure(result["flow_id"], {} if data is None else data)
    await hass.async_block_till_done()
    return result


def shown(schema: Any) -> dict[str, Any]:
    """What a form shows, by section."""
    values: dict[str, Any] = {}
    for key, value in schema.schema.items():
        if isinstance(value, section):
            values[str(key)] = shown(value.schema)
        elif key.description and "suggested_value" in key.description:
            values[str(key)] = key.description["suggested_value"]
    return values


# --- Home Assistant's own ---------------------------------------------------------------------------------------------


async def test_notifications_are_kept_here(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    result = await begin(hass, entry, "notifications")
    before = {"notifications": {"cooldown_s": 60, "renotify": True}, "pictures": {"keep_days": 30}}
    assert shown(result["data_schema"]) == before

    wanted = {"notifications": {"cooldown_s": 120.0, "renotify": False}, "pictures": {"keep_days": 7}}
    result = await go_on(hass, result, wanted)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == wanted
    assert entry.state is ConfigEntryState.LOADED  # again: the options are in force

    assert shown((await begin(hass, entry, "notifications"))["data_schema"]) == wanted


async def test_an_engine_behind_a_broker_has_only_these(hass: HomeAssistant) -> None:
    entry = MockConfigEntry(domain=DOMAIN, data={CONF_FEED: FEED_MQTT, CONF_TOPIC: "crime_detect/home"})
    entry.add_to_hass(hass)
    result = await begin(hass, entry)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "notifications")


# --- the engine's -----------------------------------------------------------------------------------------------------


async def test_the_rules_of_a_camera_go_to_the_engine(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    engine.cameras["yard"]["settings"] = {
        "threshold": 0.8,
        "per_class": {"fighting": 0.7},
        "schedule": [{"days": "fri-sun", "from": "22:00", "to": "06:00"}],
    }
    result = await begin(hass, entry, "detection")
    assert result["step_id"] == "detection"
    result = await go_on(hass, result, {"camera": "yard"})
    before = {
        "threshold": 80,
        "per_class": {"fighting": 70},
        "schedule": {"windows": [{"days": ["fri", "sat", "sun"], "from": "22:00:00", "to": "06:00:00"}]},
    }
    assert shown(result["data_schema"]) == before
    assert result["description_placeholders"] == {"camera": "Yard", "url": engine.url}

    result = await go_on(
        hass,
        result,
        {
            "threshold": 65,
            "per_class": {},
            "schedule": {"windows": [{"days": ["sun", "sat"], "from": "00:00:00", "to": "00:00:00"}]},
        },
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert engine.sent("PATCH", "/cameras/yard") == [
        {"threshold": 0.65, "per_class": {}, "schedule": [{"days": "sat,sun", "from": "00:00", "to": "24:00"}]}
    ]
    assert entry.options == {}


async def test_only_what_was_changed_is_written(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    del engine.cameras["front_door"]  # one camera is no choice
    engine.cameras["yard"]["settings"] = {}  # an engine that does not tell: the state's threshold counts
    result = await begin(hass, entry, "detection")
    assert result["step_id"] == "detection_rules"
    same = {"threshold": 80, "per_class": {}, "schedule": {}}
    assert (await go_on(hass, result, same))["type"] is FlowResultType.CREATE_ENTRY
    assert engine.sent("PATCH", "/cameras/yard") == []

    result = await begin(hass, entry, "detection")
    await go_on(hass, result, same | {"per_class": {"fighting": 55}})
    assert engine.sent("PATCH", "/cameras/yard") == [{"per_class": {"fighting": 0.55}}]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 400, "code": "invalid_input"}, "engine_failed"),
        ({"status": 403}, "insufficient_role"),
        ({"status": 404}, "camera_gone"),
        ({"status": 504}, "cannot_connect"),
    ],
)
async def test_the_engine_refuses_rules_and_takes_others(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, fault: dict[str, Any], error: str
) -> None:
    result = await go_on(hass, await begin(hass, entry, "detection"), {"camera": "yard"})
    engine.fail("/cameras/yard", **fault, times=1)
    wanted = {"threshold": 65, "per_class": {"fighting": 50}, "schedule": {}}
    result = await go_on(hass, result, wanted)
    assert result["errors"] == {"base": error}
    assert shown(result["data_schema"]) == wanted

    assert (await go_on(hass, result, wanted))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_time_without_days_is_said(hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry) -> None:
    result = await go_on(hass, await begin(hass, entry, "detection"), {"camera": "yard"})
    window = {"days": [], "from": "22:00:00", "to": "06:00:00"}
    rules = {"threshold": 80, "per_class": {}, "schedule": {"windows": [window]}}
    result = await go_on(hass, result, rules)
    assert result["errors"] == {"base": "incomplete_window"}

    window["days"] = ["mon"]
    assert (await go_on(hass, result, rules))["type"] is FlowResultType.CREATE_ENTRY


async def test_retention_keeps_the_engines_own_words_where_nothing_changed(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    engine.info["labels"] = ["normal", "fighting", "robbery"]
    engine.retention["per_class"] = {"fighting": "12w"}
    result = await begin(hass, entry, "retention")
    before = {"incidents": 30, "below_threshold": 7, "media_quota": 20, "per_class": {"fighting": 84}}
    assert shown(result["data_schema"]) == before
    assert (await go_on(hass, result, before))["type"] is FlowResultType.CREATE_ENTRY
    assert engine.sent("PUT", "/retention") == []

    result = await begin(hass, entry, "retention")
    wanted = {
        "incidents": 14,
        "below_threshold": 7,
        "media_quota": 0.5,
        "per_class": {"fighting": 84, "robbery": 2.5, "crowd": 5},
    }
    engine.fail("/retention", 400, code="invalid_input", times=1)
    result = await go_on(hass, result, wanted)
    assert result["errors"] == {"base": "engine_failed"}
    assert shown(result["data_schema"]) == wanted

    assert (await go_on(hass, result, wanted))["type"] is FlowResultType.CREATE_ENTRY
    assert engine.sent("PUT", "/retention")[-1] == {
        "incidents": "14d",
        "media_quota": "0.5GB",
        "per_class": {"fighting": "12w", "robbery": "2.5d", "crowd": "5d"},
    }


async def test_below_the_threshold_and_no_class(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    engine.retention["per_class"] = None
    result = await begin(hass, entry, "retention")
    await go_on(hass, result, {"incidents": 30, "below_threshold": 1, "media_quota": 20, "per_class": {}})
    assert engine.sent("PUT", "/retention") == [{"below_threshold": "1d"}]


@pytest.mark.parametrize("option", ["detection", "retention", "add_camera", "remove_camera"])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 401}, "invalid_auth"),
        ({"status": 403}, "insufficient_role"),
        ({"status": 429}, "too_many_attempts"),
        ({"status": 500}, "engine_failed"),
        ({"status": 502}, "cannot_connect"),
        ({"status": 200, "body": b"[]"}, "not_an_engine"),
    ],
)
async def test_an_engine_that_cannot_be_asked(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, option: str, fault: dict[str, Any], reason: str
) -> None:
    engine.fail("/cameras", **fault)
    result = await begin(hass, entry, option)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, reason)


@pytest.mark.parametrize("option", ["detection", "remove_camera"])
async def test_without_cameras(hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, option: str) -> None:
    engine.cameras.clear()
    result = await begin(hass, entry, option)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_cameras")


# --- cameras ----------------------------------------------------------------------------------------------------------


async def test_a_camera_is_seen_before_it_is_added(
    hass: HomeAssistant,
    engine: FakeEngine,
    entry: MockConfigEntry,
    setup_entry: SetupEntry,
    hass_client_no_auth: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    await setup_entry()
    result = await begin(hass, entry, "add_camera")
    assert result["step_id"] == "add_by_address"  # this engine knows no Frigate

    login = {"username": "anna", "password": PASSWORD}
    result = await go_on(hass, result, {"source": " rtsp://10.0.0.9:554/sub ", "login": login})
    assert result["step_id"] == "add_name"
    source = "rtsp://anna:p%40ss%20w0rd@10.0.0.9:554/sub"
    assert engine.sent("POST", "/sources/test") == [{"source": source}]
    picture = result["description_placeholders"]["picture"]
    client = await hass_client_no_auth()
    response = await client.get(picture)
    assert (response.status, await response.read()) == (HTTPStatus.OK, JPEG % b"of a source")

    result = await go_on(hass, result, {"name": "  "})
    assert result["errors"] == {"name": "name_needed"}
    engine.fail("/cameras", 409, code="configuration", times=1)
    result = await go_on(hass, result, {"name": "Back yard"})
    assert result["errors"] == {"base": "engine_failed"}
    assert shown(result["data_schema"]) == {"name": "Back yard"}

    result = await go_on(hass, result, {"name": "Back yard"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert engine.sent("POST", "/cameras")[-1] == {"source": source, "name": "Back yard"}
    assert entry.options == {}
    assert (await client.get(picture)).status == HTTPStatus.NOT_FOUND
    for secret in (PASSWORD, "p%40ss", "w0rd"):
        assert secret not in caplog.text
        assert secret not in str(result)


async def test_one_of_frigates_cameras(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    engine.frigate = [{"source": "frigate:drive", "name": "drive"}, {"source": "frigate:shed", "name": "shed"}]
    result = await begin(hass, entry, "add_camera")
    assert (result["type"], result["menu_options"]) == (FlowResultType.MENU, ["add_from_frigate", "add_by_address"])
    result = await go_on(hass, result, {"next_step_id": "add_from_frigate"})

    engine.fail("/sources/test", 422, code="source_unreadable", times=1)
    result = await go_on(hass, result, {"source": "frigate:shed"})
    assert result["errors"] == {"base": "source_unreadable"}

    result = await go_on(hass, result, {"source": "frigate:shed"})
    assert shown(result["data_schema"]) == {"name": "shed"}
    result = await go_on(hass, result, {"name": "Shed"})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert engine.sent("POST", "/cameras") == [{"source": "frigate:shed", "name": "Shed"}]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 422, "code": "source_unreadable"}, "source_unreadable"),
        ({"status": 400, "code": "invalid_input"}, "source_unreadable"),
        ({"status": 200, "body": b"GIF89a"}, "source_unreadable"),
        ({"status": 429}, "too_many_attempts"),
        ({"status": 504}, "cannot_connect"),
        ({"status": 500}, "engine_failed"),
    ],
)
async def test_no_picture_and_another_try(
    hass: HomeAssistant,
    engine: FakeEngine,
    entry: MockConfigEntry,
    setup_entry: SetupEntry,
    fault: dict[str, Any],
    error: str,
) -> None:
    await setup_entry()
    result = await begin(hass, entry, "add_camera")
    engine.fail("/sources/test", **fault, times=1)
    typed = {"source": f"rtsp://anna:{PASSWORD}@10.0.0.9/sub".replace(" ", "%20").replace("p@", "p%40"), "login": {}}
    result = await go_on(hass, result, typed)
    assert result["errors"] == {"base": error}
    # What was typed is there again, but for the password: it is to be typed again.
    assert shown(result["data_schema"]) == {"source": "rtsp://10.0.0.9/sub", "login": {"username": "anna"}}
    assert "w0rd" not in str(result["description_placeholders"])

    result = await go_on(hass, result, typed)
    assert result["step_id"] == "add_name"
    hass.config_entries.options.async_abort(result["flow_id"])  # its picture goes with it


async def test_an_engine_that_repeats_a_password_is_not_quoted(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    result = await begin(hass, entry, "add_camera")
    said = b'{"error": {"code": "source_unreadable", "message": "cannot open rtsp://anna:secret@10.0.0.9/sub"}}'
    engine.fail("/sources/test", 422, body=said)
    typed = {"source": "rtsp://10.0.0.9/sub", "login": {"username": "anna", "password": "secret"}}
    result = await go_on(hass, result, typed)
    assert result["description_placeholders"]["reason"] == "cannot open rtsp://***@10.0.0.9/sub"


@pytest.mark.parametrize("source", ["rtsp://", "rtsp://[bad", "rtsp://anna:secret@"])
async def test_what_is_no_address_is_said_at_its_field(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, source: str
) -> None:
    result = await begin(hass, entry, "add_camera")
    result = await go_on(hass, result, {"source": source, "login": {"username": "anna", "password": "secret"}})
    assert result["errors"] == {"source": "invalid_source"}
    assert "secret" not in str(shown(result["data_schema"]))
    assert engine.sent("POST", "/sources/test") == []


async def test_a_source_need_not_be_an_address(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    result = await begin(hass, entry, "add_camera")
    engine.fail("/sources/test", 422, code="source_unreadable", times=1)
    result = await go_on(hass, result, {"source": "webcam:0", "login": {}})
    assert result["errors"] == {"base": "source_unreadable"}
    result = await go_on(hass, result, {"source": "webcam:0", "login": {}})
    await go_on(hass, result, {"name": "Desk"})
    assert engine.sent("POST", "/cameras") == [{"source": "webcam:0", "name": "Desk"}]


async def test_a_camera_is_removed_after_a_question(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry
) -> None:
    result = await go_on(hass, await begin(hass, entry, "remove_camera"), {"camera": "yard"})
    assert result["step_id"] == "remove_camera_confirm"
    assert result["description_placeholders"]["camera"] == "Yard"
    assert "yard" in engine.cameras

    engine.fail("/cameras/yard", 409, code="configuration", times=1)
    result = await go_on(hass, result)
    assert result["errors"] == {"base": "engine_failed"}
    result = await go_on(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert list(engine.cameras) == ["front_door"]


# --- as people see it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "days"), [("30d", 30), ("36h", 1.5), ("2w", 14), (86400, 1), ("soon", None), (None, None), (True, None)]
)
def test_days(text: object, days: float | None) -> None:
    assert days_of_duration(text) == days


@pytest.mark.parametrize(
    ("text", "size"), [("20GB", 20), ("500MB", 0.5), ("1tb", 1000), (10**9, 1), ("much", None), (None, None)]
)
def test_gigabytes(text: object, size: float | None) -> None:
    assert gigabytes_of_size(text) == size


def test_what_is_written_is_plain() -> None:
    assert (duration_of_days(30.0), duration_of_days(1.5)) == ("30d", "1.5d")
    assert (size_of_gigabytes(20.0), size_of_gigabytes(0.25), size_of_gigabytes(2000000)) == (
        "20GB", "0.25GB", "2000000GB",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "shown_days"),
    [
        ("daily", EVERY_DAY),
        ("mon-wed", ["mon", "tue", "wed"]),
        ("sat-mon", ["mon", "sat", "sun"]),
        (["fri", "mon-tue"], ["mon", "tue", "fri"]),
        ("someday", []),
    ],
)
def test_days_of_the_week(days: object, shown_days: list[str]) -> None:
    assert shown_schedule([{"days": days, "from": "7:05", "to": "24:00"}]) == [
        {"days": shown_days, "from": "07:05:00", "to": "00:00:00"}
    ]


def test_whole_days() -> None:
    [window] = shown_schedule([{}])
    assert window == {"days": EVERY_DAY, "from": "00:00:00", "to": "00:00:00"}
    assert schedule_of([window]) == [{"days": "daily", "from": "00:00", "to": "24:00"}]
    assert schedule_of([]) is None


def test_a_time_to_itself_is_none() -> None:
    with pytest.raises(ValueError):
        schedule_of([{"days": ["mon"], "from": "08:00:00", "to": "08:00:00"}])
