"""The golden JSON as the integration reads it. The same files hold the engine: neither side changes alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from custom_components.crime_detect.const import MIN_ENGINE_VERSION, SUPPORTED_SCHEMA
from custom_components.crime_detect.engine.errors import BadMessageError
from custom_components.crime_detect.engine.models import (
    CameraState,
    ChangeType,
    EngineInfo,
    Incident,
    IncidentMessage,
    Problem,
    Severity,
    ZoneState,
)
from tests.integration.fake_engine import golden

UUID, EPOCH = "0c4f1f9e-6f3e-4b6e-9a5e-000000000001", "01KDWEPOCH0000000000000000"
AT = datetime(2026, 11, 21, 3, 0, 0, tzinfo=UTC)
CAMERAS = {"front_door": "Front door", "yard": "Yard"}
FEATURES = frozenset(
    {"cameras", "retention", "sources_test", "mqtt_discovery", "models", "zones", "reports", "evidence"}
)
RULES = ("trespassing", "loitering", "line_crossing", "object_left", "object_taken", "crowd", "running", "tampering")
PROBLEMS = (
    Problem("gpu_absent", None, "cuda is not there: the cpu is used"),
    Problem("camera_credentials", "yard", "user name or password refused"),
)


def test_what_the_engine_is() -> None:
    for data in (golden("info_http"), golden("hello")["data"]["engine"], golden("feed_engine")["data"]):
        assert EngineInfo.from_json(data) == EngineInfo(
            uuid=UUID,
            epoch=EPOCH,
            instance="home",
            version="0.2.0",
            schema_version=SUPPORTED_SCHEMA,
            labels=("normal", "fighting"),
            cameras=CAMERAS,
            api_url="http://192.168.1.5:8099",
            device="cpu",
            model="fight-mobilenet_v2-lstm",
            features=FEATURES,
            fallback="cuda is not there: the cpu is used",
            storage_used_bytes=101_000_000,
            storage_free_bytes=10_000_000_000,
            alerts_today=3,
            gpu_load=None,
            problems=PROBLEMS,
            mqtt_discovery=False,
            rules=RULES,
        )


def test_what_the_engine_is_over_mqtt() -> None:
    info = EngineInfo.from_json(golden("info"))
    assert (info.uuid, info.epoch, info.instance, info.version) == (UUID, EPOCH, "home", "0.2.0")
    assert (info.labels, info.cameras, info.api_url) == (("normal", "fighting"), CAMERAS, "http://192.168.1.5:8099")
    assert (info.features, info.problems, info.mqtt_discovery) == (FEATURES, PROBLEMS, False)
    assert (info.rules, info.classes) == (RULES, ("fighting", *RULES))
    assert info.model == "fight-mobilenet_v2-lstm 1", "its name until the statistics come"
    assert (info.device, info.alerts_today, info.storage_used_bytes, info.storage_free_bytes) == (None,) * 4
    from_stats = {key: golden("stats")[key] for key in ("device", "model", "storage", "alerts_today", "gpu_load")}
    told = EngineInfo.from_json(golden("info") | from_stats)
    assert (told.model, told.device, told.alerts_today, told.gpu_load) == ("fight-mobilenet_v2-lstm", "cpu", 3, None)
    assert (told.storage_used_bytes, told.storage_free_bytes) == (101_000_000, 10_000_000_000)


def test_the_version_that_the_engine_speaks_is_not_too_old() -> None:
    assert EngineInfo.from_json(golden("info")).version >= MIN_ENGINE_VERSION


def test_the_state_of_a_camera() -> None:
    live = CameraState(
        state="live",
        online=True,
        active=True,
        label="fighting",
        confidence=0.9346,
        threshold=0.7,
        detection=True,
        privacy=False,
        tampered=True,
        snoozed_until=AT.replace(minute=30),
        fps=7.5,
        latency_ms=84.0,
        model="fight-mobilenet_v2-lstm",
        updated_at=AT,
        tamper="covered",
        persons=1,
        zones={"yard": ZoneState(persons=1, occupied=True)},
    )
    lost = CameraState(
        state="lost",
        online=False,
        active=False,
        label="normal",
        confidence=0.0,
        threshold=0.8,
        detection=True,
        privacy=False,
        tampered=False,
        snoozed_until=None,
        fps=0.0,
        latency_ms=None,
        model="fight-mobilenet_v2-lstm",
        updated_at=AT,
    )
    assert CameraState.from_json(golden("state")) == live
    assert CameraState.from_json(golden("state_lost")) == lost
    assert CameraState.from_json(golden("camera")["state"]) == live
    assert CameraState.from_json(golden("feed_camera")["data"]) == lost


def full_incident() -> Incident:
    return Incident(
        incident_id="01KDWABCDEFGHJKMNPQRSTVWXY",
        camera="front_door",
        source="model",
        label="fighting",
        confidence=0.9346,
        severity=Severity.CRITICAL,
        notify=False,
        suppressed_by="cooldown",
        started_at=AT,
        ended_at=AT.replace(second=9, microsecond=500_000),
        snapshot_rev=2,
        has_clip=True,
        verdict="confirmed",
        acknowledged=True,
        hold=True,
        raw=golden("incident_full"),
        zone="yard",
        rule="intrusion",
        why=("person_in_region",),
    )


def test_incidents() -> None:
    assert Incident.from_json(golden("incident_full")) == full_incident()
    empty = Incident.from_json(golden("incident_empty"))
    assert (empty.camera, empty.source, empty.label, empty.confidence) == ("yard", "manual", "vandalism", 1.0)
    assert (empty.severity, empty.notify, empty.suppressed_by) == (Severity.ALERT, True, None)
    assert (empty.ended_at, empty.snapshot_rev, empty.has_clip) == (None, 0, False)
    assert (empty.verdict, empty.acknowledged, empty.hold) == (None, False, False)
    assert (empty.zone, empty.rule, empty.why, empty.things) == (None, None, (), frozenset())
    assert full_incident().things == {"person"}
    assert [Incident.from_json(one) for one in golden("incidents_page")["items"]] == [full_incident(), empty]


def test_an_engine_that_knows_no_zones() -> None:
    info = golden("info")
    del info["rules"]
    assert EngineInfo.from_json(info).classes == ("fighting",)
    state = {key: value for key, value in golden("state").items() if key not in ("tamper", "persons", "zones")}
    before = CameraState.from_json(state)
    assert (before.tamper, before.persons, before.zones) == (None, None, {})
    incident = {key: value for key, value in golden("incident_full").items() if key not in ("rule", "why", "zone")}
    old = Incident.from_json(incident)
    assert (old.rule, old.why, old.zone) == (None, (), None)


@pytest.mark.parametrize(
    ("name", "kind", "seq", "revisions"),
    [
        ("message_new", ChangeType.NEW, 38, (None, 1)),
        ("message_update", ChangeType.UPDATE, 39, (1, 2)),
        ("message_end", ChangeType.END, 40, (1, 1)),
        ("message_deleted", ChangeType.DELETED, 41, (2, None)),
    ],
)
def test_what_happens_to_an_incident(
    name: str, kind: ChangeType, seq: int, revisions: tuple[int | None, int | None]
) -> None:
    message = IncidentMessage.from_json(golden(name))
    assert (message.uuid, message.epoch, message.seq, message.type) == (UUID, EPOCH, seq, kind)
    assert (message.before and message.before.snapshot_rev, message.after and message.after.snapshot_rev) == revisions
    assert message.incident.incident_id == "01KDWABCDEFGHJKMNPQRSTVWXY"
    assert (message.incident.ended_at is not None) is (kind in (ChangeType.END, ChangeType.DELETED))


def test_envelopes() -> None:
    for name in ("hello", "feed_incident", "feed_camera", "feed_engine", "replay", "reset"):
        message = golden(name)
        assert (message["schema_version"], message["uuid"], message["epoch"]) == (SUPPORTED_SCHEMA, UUID, EPOCH)
        assert isinstance(message["seq"], int)
    assert {name: golden(name)["kind"] for name in ("hello", "feed_incident", "feed_camera", "replay", "reset")} == {
        "hello": "hello",
        "feed_incident": "incident",
        "feed_camera": "camera",
        "replay": "incident",
        "reset": "reset",
    }
    assert (golden("feed_camera")["camera"], golden("feed_engine")["kind"]) == ("yard", "engine")
    assert set(golden("hello")["data"]["cameras"]) == set(CAMERAS)
    assert IncidentMessage.from_json(golden("replay")["data"], replayed=True).replayed


# --- what is not as promised ----------------------------------------------------------------------------------------


def test_more_than_we_know_is_ignored() -> None:
    assert EngineInfo.from_json(golden("info_http") | {"new": {"deep": 1}}).uuid == UUID
    assert Incident.from_json(golden("incident_full") | {"new": 1}).camera == "front_door"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("incident_id", "../../../etc/passwd"),
        ("incident_id", "a/b"),
        ("incident_id", ""),
        ("incident_id", "."),
        ("incident_id", "é"),
        ("incident_id", "x" * 65),
        ("incident_id", 7),
        ("camera", ".."),
        ("camera", "a\0b"),
        ("camera", None),
        ("severity", "apocalyptic"),
        ("severity", None),
        ("label", ["fighting"]),
        ("confidence", "much"),
        ("confidence", None),
        ("started_at", "yesterday"),
        ("started_at", "2026-11-21T03:00:00"),
        ("started_at", 1763694000),
        ("media", None),
        ("media", {"snapshot": "x", "snapshot_rev": "two"}),
    ],
)
def test_an_incident_that_is_none(key: str, value: Any) -> None:
    with pytest.raises(BadMessageError):
        Incident.from_json(golden("incident_full") | {key: value})


@pytest.mark.parametrize("key", ["incident_id", "camera", "label", "severity", "notify", "started_at", "media"])
def test_what_an_incident_must_have(key: str) -> None:
    data = golden("incident_full")
    del data[key]
    with pytest.raises(BadMessageError, match=key):
        Incident.from_json(data)


@pytest.mark.parametrize(
    "change", [{"type": "exploded"}, {"seq": None}, {"after": None}, {"after": {}}, {"after": "text"}, {"uuid": 1}]
)
def test_a_message_that_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(BadMessageError):
        IncidentMessage.from_json(golden("message_new") | change)


@pytest.mark.parametrize(
    "change",
    [
        {"uuid": None},
        {"labels": None},
        {"cameras": [{"id": "../x", "name": "X"}]},
        {"cameras": [{"id": "yard"}]},
        {"cameras": ["yard"]},
        {"schema_version": "new"},
        {"version": None, "versions": {}},
        {"problems": [{"camera": "yard"}]},
        {"storage": "full"},
        {"model": "text"},
        {"gpu_load": "hot"},
        {"alerts_today": []},
        {"api_url": 5},
        {"rules": [5]},
    ],
)
def test_an_engine_that_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(BadMessageError):
        EngineInfo.from_json(golden("info_http") | change)


@pytest.mark.parametrize("change", [{"online": None}, {"threshold": None}, {"updated_at": None}, {"fps": "fast"}])
def test_a_state_that_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(BadMessageError):
        CameraState.from_json(golden("state") | change)
