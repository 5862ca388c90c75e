"""The event entity fires at `new` and again only when it becomes worse; the engine on the broker is a script here,
because no model that is shipped knows a second class to rise to."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.rig.engine import wait_until
from tests.rig.homeassistant import RealHomeAssistant, homeassistant_missing
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener
from tests.rig.phone import Phone

WIRE = Path(__file__).resolve().parents[1] / "fixtures" / "wire"
ROOT, CAMERA = "crime_detect/home", "front_door"
Json = dict[str, Any]
# What happens, and which severity the event entity then fires with, if it does.
STORY: list[tuple[str, Json, str | None]] = [
    ("new", {}, "alert"),
    ("update", {"confidence": 0.9}, None),
    ("update", {"severity": "critical"}, "critical"),
    ("update", {"confidence": 0.97, "acknowledged": True}, None),
    ("end", {}, None),
    ("update", {"verdict": "confirmed"}, None),
]


def wire(name: str) -> Json:
    found: Json = json.loads((WIRE / f"{name}.json").read_text())
    return found


def publish_engine(broker: MqttListener) -> None:
    """What an engine retains."""
    broker.publish(f"{ROOT}/info", json.dumps(wire("info") | {"problems": []}), retain=True)
    for camera in wire("info")["cameras"]:
        broker.publish(f"{ROOT}/{camera['id']}/state", (WIRE / "state.json").read_bytes(), retain=True)
    broker.publish(f"{ROOT}/available", "online", retain=True)


@pytest.mark.timeout(120)
def test_the_event_fires_again_only_when_it_becomes_worse(broker: Mosquitto, tmp_path: Path) -> None:
    if missing := homeassistant_missing():
        pytest.skip(missing)
    engine, phone = MqttListener(broker, "#", (USERNAME, PASSWORD)), Phone()
    publish_engine(engine)
    with RealHomeAssistant(tmp_path / "home") as home:
        phone.register(home)
        home.add_mqtt(broker.host, broker.port, USERNAME, PASSWORD)
        result = home.answer(home.flow("crime_detect"), {"next_step_id": "broker"})
        entry = home.submit(result, topic=ROOT)["result"]["entry_id"]
        form = home.flow([entry, "recipient"], kind="subentries/flow")
        home.submit(form, "/api/config/config_entries/subentries/flow", action=phone.action)
        event = next(
            one["entity_id"]
            for one in home.entities("crime_detect")
            if one["unique_id"].endswith(f"_{CAMERA}_incident")
        )
        changes = home.subscribe("state_changed")
        logged = home.subscribe("crime_detect_incident")

        incident = wire("message_new")["after"]
        incident["started_at"] = datetime.now(UTC).isoformat()
        engine.publish(f"{ROOT}/media/{incident['incident_id']}.jpg", b"\xff\xd8picture\xff\xd9")
        before: Json | None = None
        fired: list[str] = []
        for seq, (kind, change, severity) in enumerate(STORY, start=100):
            after = incident | change | ({"ended_at": datetime.now(UTC).isoformat()} if kind == "end" else {})
            message = wire("message_new") | {"seq": seq, "type": kind, "before": before, "after": after}
            for _ in range(2):  # QoS 1 may say anything twice
                engine.publish(f"{ROOT}/{CAMERA}/incident", json.dumps(message))
            before = incident = after
            fired += [severity] if severity else []
            wait_until(lambda fired=fired: len(events(changes, event)) >= len(fired), 10, lambda: home.log()[-5000:])
        wait_until(lambda: any(one["data"]["type"] == "confirmed" for one in logged), 10, lambda: home.log()[-5000:])
        assert [attributes["severity"] for attributes in events(changes, event)] == fired == ["alert", "critical"]
        rung = [push.data["channel"] for push in phone.heard(incident["incident_id"])]
        assert rung == ["Incidents", "alarm_stream"], "one message, rung again as it rose"
        wait_until(lambda: phone.pushes[-1].body["message"] == "clear_notification", 10, "it stays on the phone")
    phone.close()
    engine.close()


def events(changes: list[Json], entity_id: str) -> list[Json]:
    """Attributes of each time the entity fired: its state is when."""
    states = [change["data"]["new_state"] for change in list(changes) if change["data"]["entity_id"] == entity_id]
    return [*{state["state"]: state["attributes"] for state in states if state["state"][:2] == "20"}.values()]
