"""People without the integration get a device a camera over MQTT; who adds it later gets them out of the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.rig.engine import EngineProcess, wait_until
from tests.rig.homeassistant import RealHomeAssistant, homeassistant_missing
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener
from tests.rig.rtsp import RtspServer

pytestmark = [pytest.mark.clips, pytest.mark.timeout(300)]
Json = dict[str, Any]
CAMERA = "front_door"


def of_mqtt(home: RealHomeAssistant) -> dict[str, str]:
    """Entities that came by MQTT discovery: their ids by the last words of their unique ids."""
    return {one["unique_id"].split(f"_{CAMERA}_")[-1]: one["entity_id"] for one in home.entities("mqtt")}


def test_discovery_gives_a_device_a_camera_until_the_integration_takes_over(
    loops: dict[str, Path],
    broker: Mosquitto,
    start_engine: Callable[..., EngineProcess],
    tmp_path: Path,
) -> None:
    if missing := RtspServer.missing() or homeassistant_missing():
        pytest.skip(missing)
    pictures = MqttListener(broker, "crime_detect/e2e/media/+", (USERNAME, PASSWORD))
    with RtspServer({CAMERA: [loops["short"]]}) as rtsp, RealHomeAssistant(tmp_path / "home") as home:
        login = f"username: {USERNAME}, password: {PASSWORD}, ha_discovery: true"
        camera = f"{{source: '{rtsp.url(CAMERA)}', name: Front door, detection: {{cooldown: 2s}}}}"
        engine = start_engine(
            f"instance: e2e\ncameras:\n  {CAMERA}: {camera}\nmqtt: {{host: 127.0.0.1, port: {broker.port}, {login}}}\n"
        )
        home.add_mqtt(broker.host, broker.port, USERNAME, PASSWORD)
        wait_until(lambda: len(of_mqtt(home)) >= 9, 20, lambda: f"only {of_mqtt(home)}\n{home.log()[-5000:]}")
        check_device(home, engine, pictures)
        take_over(home, engine)
    pictures.close()


def check_device(home: RealHomeAssistant, engine: EngineProcess, pictures: MqttListener) -> None:
    device = home.device("Front door")
    ids = of_mqtt(home)
    assert {one["device_id"] for one in home.entities("mqtt")} == {device}
    wait_until(lambda: home.state(ids["online"])["state"] == "on", 30, engine.log)
    home.call("switch.turn_off", entity_id=ids["detection"])
    wait_until(lambda: not engine.state(CAMERA)["detection"], 10, "the switch does nothing")
    home.call("switch.turn_on", entity_id=ids["detection"])
    wait_until(lambda: home.state(ids["detection"])["state"] == "on", 10, "the switch does not come back")

    event: Json = wait_until(
        lambda: (state := home.state(ids["incident"]))["state"] not in ("unknown", "unavailable") and state,
        60,
        lambda: f"the event does not fire\n{home.log()[-5000:]}",
    )
    assert (event["attributes"]["event_type"], event["attributes"]["severity"]) == ("fighting", "alert")
    assert engine.get(f"/incidents/{event['attributes']['incident_id']}")["camera"] == CAMERA
    wait_until(
        lambda: (
            home.request("GET", f"/api/image_proxy/{ids['last_incident']}")[2] in [m.payload for m in pictures.heard]
        ),
        10,
        "the image entity shows another picture",
    )
    wait_until(lambda: home.state(ids["incident_active"])["state"] == "off", 60, "it stays active")
    assert float(home.state(ids["confidence"])["state"]) <= 100


def take_over(home: RealHomeAssistant, engine: EngineProcess) -> None:
    """With the integration beside it: one issue, whose repair leaves one device."""
    found = wait_until(lambda: home.discovered("crime_detect"), 10, "the integration does not see the engine")
    assert [flow["context"]["unique_id"] for flow in found] == [engine.get("/info")["uuid"]]
    result = home.flow("crime_detect")
    if result["type"] == "menu":
        result = home.answer(result, {"next_step_id": "address"})
    result = home.submit(result, url=engine.address, token=engine.make_token("integration"))
    assert result["type"] == "create_entry", result
    assert home.discovered("crime_detect") == [], "what was discovered is set up"

    issue: Json = wait_until(
        lambda: next(iter(home.issues("crime_detect")), None), 20, lambda: f"no issue\n{home.log()[-5000:]}"
    )
    assert (issue["translation_key"], issue["is_fixable"]) == ("mqtt_discovery_duplicate", True)
    assert sum(device["name"] == "Front door" for device in home.devices()) == 2
    fixed = home.fix(issue)
    assert fixed["type"] == "create_entry", fixed
    wait_until(lambda: not of_mqtt(home), 10, lambda: f"still there: {of_mqtt(home)}")
    wait_until(lambda: not home.issues("crime_detect"), 10, "the issue stays")
    assert [device["name"] for device in home.devices()].count("Front door") == 1
    assert engine.get("/info")["mqtt_discovery"] is False
    assert "ha_discovery: false" in (engine.folder / "crime_detect.yaml").read_text()
