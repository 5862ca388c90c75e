"""The event entity: fires when something new happens or something becomes worse, and at nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from homeassistant.components.image import async_get_image
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.link_websocket import WebSocketLink
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import assert_as_in_snapshot, attribute, only, record, value
from tests.integration.fake_engine import FakeEngine

EVENT = "event.front_door_incident"
IMAGE = "image.front_door_last_incident"


def _now(**ago: float) -> str:
    return (dt_util.utcnow() - timedelta(**ago)).isoformat()


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    with only(Platform.EVENT):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_fires_at_a_new_incident_with_what_automations_need(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, media: Path
) -> None:
    entry = await setup_entry()
    started_at = _now(seconds=1)
    incident = engine.incident(1, started_at=started_at, severity="critical", confidence=0.91)
    await engine.push_incident(incident)
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    state = hass.states.get(EVENT)
    assert state is not None
    told = {key: state.attributes[key] for key in state.attributes if key not in ("event_types", "friendly_name")}
    incident_id = incident["incident_id"]
    assert told == {
        "event_type": "fighting",
        "incident_id": incident_id,
        "confidence": 0.91,
        "severity": "critical",
        "started_at": started_at,
        "notify": True,
        "suppressed_by": None,
        "source": "model",
        "zone": None,
        "rule": None,
        "why": [],
        "snapshot": f"/media/local/crime_detect/front_door/{incident_id}.jpg",
        "clip": f"/api/crime_detect/{entry.entry_id}/{incident_id}/clip.mp4",
    }
    assert (media / "crime_detect" / "front_door" / f"{incident_id}.jpg").is_file()


async def test_fires_again_only_when_it_becomes_worse(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    fired = record(hass, EVENT)
    incident = engine.incident(1, started_at=_now(seconds=1))
    await engine.push_incident(incident)
    await engine.push_incident(incident | {"confidence": 0.95})
    await engine.push_incident(incident | {"severity": "critical"})
    await engine.push_incident(incident | {"severity": "critical", "confidence": 0.97})
    await engine.push_incident(incident | {"severity": "critical", "label": "robbery"})
    await engine.push_incident(incident | {"severity": "alert", "label": "robbery"})
    await engine.push_incident(incident | {"severity": "critical", "label": "robbery", "ended_at": _now(seconds=0)})
    await engine.push_incident(
        incident | {"severity": "critical", "label": "robbery", "ended_at": _now(), "verdict": "confirmed"}
    )
    last = engine.incident(2, camera="yard", started_at=_now(seconds=0))
    await engine.push_incident(last)
    await eventually(lambda: attribute(hass, "event.yard_incident", "incident_id") == last["incident_id"])
    await eventually(lambda: bool(fired) and fired[-1].attributes["event_type"] == "robbery")
    # What came while one was dealt with is one: never more than these, and the newest always.
    told = [(state.attributes["event_type"], state.attributes["severity"]) for state in fired]
    assert told[-1] == ("robbery", "critical")
    assert len(told) == len(set(told)) <= 3


async def test_each_rise_is_told_in_its_turn(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    fired = record(hass, EVENT)
    incident = engine.incident(1, started_at=_now(seconds=1))
    await engine.push_incident(incident)
    await eventually(lambda: len(fired) == 1)
    await engine.push_incident(incident | {"severity": "critical"})
    await eventually(lambda: len(fired) == 2)
    await engine.push_incident(incident | {"severity": "critical", "label": "weapon"})
    await eventually(lambda: len(fired) == 3)
    told = [(state.attributes["event_type"], state.attributes["severity"]) for state in fired]
    assert told == [("fighting", "alert"), ("fighting", "critical"), ("weapon", "critical")]


async def test_what_rings_nobody_is_told_all_the_same(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_incident(engine.incident(1, started_at=_now(), notify=False, suppressed_by="schedule"))
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    assert attribute(hass, EVENT, "notify") is False
    assert attribute(hass, EVENT, "suppressed_by") == "schedule"


async def test_detections_below_the_threshold_are_no_events(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_incident(engine.incident(1, started_at=_now(), severity="detection"))
    await engine.push_incident(engine.incident(2, started_at=_now()))
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    assert attribute(hass, EVENT, "incident_id") == engine.incident(2)["incident_id"]


async def test_what_is_long_over_fires_nothing(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_incident(engine.incident(1, started_at=_now(minutes=9), ended_at=_now(minutes=8)))
    await eventually(lambda: value(hass, "sensor.front_door_last_incident") != STATE_UNKNOWN)
    assert value(hass, EVENT) == STATE_UNKNOWN


async def test_cameras_do_not_mix(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, media: Path
) -> None:
    await setup_entry()
    both = engine.incident(1, started_at=_now()), engine.incident(2, camera="yard", started_at=_now())
    for incident in both:
        await engine.push_incident(incident)
    for camera, incident in zip(("front_door", "yard"), both, strict=True):
        entity_id = f"event.{camera}_incident"
        await eventually(lambda entity_id=entity_id: value(hass, entity_id) != STATE_UNKNOWN)
        assert attribute(hass, entity_id, "incident_id") == incident["incident_id"]
        assert f"/{camera}/{incident['incident_id']}.jpg" in str(attribute(hass, entity_id, "snapshot"))
        picture = await async_get_image(hass, f"image.{camera}_last_incident")
        assert picture.content == engine.picture(incident["incident_id"], 1)


async def test_picture_and_image_are_there_when_it_fires(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, media: Path
) -> None:
    await setup_entry()
    before = engine.incident(1, started_at=_now(seconds=9), ended_at=_now(seconds=3))
    await engine.push_incident(before)
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    earlier = value(hass, IMAGE)
    seen: list[tuple[bytes, str]] = []
    images: list[asyncio.Task[Any]] = []

    @callback
    def at_the_moment(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        assert state is not None
        file = media / str(state.attributes["snapshot"]).removeprefix("/media/local/")
        seen.append((file.read_bytes(), value(hass, IMAGE)))
        images.append(hass.async_create_task(async_get_image(hass, IMAGE)))

    async_track_state_change_event(hass, EVENT, at_the_moment)
    incident = engine.incident(2, started_at=_now())
    await engine.push_incident(incident)
    await eventually(lambda: bool(seen))
    wanted = engine.picture(incident["incident_id"], 1)
    assert seen[0][0] == wanted
    assert seen[0][1] > earlier
    assert (await images[0]).content == wanted


async def test_without_a_picture_it_fires_and_says_so(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    engine.fail("snapshot.jpg", 404)
    await setup_entry()
    await engine.push_incident(engine.incident(1, started_at=_now(), rev=0))
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    assert attribute(hass, EVENT, "snapshot") is None


async def test_types_are_those_of_the_model_and_of_rules(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    rules = engine.info["rules"]
    assert attribute(hass, EVENT, "event_types") == ["fighting", *rules]
    await engine.push_info(labels=["normal", "robbery", "weapon"])
    await eventually(lambda: attribute(hass, EVENT, "event_types") == ["robbery", "weapon", *rules])
    await engine.push_info(rules=["trespassing", "climbing"])
    await eventually(lambda: attribute(hass, EVENT, "event_types") == ["robbery", "weapon", "trespassing", "climbing"])


async def test_an_engine_without_rules_has_types_all_the_same(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    del engine.info["rules"]
    await setup_entry()
    assert attribute(hass, EVENT, "event_types") == ["fighting"]


async def test_somebody_in_a_zone_fires_with_the_zone_and_the_rule(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    why = [{"reason": "in_zone", "weight": 0.0, "detail": "2.5 s"}]
    incident = engine.incident(1, started_at=_now(), label="trespassing", source="zone", zone="yard", rule="intrusion")
    await engine.push_incident(incident | {"why": why})
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    told = {key: attribute(hass, EVENT, key) for key in ("event_type", "source", "zone", "rule", "why")}
    assert told == {
        "event_type": "trespassing", "source": "zone", "zone": "yard", "rule": "intrusion", "why": ["in_zone"]
    }  # fmt: skip


async def test_what_a_person_or_another_system_reports_fires_too(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_incident(engine.incident(1, started_at=_now(), label="intrusion", source="nvr"))
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    assert attribute(hass, EVENT, "event_type") == "intrusion"
    assert attribute(hass, EVENT, "event_types") == ["fighting", *engine.info["rules"], "intrusion"]


async def test_last_words_of_an_engine_reach_automations(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    """It says `new` and is cut off before its picture is here: from `unavailable`, automations would not hear it."""
    await setup_entry()
    fired = record(hass, EVENT)
    picture = engine.fail("snapshot.jpg", hold=asyncio.Event())
    incident = engine.incident(1, started_at=_now())
    await engine.push_incident(incident)
    await eventually(lambda: picture.met == 1)
    await engine.stop()
    await eventually(lambda: len(fired) >= 4)
    states = [state.state for state in fired]
    assert states[:2] == [STATE_UNAVAILABLE, STATE_UNKNOWN]
    assert fired[2].attributes["incident_id"] == incident["incident_id"]
    assert states[3] == STATE_UNAVAILABLE == value(hass, EVENT)


async def test_what_happened_while_home_assistant_was_away_fires_once(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    entry = await setup_entry()
    first = engine.incident(1, started_at=_now(seconds=2))
    await engine.push_incident(first)
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    await hass.config_entries.async_unload(entry.entry_id)
    second = engine.incident(2, started_at=_now())
    await engine.push_incident(first | {"confidence": 0.99})
    await engine.push_incident(second)
    fired = record(hass, EVENT)
    await setup_entry()
    await eventually(lambda: attribute(hass, EVENT, "incident_id") == second["incident_id"])
    ids = [state.attributes["incident_id"] for state in fired if state.state != STATE_UNAVAILABLE]
    assert ids == [first["incident_id"], second["incident_id"]]  # as it was, then the news


async def test_over_a_broker_there_is_no_clip(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, monkeypatch: Any
) -> None:
    entry = await setup_entry()
    monkeypatch.setattr(WebSocketLink, "client", None)
    assert entry.runtime_data.link.client is None
    await engine.push_incident(engine.incident(1, started_at=_now()))
    await eventually(lambda: value(hass, EVENT) != STATE_UNKNOWN)
    assert attribute(hass, EVENT, "clip") is None
