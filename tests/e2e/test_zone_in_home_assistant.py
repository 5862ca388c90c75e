"""A person enters a zone at night, seen from a real Home Assistant: event, binary sensor, phone, box on the picture.

Night is simulated: the zone's schedule covers the hour of the test, and that of another zone does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from tests.rig.engine import wait_until
from tests.rig.homeassistant import homeassistant_missing
from tests.rig.household import DOMAIN, INSTANCE, Household
from tests.rig.mosquitto import mosquitto_missing

pytestmark = [pytest.mark.clips, pytest.mark.timeout(300)]
Json = dict[str, Any]
CAMERA, NIGHT, DAY = "front_door", "yard", "yard_by_day"
ZONE, ALSO = f"binary_sensor.zone_{NIGHT}_occupancy", f"binary_sensor.zone_{DAY}_occupancy"
FLOOR = "[[0.3, 0.55], [0.85, 0.55], [0.85, 1.0], [0.3, 1.0]]"
PERSON_S = 60
"""In the clip somebody comes every twenty seconds or so, stays, and goes."""
RED = np.array([220, 38, 38])


def hours_from_now(hours: int) -> str:
    return (datetime.now(ZoneInfo("Europe/Amsterdam")) + timedelta(hours=hours)).strftime("%H:%M")


def zone(begin_h: int, end_h: int) -> str:
    watched = f'[{{days: mon-sun, from: "{hours_from_now(begin_h)}", to: "{hours_from_now(end_h)}"}}]'
    return f"{{polygon: {FLOOR}, intrusion: 1s, schedule: {watched}}}"


@pytest.fixture(scope="module", params=["websocket", "mqtt"])
def household(
    request: pytest.FixtureRequest, clips: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Household]:
    if missing := mosquitto_missing() or homeassistant_missing():
        pytest.skip(missing)
    video = clips / "normal_footage" / "one-by-one-person-detection.mp4"
    weights = clips / "detectors"
    if not video.is_file() or not weights.is_dir():
        pytest.skip(f"needs {video} and {weights}")
    options = f"detection: {{cooldown: 2s}}, zones: {{{NIGHT}: {zone(-1, 3)}, {DAY}: {zone(6, 9)}}}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRIME_DETECT_MODELS", str(weights))
        folder = tmp_path_factory.mktemp(request.param)
        with Household(folder, request.param, {CAMERA: f"loop:{video}"}, options=options) as made:
            yield made


def news(household: Household, changes: list[Json], entity_id: str) -> list[Json]:
    """States that an entity took, oldest first."""
    return [
        change["data"]["new_state"]
        for change in list(changes)
        if change["data"]["entity_id"] == entity_id and change["data"]["new_state"]
    ]


def explain(household: Household) -> str:
    return f"{household.told()}\n{household.engine.log()}\n{household.home.log()[-5000:]}"


def test_a_person_who_enters_a_zone_at_night_is_told_with_the_box_drawn(household: Household) -> None:
    home, phone = household.home, household.phone
    keys = (ZONE, ALSO, "binary_sensor.occupancy", "sensor.persons")
    wait_until(lambda: len(present(household, *keys)) == len(keys), 60, lambda: explain(household))
    event, there, count = (household.entity(CAMERA, key) for key in ("event.incident", ZONE, "sensor.persons"))
    assert home.state(there)["attributes"]["friendly_name"] == "Front door Yard occupancy"
    assert "trespassing" in home.state(event)["attributes"]["event_types"]
    household.add_recipient(how={"cooldown_s": 0})
    hours = {"from": f"{hours_from_now(-1)}:00", "to": f"{hours_from_now(3)}:00"}
    lamp = {"lights": ["input_boolean.lamp"], "minutes": 0, "seconds": 0}
    home.automate("night", f"{DOMAIN}/zone_at_night.yaml", zones=[there], **hours, **lamp)

    wait_until(lambda: home.state(there)["state"] == "off", PERSON_S, lambda: f"never empty\n{explain(household)}")
    changes = home.subscribe("state_changed")
    known = {incident["incident_id"] for incident in household.engine.get("/incidents?limit=200")["items"]}

    def enters() -> Json | None:
        """Whoever comes back within the cooldown rings nobody; one of before the entry has no picture over MQTT."""
        told = (state["attributes"] for state in news(household, changes, event))
        return next((one for one in told if one.get("notify") and one["incident_id"] not in known), None)

    fired: Json = wait_until(
        enters,
        PERSON_S,
        lambda: f"the event says nothing\n{explain(household)}",
    )
    incident_id = fired["incident_id"]
    told = {key: fired[key] for key in ("event_type", "source", "zone", "rule", "severity", "notify")}
    assert told == {
        "event_type": "trespassing", "source": "zone", "zone": NIGHT, "rule": "intrusion", "severity": "alert",
        "notify": True,
    }, explain(household)  # fmt: skip
    assert fired["why"][0] == "intrusion"
    for entity_id, state in ((there, "on"), (household.entity(CAMERA, "binary_sensor.occupancy"), "on"), (count, "1")):
        wait_until(
            lambda entity_id=entity_id, state=state: (
                state in [one["state"] for one in news(household, changes, entity_id)]
            ),
            10,
            lambda entity_id=entity_id: f"{entity_id}: {news(household, changes, entity_id)}\n{explain(household)}",
        )
    wait_until(
        lambda: home.state("input_boolean.lamp")["state"] == "on", 10, lambda: f"it is dark\n{explain(household)}"
    )

    wait_until(lambda: phone.heard(incident_id), 10, lambda: f"no push: {phone.pushes}\n{explain(household)}")
    push = phone.heard(incident_id)[0]
    assert push.body["title"] == "Trespassing in Yard: Front door"
    assert push.body["message"].startswith("A person is in Yard. ")
    assert (push.status, push.data["image"]) == (200, fired["snapshot"])
    assert len(push.data["actions"]) == 3
    pictures = household.pictures(incident_id)
    assert push.picture in pictures, "the phone saw a picture of this incident"
    boxes = boxes_of(household, incident_id)[pictures.index(push.picture) + 1]
    assert [box["label"] for box in boxes] == ["person"]
    assert border_is_red(push.picture, boxes[0]["box"]) > 0.9, "the box is on the picture that the phone showed"
    left, top, width, height = boxes[0]["box"]
    smaller = [left + width / 4, top + height / 4, width / 2, height / 2]
    assert border_is_red(push.picture, smaller) < 0.3, "and nowhere else"

    wait_until(
        lambda: household.engine.get(f"/incidents/{incident_id}")["ended_at"], PERSON_S, lambda: explain(household)
    )
    wait_until(lambda: home.state(there)["state"] == "off", 10, lambda: f"still somebody there\n{explain(household)}")
    wait_until(lambda: home.state("input_boolean.lamp")["state"] == "off", 10, "the lamp stays on")
    phone.press(f"CD_CONFIRM_{incident_id}")
    wait_until(
        lambda: household.engine.get(f"/incidents/{incident_id}")["verdict"] == "confirmed",
        10,
        lambda: f"the verdict is not stored\n{explain(household)}",
    )


def test_by_day_the_same_person_is_only_counted(household: Household) -> None:
    changes = household.home.subscribe("state_changed")
    also = household.entity(CAMERA, ALSO)
    wait_until(
        lambda: "on" in [one["state"] for one in news(household, changes, also)],
        PERSON_S,
        lambda: f"nobody came\n{explain(household)}",
    )
    found = household.engine.get("/incidents?limit=200")["items"]
    assert {one["zone"] for one in found if one["source"] == "zone"} == {NIGHT}


def present(household: Household, *keys: str) -> set[str]:
    """Those of the camera's entities that are there."""
    registered = {entity["unique_id"]: entity["entity_id"] for entity in household.home.entities(DOMAIN)}
    states = household.home.states()
    ids = {key: registered.get(f"{household.uuid}_{CAMERA}_{key.partition('.')[2]}") for key in keys}
    return {key for key, one in ids.items() if one in states and states[one]["state"] != "unavailable"}


