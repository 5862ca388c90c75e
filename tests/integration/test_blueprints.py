"""Every blueprint as people use it: loaded by Home Assistant, made an automation of, and what that does."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.automation import DOMAIN as AUTOMATION
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

from custom_components.crime_detect.const import DOMAIN
from tests.integration.fake_engine import FakeEngine
from tests.integration.household import Home

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "blueprints" / "automation" / "crime_detect"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
EVENT = "event.front_door_incident"
ID = "01KDW000000000000000000001"


@pytest.fixture
async def home(
    hass: HomeAssistant,
    tmp_path: Path,
    engine: FakeEngine,
    entry: MockConfigEntry,
    setup_entry: Callable[[], Awaitable[Any]],
    freezer: FrozenDateTimeFactory,
) -> AsyncIterator[Home]:
    """The blueprints lie where people put them."""
    hass.config.config_dir = str(tmp_path)
    await hass.async_add_executor_job(
        shutil.copytree, ROOT / "blueprints", tmp_path / "blueprints", False, None, shutil.copy, False, True
    )
    yield Home(hass, engine, entry, setup_entry, freezer)
    if hass.services.has_service(AUTOMATION, "turn_off"):
        await hass.services.async_call(AUTOMATION, "turn_off", {"entity_id": "all"}, blocking=True)


@pytest.fixture
def phone(hass: HomeAssistant) -> str:
    """A device of the companion app; its notify action is mobile_app_annas_phone."""
    app = MockConfigEntry(domain="mobile_app", data={"device_name": "Anna's phone"})
    app.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=app.entry_id, identifiers={("mobile_app", "x")}, name="Anna's phone"
    )
    return device.id


async def automate(home: Home, name: str, **inputs: Any) -> None:
    blueprint = {"path": f"crime_detect/{name}.yaml", "input": inputs}
    config = {AUTOMATION: [{"alias": "Ours", "use_blueprint": blueprint}]}
    assert await async_setup_component(home.hass, AUTOMATION, config)
    await home.hass.async_block_till_done()
    state = home.hass.states.get("automation.ours")
    assert state is not None
    assert state.state == "on"


async def tell(home: Home, after: dict[str, Any] | None, **more: Any) -> None:
    await home.tell(after, **more)
    await home.breathe()


def entity(home: Home, platform: str, key: str) -> str:
    found = er.async_get(home.hass).async_get_entity_id(platform, DOMAIN, f"{home.engine.uuid}_{key}")
    assert found
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_it_is_loaded_and_says_where_it_comes_from(home: Home, name: str) -> None:
    blueprints = async_get_blueprints(home.hass)
    blueprint = await blueprints.async_get_blueprint(f"crime_detect/{name}.yaml")
    assert blueprint.validate() is None  # this Home Assistant is new enough
    assert blueprint.metadata["description"]
    assert blueprint.metadata["source_url"] == (
        f"https://github.com/crime-detect/crime-detect/blob/main/blueprints/automation/crime_detect/{name}.yaml"
    )


def test_readme_and_docs_name_them_all() -> None:
    for page in ("README.md", "docs/blueprints.md"):
        for name in NAMES:
            assert f"blueprints%2Fautomation%2Fcrime_detect%2F{name}.yaml" in (ROOT / page).read_text()


async def test_phone_alert_sends_this_incidents_picture_and_buttons(home: Home, phone: str) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    await automate(home, "phone_alert", cameras=[EVENT], phones=[phone])
    await tell(home, home.engine.incident())
    (call,) = calls
    assert call.data["title"] == "Fighting: Front door"
    assert call.data["message"].endswith("85 % sure. Look before you act.")
    assert call.data["data"] == {
        "tag": ID,
        "group": EVENT,
        "image": f"/media/local/crime_detect/front_door/{ID}.jpg",
        "url": f"/media-browser/browser?more-info-entity-id={EVENT}",
        "clickAction": f"/media-browser/browser?more-info-entity-id={EVENT}",
        "ttl": 0,
        "priority": "high",
        "importance": "high",
        "channel": "Incidents",
        "push": {"interruption-level": "time-sensitive"},
        "actions": [
            {"action": f"CD_CONFIRM_{ID}", "title": "Real"},
            {"action": f"CD_FALSE_{ID}", "title": "False alarm"},
            {"action": f"CD_SNOOZE_{ID}", "title": "Snooze"},
        ],
    }
    await tell(home, home.engine.incident(severity="critical"))
    assert calls[1].data["data"]["push"] == {"sound": {"name": "default", "critical": 1, "volume": 1.0}}
    assert calls[1].data["data"]["channel"] == "alarm_stream"
    await tell(home, home.engine.incident(severity="critical", verdict="confirmed"))
    assert calls[2].data == {"message": "clear_notification", "data": {"tag": ID}}


async def test_phone_alert_keeps_to_classes_conditions_and_what_is_not_to_ring(home: Home, phone: str) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    await automate(
        home,
        "phone_alert",
        cameras=[EVENT],
        phones=[phone],
        classes=["fighting"],
        buttons=["confirm"],
        critical="never",
        only_when=[{"condition": "state", "entity_id": "person.anna", "state": "not_home"}],
    )
    home.hass.states.async_set("person.anna", "home")
    await tell(home, home.engine.incident(1))
    home.hass.states.async_set("person.anna", "not_home")
    await tell(home, home.engine.incident(2, label="fire"))
    await tell(home, home.engine.incident(3, notify=False, suppressed_by="cooldown"))
    await tell(home, home.engine.incident(4, "yard"))
    assert calls == []
    await tell(home, home.engine.incident(5, rev=0, severity="critical"))
    (call,) = calls
    assert "image" not in call.data["data"]
    assert len(call.data["data"]["actions"]) == 1
    assert call.data["data"]["channel"] == "Incidents"


async def test_phone_alert_keeps_to_zones(home: Home, phone: str) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    await automate(home, "phone_alert", cameras=[EVENT], phones=[phone], zones=["back_yard"], classes=["trespassing"])
    found = {"label": "trespassing", "source": "zone", "zone": "back_yard"}
    await tell(home, home.engine.incident(1))
    await tell(home, home.engine.incident(2, **found | {"zone": "street"}))
    await tell(home, home.engine.incident(3, **found | {"label": "loitering"}))
    assert calls == []
    await tell(home, home.engine.incident(4, **found))
    assert [call.data["title"] for call in calls] == ["Trespassing in Back yard: Front door"]


async def test_phone_alert_does_not_ring_because_the_engine_comes_back(home: Home, phone: str) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    await automate(home, "phone_alert", cameras=[EVENT], phones=[phone])
    await tell(home, home.engine.incident())
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert home.hass.states.get(EVENT).state not in ("unavailable", "unknown")
    assert len(calls) == 1


async def test_lights_and_siren_wait_for_a_person_or_for_what_is_critical(home: Home) -> None:
    await lamps(home)
    await home.start()
    await automate(home, "lights_and_siren", cameras=[EVENT], lights=["light.yard"], sirens=["switch.siren"], minutes=5)
    await tell(home, home.engine.incident(1))
    assert not shining(home)
    await tell(home, home.engine.incident(2, "yard", severity="critical"))
    assert not shining(home)  # another camera
    await tell(home, home.engine.incident(1, verdict="confirmed"))
    assert shining(home)
    await home.pass_time(minutes=3)
    await tell(home, home.engine.incident(3, severity="critical", started_at=dt_util.utcnow().isoformat()))
    await home.pass_time(minutes=3)
    assert shining(home)  # the minutes began anew
    await home.pass_time(minutes=2, seconds=5)
    async with asyncio.timeout(60):
        while home.hass.states.async_entity_ids("scene") or lamp_states(home) != {"off"}:
            await home.breathe()


async def test_lights_and_siren_end_with_a_false_alarm_and_restore_what_was_on(home: Home) -> None:
    await lamps(home)
    await home.hass.services.async_call("homeassistant", "turn_on", {"entity_id": "light.yard"}, blocking=True)
    await home.start()
    await automate(
        home,
        "lights_and_siren",
        cameras=[EVENT],
        when="every",
        lights=["light.yard"],
        sirens=["switch.siren"],
        only_when=[{"condition": "state", "entity_id": "sun.sun", "state": "below_horizon"}],
    )
    home.hass.states.async_set("sun.sun", "above_horizon")
    await tell(home, home.engine.incident(1))
    assert home.hass.states.get("switch.siren").state == "off"
    home.hass.states.async_set("sun.sun", "below_horizon")
    await tell(home, home.engine.incident(2))
    assert home.hass.states.get("switch.siren").state == "on"
    await tell(home, home.engine.incident(2, verdict="false_alarm"))
    assert home.hass.states.get("switch.siren").state == "off"
    assert home.hass.states.get("light.yard").state == "on"


async def test_lights_and_siren_keep_to_classes_and_zones(home: Home) -> None:
    await lamps(home)
    await home.start()
    wish = {"when": "every", "classes": ["trespassing"], "zones": ["back_yard"]}
    await automate(home, "lights_and_siren", cameras=[EVENT], lights=["light.yard"], sirens=["switch.siren"], **wish)
    found = {"label": "trespassing", "source": "zone", "zone": "back_yard"}
    await tell(home, home.engine.incident(1))
    await tell(home, home.engine.incident(2, **found | {"zone": "street"}))
    await tell(home, home.engine.incident(3, **found | {"label": "loitering"}))
    assert not shining(home)
    await tell(home, home.engine.incident(4, **found))
    assert shining(home)


async def test_somebody_in_a_zone_at_night_has_light_until_they_have_left(home: Home) -> None:
    calls = async_mock_service(home.hass, "test", "call")
    await home.hass.config.async_set_time_zone("UTC")
    await lamps(home)
    await somebody(home, 0)
    await home.start()
    zone = entity(home, "binary_sensor", "front_door_zone_yard_occupancy")
    also = [{"action": "test.call", "data": {"where": "{{ camera_name }}: {{ zone_name }}"}}]
    inputs = {"zones": [zone], "lights": ["light.yard", "switch.siren"], "minutes": 2, "seconds": 2, "also": also}
    await automate(home, "zone_at_night", **inputs)
    await somebody(home, 1)
    await home.pass_time(seconds=1)
    await somebody(home, 0)
    await home.pass_time(seconds=5)
    assert not shining(home), "whoever only passes"
    await somebody(home, 1)
    await home.pass_time(seconds=3)
    assert shining(home)
    assert [call.data["where"] for call in calls] == ["Front door: Yard"]
    await home.pass_time(minutes=10)
    assert shining(home), "they are still there"
    await somebody(home, 0)
    await home.pass_time(minutes=1)
    assert shining(home)
    await somebody(home, 2)
    await home.pass_time(minutes=2)
    await somebody(home, 0)
    await home.pass_time(minutes=1)
    assert shining(home), "somebody came back"
    await home.pass_time(minutes=1, seconds=5)
    assert not shining(home)
    await home.eventually(lambda: home.hass.states.async_entity_ids("scene") == [])


async def test_by_day_or_under_other_conditions_a_zone_stays_dark(home: Home) -> None:
    await home.hass.config.async_set_time_zone("UTC")
    await lamps(home)
    await somebody(home, 0)
    await home.start()
    zone = entity(home, "binary_sensor", "front_door_zone_yard_occupancy")
    only_when = [{"condition": "state", "entity_id": "person.anna", "state": "not_home"}]
    home.hass.states.async_set("person.anna", "home")
    inputs = {"zones": [zone], "lights": ["light.yard", "switch.siren"], "seconds": 0, "minutes": 0}
    await automate(home, "zone_at_night", to="04:00:00", only_when=only_when, **inputs)
    await somebody(home, 1)
    assert not shining(home)
    await somebody(home, 0)
    home.hass.states.async_set("person.anna", "not_home")
    await somebody(home, 1)
    assert shining(home)
    await somebody(home, 0)
    assert not shining(home)
    await home.pass_time(minutes=61)
    await somebody(home, 1)
    assert not shining(home)


async def somebody(home: Home, persons: int) -> None:
    """So many are in the zone `yard` of the front door."""
    zones = {"yard": {"persons": persons, "objects": {}, "occupied": persons > 0}}
    await home.engine.push_state("front_door", persons=persons, zones=zones)
    if home.entry.state is ConfigEntryState.LOADED:
        expected = "on" if persons else "off"
        zone = entity(home, "binary_sensor", "front_door_zone_yard_occupancy")
        await home.eventually(lambda: home.hass.states.get(zone).state == expected)
    await home.breathe()


async def lamps(home: Home) -> None:
    helpers = {"yard": None, "siren": None}
    assert await async_setup_component(home.hass, "homeassistant", {})
    assert await async_setup_component(home.hass, "scene", {})
    assert await async_setup_component(home.hass, "input_boolean", {"input_boolean": helpers})

    def template(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "state": f"{{{{ is_state('input_boolean.{name}', 'on') }}}}",
            "turn_on": {"action": "input_boolean.turn_on", "target": {"entity_id": f"input_boolean.{name}"}},
            "turn_off": {"action": "input_boolean.turn_off", "target": {"entity_id": f"input_boolean.{name}"}},
        }

    config = {"template": [{"light": [template("yard")]}, {"switch": [template("siren")]}]}
    assert await async_setup_component(home.hass, "template", config)
    await home.hass.async_block_till_done()


def lamp_states(home: Home) -> set[str]:
    return {home.hass.states.get(one).state for one in ("light.yard", "switch.siren")}


def shining(home: Home) -> bool:
    states = lamp_states(home)
    assert len(states) == 1
    return states == {"on"}


async def test_alarm_panel_arms_the_cameras(home: Home) -> None:
    await home.start()
    detection = entity(home, "switch", "front_door_detection")
    home.hass.states.async_set("alarm_control_panel.house", "disarmed")
    await automate(home, "alarm_panel", panel="alarm_control_panel.house", switches=[detection])

    def sent() -> list[bool]:
        bodies = home.engine.sent("PATCH", "/cameras/front_door")
        return [one["detection"] for one in bodies if "detection" in one]

    for state, expected in (
        ("arming", []),
        ("armed_away", [True]),
        ("triggered", [True]),
        ("disarmed", [True, False]),
        ("armed_home", [True, False, False]),
        ("unavailable", [True, False, False]),
        ("armed_night", [True, False, False, True]),
    ):
        home.hass.states.async_set("alarm_control_panel.house", state)
        await home.hass.async_block_till_done()
        assert sent() == expected, state
    # An engine that was away hears of it when it is back.
    await home.hass.config_entries.async_reload(home.entry.entry_id)
    await home.hass.async_block_till_done()
    assert sent()[-1] is True
    assert len(sent()) > 4


CONTACTS: dict[str, Any] = {
    name: [{"action": "test.call", "data": {"who": name, "title": "{{ title }}", "message": "{{ message }}",
                                            "picture": "{{ picture }}", "incident_id": "{{ incident_id }}"}}]
    for name in ("first", "second", "third")
}  # fmt: skip


@pytest.mark.parametrize("answer", [{"acknowledged": True}, {"verdict": "false_alarm"}])
async def test_escalation_ends_with_an_answer(home: Home, answer: dict[str, Any]) -> None:
    calls = async_mock_service(home.hass, "test", "call")
    await home.start()
    await automate(home, "security_escalation", cameras=[EVENT], timeout=3, **CONTACTS)
    await tell(home, home.engine.incident())
    assert [call.data["who"] for call in calls] == ["first"]
    assert calls[0].data["title"] == "Fighting: Front door"
    assert calls[0].data["incident_id"] == ID
    assert calls[0].data["picture"] == f"/media/local/crime_detect/front_door/{ID}.jpg"
    await minutes_pass(home, 3)
    assert [call.data["who"] for call in calls] == ["first", "second"]
    assert calls[1].data["message"].startswith("Nobody has answered yet.")
    await tell(home, home.engine.incident(**answer))
    await minutes_pass(home, 3)
    assert [call.data["who"] for call in calls] == ["first", "second"]


async def test_escalation_goes_on_to_the_last_and_does_not_need_the_engine(home: Home) -> None:
    calls = async_mock_service(home.hass, "test", "call")
    await home.start()
    await automate(home, "security_escalation", cameras=[EVENT], timeout=1, severity="critical", **CONTACTS)
    await tell(home, home.engine.incident(1))
    await tell(home, home.engine.incident(2, "yard", severity="critical"))
    assert calls == []
    await tell(home, home.engine.incident(1, severity="critical"))
    home.engine.fail(f"/incidents/{ID}", 503)
    await minutes_pass(home, 1)
    await minutes_pass(home, 1)
    assert [call.data["who"] for call in calls] == ["first", "second", "third"]


async def test_escalation_names_the_zone(home: Home) -> None:
    calls = async_mock_service(home.hass, "test", "call")
    await home.start()
    await automate(home, "security_escalation", cameras=[EVENT], timeout=3, **CONTACTS)
    await tell(home, home.engine.incident(label="trespassing", source="zone", zone="back_yard"))
    assert [call.data["title"] for call in calls] == ["Trespassing in Back yard: Front door"]


async def minutes_pass(home: Home, minutes: int) -> None:
    await home.pass_time(minutes=minutes, seconds=1)


async def test_daily_digest_counts_and_says_what_waits(home: Home, phone: str) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    asked: list[ServiceCall] = []

    def some(number: int, camera: str, **changes: Any) -> dict[str, Any]:
        return home.engine.incident(number, camera, **changes)

    async def answer(call: ServiceCall) -> dict[str, Any]:
        asked.append(call)
        return {
            "incidents": [
                some(1, "front_door", verdict="false_alarm"),
                some(2, "front_door", acknowledged=True),
                some(3, "yard"),
                some(4, "yard", label="fire", verdict="confirmed"),
                some(5, "yard", severity="detection"),
            ]
        }

    home.hass.services.async_register(DOMAIN, "get_incidents", answer, supports_response=SupportsResponse.ONLY)
    await home.hass.config.async_set_time_zone("UTC")
    await automate(home, "daily_digest", engine=home.entry.entry_id, at="03:30:00", phones=[phone])
    await home.pass_time(minutes=30)
    (call,) = calls
    assert call.data["title"] == "The last day: 4 incidents"
    assert (
        call.data["message"]
        == "front_door: fighting 2× (1 false)\nyard: fighting 1×\nyard: fire 1×\n1 not answered yet."
    )
    assert asked[0].data["config_entry_id"] == home.entry.entry_id
    assert dt_util.parse_datetime(asked[0].data["since"]) == dt_util.utcnow() - timedelta(days=1)


@pytest.mark.parametrize(("also_empty", "expected"), [(False, []), (True, ["Nothing was seen."])])
async def test_daily_digest_of_a_quiet_day(home: Home, phone: str, also_empty: bool, expected: list[str]) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    await home.hass.config.async_set_time_zone("UTC")
    await automate(
        home, "daily_digest", engine=home.entry.entry_id, at="03:30:00", phones=[phone], also_empty=also_empty
    )
    await home.pass_time(minutes=30)
    await home.eventually(lambda: len(calls) == len(expected))
    assert [call.data["message"] for call in calls] == expected


async def test_a_camera_that_is_lost_or_tampered_with(home: Home, phone: str) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    online = entity(home, "binary_sensor", "front_door_online")
    tampered = entity(home, "binary_sensor", "front_door_tampered")
    await automate(home, "camera_offline_or_tampered", online=[online], tampered=[tampered], minutes=5, phones=[phone])
    await state(home, online, state="lost", online=False)
    await minutes_pass(home, 4)
    assert calls == []
    await minutes_pass(home, 1)
    assert calls[0].data["title"] == "Front door"
    assert calls[0].data["message"] == "Its picture is gone."
    await state(home, online, state="live", online=True)
    assert calls[1].data["message"] == "clear_notification"
    assert calls[1].data["data"]["tag"] == calls[0].data["data"]["tag"]
    await state(home, tampered, tampered=True)
    assert calls[2].data["message"].startswith("Somebody may have covered")
    await state(home, tampered, tampered=False)
    assert calls[3].data["message"] == "clear_notification"
    await state(home, tampered, tampered=True, tamper="moved")
    assert calls[4].data["message"] == "It was turned."
    await home.hass.config_entries.async_unload(home.entry.entry_id)
    await minutes_pass(home, 5)
    assert calls[5].data["message"] == "The engine that watches it cannot be reached."


async def state(home: Home, entity_id: str, **changes: Any) -> None:
    before = home.hass.states.get(entity_id).state
    await home.engine.push_state("front_door", **changes)
    await home.eventually(lambda: home.hass.states.get(entity_id).state != before)
    await home.breathe()


async def test_conditions_of_ones_own_silence_the_camera_watch(home: Home, phone: str) -> None:
    calls = async_mock_service(home.hass, "notify", "mobile_app_anna_s_phone")
    await home.start()
    tampered = entity(home, "binary_sensor", "front_door_tampered")
    only_when = [{"condition": "state", "entity_id": "person.anna", "state": "not_home"}]
    home.hass.states.async_set("person.anna", "home")
    await automate(home, "camera_offline_or_tampered", tampered=[tampered], phones=[phone], only_when=only_when)
    await state(home, tampered, tampered=True)
    assert calls == []
