"""The entities of one camera in MQTT discovery: what is in them, and what a broker or a camera does not allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from crime_detect_engine.outputs.mqtt_entities import device_config

from tests.fakes import FakeEngine

ROOT = "crime_detect/home"


def config(engine: FakeEngine, **options: bool) -> dict[str, Any]:
    options = {"commands": True, "media": True} | options
    return device_config(ROOT, engine.views["yard"], engine.info(), **options)


def draw(engine: FakeEngine, detector: str = "auto", **areas: Any) -> None:
    """Zones and lines of the yard."""
    engine.views["yard"] = replace(engine.views["yard"], settings={"detector": detector, "lines": {}} | areas)


def test_what_the_broker_does_not_allow_is_taken_away(engine: FakeEngine) -> None:
    full, bare = config(engine)["components"], config(engine, commands=False, media=False)["components"]
    assert full["privacy"]["command_topic"] == f"{ROOT}/yard/privacy/set"
    assert full["last_incident"]["image_topic"] == f"{ROOT}/yard/snapshot"
    for key, platform in {"privacy": "switch", "detection": "switch", "last_incident": "image"}.items():
        assert bare[key] == {"platform": platform}, "a component with nothing but its platform is removed"


def test_a_private_camera_can_be_switched_back(engine: FakeEngine) -> None:
    """`online` is false while privacy is on: what depended on it could never be switched off again."""
    components = config(engine)["components"]
    waiting = {key for key, one in components.items() if len(one["availability"]) == 2}
    assert waiting == {"incident_active", "threat_class", "confidence"}
    assert all(one["availability"][0] == {"topic": f"{ROOT}/available"} for one in components.values())


def test_every_class_can_be_an_event_and_each_entity_has_an_id_of_its_own(engine: FakeEngine) -> None:
    components = config(engine)["components"]
    assert components["incident"]["event_types"] == ["fighting"]
    assert components["threat_class"]["options"] == ["normal", "fighting"]
    ids = [one["unique_id"] for one in components.values()]
    assert len(set(ids)) == len(ids)
    assert all(one.startswith(f"{engine.uuid}_yard_") for one in ids)


def test_rules_find_events_too(engine: FakeEngine) -> None:
    info = {**engine.info(), "rules": ["trespassing", "fighting"]}
    components = device_config(ROOT, engine.views["yard"], info, commands=True, media=True)["components"]
    assert components["incident"]["event_types"] == ["fighting", "trespassing"]
    assert components["threat_class"]["options"] == ["normal", "fighting"]


@pytest.mark.parametrize(
    ("detector", "areas", "expected"),
    [
        ("auto", {"zones": {}}, set()),
        ("auto", {"zones": {}, "lines": {"gate": {}}}, {"occupancy", "persons"}),
        ("auto", {"zones": {"back_yard": {}}}, {"occupancy", "persons", "zone_back_yard_occupancy"}),
        ("on", {"zones": {}}, {"occupancy", "persons"}),
        ("off", {"zones": {"back_yard": {}}}, set()),
    ],
)
def test_who_is_where_is_told_of_cameras_at_which_somebody_looks(
    engine: FakeEngine, detector: str, areas: dict[str, Any], expected: set[str]
) -> None:
    before = set(config(engine)["components"])
    draw(engine, detector, **areas)
    components = config(engine)["components"]
    assert set(components) - before == expected
    for key in expected:
        assert len(components[key]["availability"]) == 2, "unknown while nobody looks"
    if "zone_back_yard_occupancy" in expected:
        assert components["zone_back_yard_occupancy"]["name"] == "Back yard occupancy"
        assert components["zone_back_yard_occupancy"]["device_class"] == "occupancy"
