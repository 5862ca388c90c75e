"""A fight before a camera, seen from a real Home Assistant: entities, phone, media browser; restarts and losses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.rig.engine import wait_until
from tests.rig.homeassistant import homeassistant_missing
from tests.rig.household import DOMAIN, Household
from tests.rig.mosquitto import mosquitto_missing
from tests.rig.rtsp import RtspServer

pytestmark = [pytest.mark.clips, pytest.mark.timeout(300)]
Json = dict[str, Any]
FIGHT, CALM = "front_door", "back_yard"
BLUEPRINTS = ["alarm_panel", "camera_offline_or_tampered", "daily_digest"]
BLUEPRINTS += ["lights_and_siren", "phone_alert", "security_escalation", "zone_at_night"]
PATH = {name: f"{DOMAIN}/{name}.yaml" for name in BLUEPRINTS}
INCIDENT_S = 60
"""A loop lasts some twenty seconds, half of it fights."""


@pytest.fixture(scope="module", params=["websocket", "mqtt"])
def household(
    request: pytest.FixtureRequest, loops: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Household]:
    """Everything, with a recipient and the changes of all states since."""
    if missing := RtspServer.missing() or mosquitto_missing() or homeassistant_missing():
        pytest.skip(missing)
    with RtspServer({FIGHT: [loops["short"]], CALM: [loops["normal_0"]]}) as rtsp:
        cameras = {name: rtsp.url(name) for name in (FIGHT, CALM)}
        with Household(tmp_path_factory.mktemp(request.param), request.param, cameras) as made:
            yield made


def fired(changes: list[Json], entity_id: str) -> list[Json]:
    """Attributes of each time an event entity fired: its state is the time of that."""
    found: dict[str, Json] = {}
    for change in list(changes):
        state = change["data"]["new_state"]
        if change["data"]["entity_id"] == entity_id and state and state["state"] not in ("unknown", "unavailable"):
            found.setdefault(state["state"], state["attributes"])
    return list(found.values())


def leaves(household: Household, content_id: str = f"media-source://{DOMAIN}") -> dict[str, Json]:
    """Everything playable that a person finds in the media browser."""
    found: dict[str, Json] = {}
    for child in household.home.browse(content_id)["children"]:
        if child["can_expand"]:
            found |= leaves(household, child["media_content_id"])
        else:
            found[child["media_content_id"]] = child
    return found


def test_each_camera_is_a_device_below_the_engine(household: Household) -> None:
    devices = {
        device["identifiers"][0][1]: device
        for device in household.home.devices()
        if device["identifiers"] and device["identifiers"][0][0] == DOMAIN
    }
    uuid = household.uuid
    assert set(devices) == {uuid, f"{uuid}_{FIGHT}", f"{uuid}_{CALM}"}
    assert devices[f"{uuid}_{FIGHT}"]["via_device_id"] == devices[uuid]["id"]
    assert devices[f"{uuid}_{FIGHT}"]["name"] == "Front door"
    wait_until(
        lambda: household.state(FIGHT, "binary_sensor.online")["state"] == "on", 30, lambda: household.engine.log()
    )
    keys = ["event.incident", "sensor.threat_class", "sensor.last_incident", "image.last_incident"]
    keys += ["binary_sensor.incident_active", "binary_sensor.tampered", "switch.detection", "switch.privacy"]
    keys += ["camera.live"] if household.feed == "websocket" else []
    for key in keys:
        assert household.state(FIGHT, key)["state"] != "unavailable", key
    assert household.state(FIGHT, "number.threshold")["state"] == "80.0", "percent"


def test_every_blueprint_makes_an_automation(household: Household) -> None:
    """Tom is told by them only; Anna is a recipient of the integration."""
    home = household.home
    household.add_recipient(how={"cooldown_s": 0})
    listed = home.command("blueprint/list", domain="automation")
    assert {path for path in listed if path.startswith(DOMAIN)} == {f"{DOMAIN}/{name}.yaml" for name in BLUEPRINTS}
    assert not [path for path in listed if "error" in listed[path]]
    tom, event = home.device(household.other_phone.name), household.entity(FIGHT, "event.incident")
    online = [household.entity(camera, "binary_sensor.online") for camera in (FIGHT, CALM)]
    switch = household.entity(CALM, "switch.detection")
    lamp, siren = ["input_boolean.lamp"], ["input_boolean.siren"]
    contacts = {
        name: [
            {"action": f"notify.{household.other_phone.action}", "data": {"message": f"{name} {{{{ incident_id }}}}"}}
        ]
        for name in ("first", "second")
    }
    home.automate("alert", PATH["phone_alert"], cameras=[event], phones=[tom], critical="always")
    home.automate("lights", PATH["lights_and_siren"], cameras=[event], lights=lamp, sirens=siren, when="confirmed")
    home.automate("armed", PATH["alarm_panel"], panel="alarm_control_panel.house", switches=[switch])
    home.automate("offline", PATH["camera_offline_or_tampered"], online=online, minutes=0, phones=[tom])
    home.automate("digest", PATH["daily_digest"], engine=household.entry_id, phones=[tom], also_empty=True)
    home.automate("escalation", PATH["security_escalation"], cameras=[event], timeout=0.02, **contacts)

    home.call("alarm_control_panel.alarm_arm_away", entity_id="alarm_control_panel.house")
    wait_until(lambda: household.engine.state(CALM)["detection"], 10, "armed, and nobody looks")
    home.call("alarm_control_panel.alarm_disarm", entity_id="alarm_control_panel.house")
    wait_until(lambda: not household.engine.state(CALM)["detection"], 10, lambda: f"still on\n{home.log()[-3000:]}")
    home.call("alarm_control_panel.alarm_arm_away", entity_id="alarm_control_panel.house")
    wait_until(lambda: household.engine.state(CALM)["detection"], 10, "armed again, and nobody looks")
    home.call("automation.trigger", entity_id="automation.digest")
    wait_until(lambda: household.other_phone.of_tag(f"{DOMAIN}_digest"), 10, lambda: f"no digest\n{home.log()[-3000:]}")


def test_a_fight_reaches_the_phones_the_page_and_the_media_browser(household: Household) -> None:
    home, phone, other = household.home, household.phone, household.other_phone
    event, active = household.entity(FIGHT, "event.incident"), household.entity(FIGHT, "binary_sensor.incident_active")
    changes = home.subscribe("state_changed")
    known = {incident["incident_id"] for incident in household.told()}

    def news() -> list[Json]:
        """What fired since then; an incident that went on before the entry was there has no picture over MQTT."""
        began = {incident["incident_id"] for incident in household.told()} - known
        return [told for told in fired(changes, event) if told["incident_id"] in began]

    new = wait_until(news, INCIDENT_S, lambda: f"the event says nothing; {household.told()}\n{home.log()[-5000:]}")[0]
    incident_id = new["incident_id"]
    assert (new["event_type"], new["severity"], new["notify"]) == ("fighting", "alert", True)
    assert 0.8 <= new["confidence"] <= 1.0
    assert new["snapshot"] == f"/media/local/{DOMAIN}/{FIGHT}/{incident_id}.jpg"

    wait_until(lambda: phone.heard(incident_id), 10, lambda: f"no push: {phone.pushes}\n{home.log()[-5000:]}")
    push = phone.heard(incident_id)[0]
    assert push.data["image"] == new["snapshot"]
    assert push.data["tag"] == incident_id
    assert [action["action"] for action in push.data["actions"]] == [
        f"CD_{kind}_{incident_id}" for kind in ("CONFIRM", "FALSE", "SNOOZE")
    ]
    assert push.status == 200
    assert push.picture in household.pictures(incident_id), "the phone saw a picture of this incident"
    assert home.request("GET", new["snapshot"], headers={})[0] == 401

    wait_until(lambda: other.heard(incident_id), 10, lambda: f"the blueprint sent nothing\n{home.log()[-5000:]}")
    theirs = other.heard(incident_id)[0]
    assert (theirs.data["image"], theirs.status) == (new["snapshot"], 200)
    assert [one["action"] for one in theirs.data["actions"]] == [one["action"] for one in push.data["actions"]]
    assert theirs.data["push"]["sound"]["critical"] == 1
    for contact in ("first", "second"):
        wait_until(
            lambda contact=contact: any(one.body["message"] == f"{contact} {incident_id}" for one in other.pushes),
            15,
            lambda contact=contact: f"the {contact} contact was not told\n{home.log()[-5000:]}",
        )

    incident: Json = wait_until(
        lambda: next((one for one in household.told() if one["incident_id"] == incident_id and one["ended_at"]), None),
        INCIDENT_S,
        "the incident does not end",
    )
    wait_until(lambda: home.state(active)["state"] == "off", 10, "the binary sensor stays on")
    seen = [change["data"]["new_state"]["state"] for change in changes if change["data"]["entity_id"] == active]
    assert "on" in seen
    of_incident = [told for told in fired(changes, event) if told["incident_id"] == incident_id]
    assert len(of_incident) == 1, "it fires once, since nothing became worse"

    picture = household.engine.download(incident["media"]["snapshot"])[2]
    wait_until(lambda: household.picture_file(incident).read_bytes() == picture, 10, "the file is not the best picture")
    if household.told(FIGHT)[-1]["incident_id"] == incident_id:
        image = household.entity(FIGHT, "image.last_incident")
        assert home.request("GET", f"/api/image_proxy/{image}")[2] == picture

    found = leaves(household)
    item = next((child for key, child in found.items() if incident_id in key), None)
    assert item, f"{incident_id} is not in {sorted(found)}"
    resolved = home.resolve(item["media_content_id"])
    status, headers, body = home.request("GET", resolved["url"], headers={"Range": "bytes=0-99"})
    assert headers["Content-Type"] == resolved["mime_type"]
    if household.feed == "websocket":
        assert (status, len(body), resolved["mime_type"]) == (206, 100, "video/mp4"), resolved
    else:
        assert (status, body, resolved["mime_type"]) == (200, picture, "image/jpeg"), resolved

    lamp = "input_boolean.lamp"
    for button, verdict, light in (("CONFIRM", "confirmed", "on"), ("FALSE", "false_alarm", "off")):
        phone.press(f"CD_{button}_{incident_id}")
        wait_until(
            lambda verdict=verdict: household.engine.get(f"/incidents/{incident_id}")["verdict"] == verdict,
            10,
            lambda: f"the verdict is not stored:\n{home.log()[-5000:]}",
        )
        wait_until(lambda light=light: home.state(lamp)["state"] == light, 10, lambda: home.log()[-5000:])
    for one in (phone, other):
        wait_until(
            lambda one=one: one.of_tag(incident_id)[-1].body["message"] == "clear_notification", 10, "it stays there"
        )
    assert not fired(changes, household.entity(CALM, "event.incident")), "nothing happened in the yard"


def test_a_restart_in_mid_incident_tells_nothing_twice_and_loses_nothing(household: Household) -> None:
    home, phone = household.home, household.phone
    active, event = household.entity(FIGHT, "binary_sensor.incident_active"), household.entity(FIGHT, "event.incident")
    earlier = {one["incident_id"] for one in household.told()}

    def in_progress() -> str | None:
        """An incident that is told and not over."""
        going_on = [one["incident_id"] for one in household.told(FIGHT) if one["ended_at"] is None]
        return next((one for one in going_on if one not in earlier and phone.heard(one)), None)

    incident_id = wait_until(in_progress, INCIDENT_S, lambda: f"{phone.pushes}\n{home.log()[-5000:]}")
    wait_until(lambda: home.state(active)["state"] == "on", 5, lambda: home.log()[-5000:])
    assert home.state(event)["attributes"]["incident_id"] == incident_id
    before = home.state(event)["state"]
    assert home.stop() == 0
    home.start()
    wait_until(household.loaded, 20, lambda: home.log()[-5000:])
    changes = home.subscribe("state_changed")
    state = home.state(event)
    assert state["state"] == before or state["attributes"]["incident_id"] != incident_id, "it fired again"

    assert home.stop() == 0
    count = len(household.told())
    wait_until(
        lambda: len(household.told()) > count and household.told()[-1]["ended_at"], 2 * INCIDENT_S, "nothing happened"
    )
    home.start()
    wait_until(household.loaded, 20, lambda: home.log()[-5000:])
    changes = home.subscribe("state_changed")
    missed = [incident["incident_id"] for incident in household.told()]
    wait_until(
        lambda: set(missed) <= {path.stem for path in (home.media / DOMAIN).rglob("*.jpg")},
        20,
        lambda: f"pictures are missing: {missed}\n{home.log()[-5000:]}",
    )
    found = leaves(household)
    assert all(any(incident_id in key for key in found) for incident_id in missed), "the media browser has all"
    for one in missed:
        assert len(phone.heard(one)) <= 1, "nobody is rung twice about one incident"
    last = missed[-1]
    wait_until(lambda: phone.heard(last), 10, lambda: f"{last} of a minute ago was not told\n{home.log()[-5000:]}")
    told = [attributes["incident_id"] for attributes in fired(changes, event)]
    assert len(told) == len(set(told))

    home.kill()
    home.start()
    wait_until(lambda: phone.heard(household.told()[-1]["incident_id"]), INCIDENT_S, lambda: home.log()[-5000:])
    rung = [len(phone.heard(one["incident_id"])) for one in household.told() if one["incident_id"] not in earlier]
    assert rung == [1] * len(rung), "each is told once, power cut or not"


def test_an_engine_that_goes_away_is_said_once_and_comes_back(household: Household) -> None:
    home, engine = household.home, household.engine
    active = household.entity(CALM, "binary_sensor.incident_active")
    wait_until(lambda: home.state(active)["state"] == "off", 30, "the yard is not watched")
    since = len(home.log())
    engine.terminate()
    wait_until(lambda: home.state(active)["state"] == "unavailable", 20, lambda: home.log()[-5000:])
    tag = f"{DOMAIN}_{household.entity(CALM, 'binary_sensor.online')}"
    wait_until(lambda: household.other_phone.heard(tag), 10, "the blueprint does not say that the engine is away")
    states = home.states()
    present = [entity["entity_id"] for entity in home.entities(DOMAIN) if not entity["disabled_by"]]
    left = {entity_id for entity_id in present if states[entity_id]["state"] != "unavailable"}
    assert not left
    engine.start()
    wait_until(lambda: home.state(active)["state"] == "off", 60, lambda: home.log()[-5000:])
    wait_until(
        lambda: household.other_phone.of_tag(tag)[-1].body["message"] == "clear_notification", 10, "it stays there"
    )
    lines = [line for line in home.logged("custom_components.crime_detect", since) if "DEBUG" not in line]
    assert len(lines) == 2, lines
    assert not [line for line in home.log().splitlines() if "ERROR" in line and DOMAIN in line]
