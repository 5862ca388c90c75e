"""Tests that choosing a phone is enough, and that everything else is kept as it was chosen."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_USER, ConfigSubentry, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData, section
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.crime_detect.const import SUBENTRY_RECIPIENT
from custom_components.crime_detect.notifications.recipients import Critical, Recipient
from tests.integration.conftest import SetupEntry
from tests.integration.fake_engine import FakeEngine
from tests.integration.flow_texts import flow_texts  # noqa: F401 checks every result

PHONE = "mobile_app_annas_phone"
ALL = {
    "name": "Anna",
    "action": PHONE,
    "cameras": ["yard"],
    "classes": ["fighting"],
    "min_severity": "critical",
    "persons": ["person.anna", "person.ben"],
    "only_when_away": True,
    "at_night": True,
    "from": "23:00:00",
    "to": "05:30:00",
    "critical": "always",
    "cooldown_s": 300,
    "renotify": False,
    "repeat_minutes": 5,
    "buttons": ["snooze"],
    "snooze_minutes": 90,
}
FORM = {
    "action": PHONE,
    "name": " Anna ",
    "what": {"cameras": ["yard"], "classes": ["fighting"], "min_severity": "critical"},
    "when": {"persons": ["person.anna", "person.ben"], "at_night": True, "from": "23:00:00", "to": "05:30:00"},
    "how": {
        "critical": "always",
        "buttons": ["snooze"],
        "snooze_minutes": 90.0,
        "renotify": False,
        "repeat_minutes": 5.0,
        "cooldown_s": 300.0,
    },
}


@pytest.fixture
def phones(hass: HomeAssistant) -> None:
    for action in ("telegram", "send_message", "persistent_notification", "notify", PHONE, "mobile_app_tablet"):
        async_mock_service(hass, "notify", action)
    MockConfigEntry(domain="mobile_app", title="x", data={"device_name": "Anna’s phone"}).add_to_hass(hass)
    MockConfigEntry(domain="mobile_app", title="Ben", data={}).add_to_hass(hass)


async def begin(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_RECIPIENT), context={"source": SOURCE_USER}
    )


async def go_on(hass: HomeAssistant, result: SubentryFlowResult, data: dict[str, Any]) -> SubentryFlowResult:
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], data)
    await hass.async_block_till_done()
    return result


def shown(schema: Any) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in schema.schema.items():
        if isinstance(value, section):
            values[str(key)] = shown(value.schema)
        elif key.description and "suggested_value" in key.description:
            values[str(key)] = key.description["suggested_value"]
    return values


def choices(schema: Any, *path: str) -> list[Any]:
    for name in path:
        [schema] = [value for key, value in schema.schema.items() if key == name]
        schema = schema.schema if isinstance(schema, section) else schema
    options: list[Any] = schema.config["options"]
    return options


def add_recipient(hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any]) -> ConfigSubentry:
    subentry = ConfigSubentry(
        data=MappingProxyType(data), subentry_type=SUBENTRY_RECIPIENT, title=data["name"], unique_id=None
    )
    hass.config_entries.async_add_subentry(entry, subentry)
    return subentry


@pytest.mark.usefixtures("phones")
async def test_choosing_the_phone_is_enough(
    hass: HomeAssistant, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    result = await begin(hass, entry)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "user")
    assert choices(result["data_schema"], "action") == [
        {"value": PHONE, "label": "Anna’s phone"},
        {"value": "mobile_app_tablet", "label": "Tablet"},
        {"value": "telegram", "label": "Telegram"},
    ]

    result = await go_on(hass, result, shown(result["data_schema"]) | {"action": PHONE})
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, "Anna’s phone")
    assert result["data"] == {
        "name": "Anna’s phone",
        "action": PHONE,
        "cameras": [],
        "classes": [],
        "min_severity": "alert",
        "persons": [],
        "only_when_away": False,
        "at_night": False,
        "from": "22:00:00",
        "to": "06:00:00",
        "critical": "critical",
        "renotify": True,
        "repeat_minutes": 0,
        "buttons": ["confirm", "false_alarm", "snooze"],
        "snooze_minutes": 30,
    }
    # The notifier understands it, and what the options say for all recipients rules.
    recipient = Recipient.from_data("1", result["data"], {"cooldown_s": 240})
    assert (recipient.critical, recipient.cooldown_s) == (Critical.CRITICAL, 240)


@pytest.mark.usefixtures("phones")
async def test_everything_can_be_chosen_and_changed(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    result = await begin(hass, entry)
    assert choices(result["data_schema"], "what", "cameras") == [
        {"value": "front_door", "label": "Front door"},
        {"value": "yard", "label": "Yard"},
    ]
    assert choices(result["data_schema"], "what", "classes") == ["fighting", *engine.info["rules"]]
    result = await go_on(hass, result, FORM)
    assert (result["title"], result["data"]) == ("Anna", ALL)

    [subentry] = entry.subentries.values()
    result = await entry.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "reconfigure")
    assert shown(result["data_schema"]) == FORM | {"name": "Anna"}

    how = {key: value for key, value in FORM["how"].items() if key not in ("cooldown_s", "buttons")}
    changed = FORM | {"name": "Anna at work", "how": how, "when": FORM["when"] | {"persons": []}}
    result = await go_on(hass, result, changed)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    [subentry] = entry.subentries.values()
    assert subentry.title == "Anna at work"
    kept = {key: value for key, value in ALL.items() if key != "cooldown_s"}
    assert subentry.data == kept | {"name": "Anna at work", "persons": [], "only_when_away": False, "buttons": []}


@pytest.mark.usefixtures("phones")
async def test_new_recipients_start_as_the_options_say(
    hass: HomeAssistant, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    hass.config_entries.async_update_entry(entry, options={"notifications": {"renotify": False}})
    await setup_entry()
    assert shown((await begin(hass, entry))["data_schema"])["how"]["renotify"] is False


@pytest.mark.usefixtures("phones")
async def test_a_night_has_two_ends(hass: HomeAssistant, entry: MockConfigEntry, setup_entry: SetupEntry) -> None:
    await setup_entry()
    result = await begin(hass, entry)
    when = {"at_night": True, "from": "22:00:00", "to": "22:00:00"}
    result = await go_on(hass, result, FORM | {"when": when})
    assert result["errors"] == {"base": "no_night"}
    assert shown(result["data_schema"]) == FORM | {"when": when}

    result = await go_on(hass, result, FORM | {"when": when | {"at_night": False}})
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.usefixtures("phones")
async def test_a_phone_that_is_gone_and_a_camera_that_is_gone(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    """What was chosen once can be seen and taken out; the phone must be one that can be rung."""
    await setup_entry()
    old = ALL | {"action": "mobile_app_old", "cameras": ["attic", "yard"], "classes": ["robbery"]}
    subentry = add_recipient(hass, entry, old)
    result = await entry.start_subentry_reconfigure_flow(hass, subentry.subentry_id)
    schema = result["data_schema"]
    assert {"value": "attic", "label": "attic"} in choices(schema, "what", "cameras")
    assert choices(schema, "what", "classes") == ["fighting", *engine.info["rules"], "robbery"]
    assert "mobile_app_old" not in str(choices(schema, "action"))

    with pytest.raises(InvalidData):
        await go_on(hass, result, shown(schema))

    hass.services.async_remove("notify", "mobile_app_tablet")  # meanwhile
    result = await go_on(hass, result, shown(schema) | {"action": "mobile_app_tablet"})
    assert result["errors"] == {"action": "unknown_action"}

    result = await go_on(hass, result, shown(schema) | {"action": PHONE})
    assert result["reason"] == "reconfigure_successful"
    assert entry.subentries[subentry.subentry_id].data == old | {"action": PHONE}


async def test_without_a_phone(hass: HomeAssistant, entry: MockConfigEntry, setup_entry: SetupEntry) -> None:
    await setup_entry()
    async_mock_service(hass, "notify", "send_message")
    result = await begin(hass, entry)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_phones")


@pytest.mark.usefixtures("phones")
async def test_without_the_engine(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await begin(hass, entry)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")