def boxes_of(household: Household, incident_id: str) -> dict[int, list[Json]]:
    """The boxes of an incident by the revision of its picture, as the engine told them."""
    assert household.listener
    told = [json.loads(one) for one in household.listener.payloads(f"crime_detect/{INSTANCE}/{CAMERA}/incident")]
    after = [one["after"] for one in told if one["after"] and one["after"]["incident_id"] == incident_id]
    found: dict[int, list[Json]] = {}
    for one in after:
        found.setdefault(one["media"]["snapshot_rev"], one["boxes"])
    return found


def border_is_red(picture: bytes, box: list[float]) -> float:
    """How much of a box's border (left, top, width, height, 0..1) is drawn in red, 0..1."""
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    image = decoded[:, :, ::-1].astype(int)
    height, width = image.shape[:2]
    is_red = np.abs(image - RED).max(axis=2) < 70
    left, top = box[0] * width, box[1] * height
    right, bottom = left + box[2] * width, top + box[3] * height
    along = np.linspace(0.1, 0.9, 40)
    points = [(left + share * (right - left), y) for y in (top, bottom) for share in along]
    points += [(x, top + share * (bottom - top)) for x in (left, right) for share in along]
    inside = [(round(x), round(y)) for x, y in points if 2 <= x < width - 2 and 2 <= y < height - 2]
    return float(np.mean([is_red[y - 2 : y + 3, x - 2 : x + 3].any() for x, y in inside]))
