"""The JSON that programs read: golden copies in tests/fixtures/wire, made by the engine's own code from fixed input."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from aiohttp import FormData
from crime_detect_engine.domain.errors import CrimeDetectError
from crime_detect_engine.domain.types import CameraChanged, ChangeType, EngineChanged, Incident, IncidentChanged
from crime_detect_engine.domain.wire import event_data, event_message, incident_json
from crime_detect_engine.web.errors import answer, error_json
from crime_detect_engine.web.route import Route
from crime_detect_engine.web.routes import ROUTES

WIRE = Path(__file__).resolve().parent.parent / "fixtures" / "wire"
UUID, EPOCH = "0c4f1f9e-6f3e-4b6e-9a5e-000000000001", "01KDWEPOCH0000000000000000"
Golden = Callable[[str, Any], None]
Shape = Mapping[str, type | tuple[type, ...]]
TEXT, OPTIONAL_TEXT, NUMBER, OPTIONAL_MAP = str, (str, NoneType), (int, float), (dict, NoneType)

# The contract's fields, written out: what is added to the code and not here is a change of the contract.
INCIDENT: Shape = {
    "incident_id": TEXT, "camera": TEXT, "source": TEXT, "label": TEXT, "confidence": NUMBER, "threshold": NUMBER,
    "probabilities": dict, "boxes": list, "zone": OPTIONAL_TEXT, "location": OPTIONAL_MAP, "identities": list,
    "rule": OPTIONAL_TEXT, "why": list, "attributes": dict,
    "severity": TEXT, "notify": bool, "suppressed_by": OPTIONAL_TEXT, "started_at": TEXT, "ended_at": OPTIONAL_TEXT,
    "scores_summary": dict, "model": OPTIONAL_MAP, "media": dict, "verdict": OPTIONAL_TEXT, "acknowledged": bool,
    "hold": bool, "frigate_event_id": OPTIONAL_TEXT,
}  # fmt: skip
MEDIA: Shape = {"snapshot": OPTIONAL_TEXT, "snapshot_rev": int, "clip": OPTIONAL_TEXT}
INCIDENT_MESSAGE: Shape = {
    "schema_version": int, "uuid": TEXT, "epoch": TEXT, "seq": int, "type": TEXT, "before": OPTIONAL_MAP,
    "after": OPTIONAL_MAP,
}  # fmt: skip
STATE: Shape = {
    "schema_version": int, "state": TEXT, "online": bool, "active": bool, "label": TEXT, "confidence": NUMBER,
    "threshold": NUMBER, "detection": bool, "privacy": bool, "tampered": bool,
    "tamper": OPTIONAL_TEXT, "persons": (int, NoneType), "objects": dict, "zones": dict, "snoozed_until": OPTIONAL_TEXT,
    "fps": NUMBER, "latency_ms": (int, float, NoneType), "model": TEXT, "updated_at": TEXT,
}  # fmt: skip
INFO: Shape = {
    "schema_version": int, "uuid": TEXT, "epoch": TEXT, "instance": TEXT, "versions": dict, "labels": list,
    "rules": list, "cameras": list, "api_url": OPTIONAL_TEXT, "features": list, "mqtt_discovery": bool,
    "problems": list,
}  # fmt: skip
PROBLEM: Shape = {"code": TEXT, "camera": OPTIONAL_TEXT, "detail": TEXT}
ENVELOPE: Shape = {"schema_version": int, "uuid": TEXT, "epoch": TEXT, "seq": int, "kind": TEXT, "data": dict}
JOB: Shape = {"job_id": TEXT, "name": TEXT, "state": TEXT, "result": OPTIONAL_MAP, "error": OPTIONAL_TEXT}
MODEL: Shape = {
    "name": TEXT, "version": OPTIONAL_TEXT, "labels": list, "active": bool, "cameras": list, "usable": bool,
    "error": OPTIONAL_TEXT, "demo": bool, "metrics": dict,
}  # fmt: skip
OBJECT: Shape = {
    "track": int, "label": TEXT, "box": list, "score": NUMBER, "dwell_s": NUMBER, "speed": NUMBER, "zones": list,
    "identity": OPTIONAL_TEXT,
}  # fmt: skip
PAGE: Shape = {"items": list, "next_cursor": OPTIONAL_TEXT}


def read(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text())


def assert_shape(value: Mapping[str, Any], shape: Shape) -> None:
    assert set(value) == set(shape)
    wrong = {key: value[key] for key, kind in shape.items() if not isinstance(value[key], kind)}
    wrong |= {key: value[key] for key, kind in shape.items() if isinstance(value[key], bool) and kind is not bool}
    assert not wrong


# --- incidents ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["full", "empty"])
def test_an_incident(which: str, incidents: dict[str, Incident], golden: Golden) -> None:
    value = incident_json(incidents[which])
    golden(f"incident_{which}", value)
    assert_shape(value, INCIDENT)
    assert_shape(value["media"], MEDIA)


def test_the_two_incidents_show_every_value_and_every_null() -> None:
    full, empty = read("incident_full"), read("incident_empty")
    assert None not in full.values()
    assert None not in full["media"].values()
    nullable = {key for key, kind in INCIDENT.items() if isinstance(kind, tuple) and NoneType in kind}
    assert {key for key, value in empty.items() if value is None} == nullable
    assert (empty["media"]["snapshot"], empty["media"]["clip"]) == (None, None)


def changes(incidents: dict[str, Incident]) -> dict[str, IncidentChanged]:
    opened, full = incidents["opened"], incidents["full"]
    ended = replace(opened, ended_at=full.ended_at, clip=full.clip)
    return {
        "new": IncidentChanged(38, ChangeType.NEW, None, opened, opened.started_at),
        "update": IncidentChanged(39, ChangeType.UPDATE, opened, replace(opened, snapshot_rev=2), opened.started_at),
        "end": IncidentChanged(40, ChangeType.END, opened, ended, opened.started_at),
        "deleted": IncidentChanged(41, ChangeType.DELETED, full, None, opened.started_at),
    }


@pytest.mark.parametrize("kind", ["new", "update", "end", "deleted"])
def test_a_message_about_an_incident(kind: str, incidents: dict[str, Incident], golden: Golden) -> None:
    value = event_data(changes(incidents)[kind], UUID, EPOCH)
    golden(f"message_{kind}", value)
    assert_shape(value, INCIDENT_MESSAGE)
    assert value["type"] == kind
    assert (value["before"] is None, value["after"] is None) == (kind == "new", kind == "deleted")


# --- cameras, engine, feed ----------------------------------------------------------------------------------------


async def test_camera_states(served: Any, golden: Golden) -> None:
    for name, camera in (("state", "front_door"), ("state_lost", "yard")):
        value = served.engine.views[camera].state
        golden(name, value)
        assert_shape(value, STATE)
    assert None not in read("state").values()
    assert (read("state_lost")["online"], read("state_lost")["snoozed_until"]) == (False, None)


async def get(served: Any, path: str) -> Any:
    async with served.client.get(f"/api/v1{path}") as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_answers_of_the_api(served: Any, golden: Golden) -> None:
    for name, path in {
        "info_http": "/info",
        "incidents_page": "/incidents",
        "cameras_page": "/cameras",
        "camera": "/cameras/front_door",
        "objects": "/cameras/front_door/objects",
        "retention": "/retention",
        "sources_frigate": "/sources/frigate",
        "models_page": "/models",
    }.items():
        golden(name, await get(served, path))
    assert set(INFO) < set(read("info_http"))
    for problem in read("info_http")["problems"]:
        assert_shape(problem, PROBLEM)
    offer = {"source": TEXT, "name": TEXT}
    for page, shape in (
        ("incidents_page", INCIDENT),
        ("cameras_page", read("camera")),
        ("sources_frigate", offer),
        ("models_page", MODEL),
    ):
        assert_shape(read(page), PAGE)
        assert all(set(item) == set(shape) for item in read(page)["items"])
    assert_shape(read("camera")["state"], STATE)
    assert_shape(read("objects"), {"at": TEXT, "items": list})
    for one in read("objects")["items"]:
        assert_shape(one, OBJECT)


async def test_the_feed(served: Any, incidents: dict[str, Incident], golden: Golden) -> None:
    engine = served.engine
    async with served.client.ws_connect(f"/api/v1/events?since=40&epoch={EPOCH}") as socket:
        hello = await socket.receive_json(timeout=60)
        new = replace(changes(incidents)["new"], seq=42)
        engine._emit(new)
        engine._emit(CameraChanged(43, "yard", engine.views["yard"].state, engine.clock_at))
        engine._emit(EngineChanged(44, engine.info(), engine.clock_at))
        heard = {message["kind"]: message for message in [await socket.receive_json(timeout=60) for _ in range(3)]}
    golden("hello", hello)
    assert_shape(hello, ENVELOPE)
    assert set(hello["data"]) == {"oldest_seq", "engine", "cameras"}
    assert hello["data"]["engine"] == read("info_http")
    assert hello["data"]["cameras"] == {"front_door": read("state"), "yard": read("state_lost")}
    for kind in ("incident", "camera", "engine"):
        golden(f"feed_{kind}", heard[kind])
        assert_shape(heard[kind], ENVELOPE | ({} if kind == "engine" else {"camera": str}))
    assert heard["incident"]["data"] == read("message_new") | {"seq": 42}
    assert heard["camera"]["data"] == read("state_lost")


@pytest.mark.parametrize(
    ("since", "epoch", "reason"),
    [(40, "another", "unknown epoch"), (3, EPOCH, "older than the oldest event kept"), (99, EPOCH, "unknown seq")],
)
async def test_a_reset(since: int, epoch: str, reason: str, served: Any, golden: Golden) -> None:
    async with served.client.ws_connect(f"/api/v1/events?since={since}&epoch={epoch}") as socket:
        assert (await socket.receive_json(timeout=60))["kind"] == "hello"
        reset = await socket.receive_json(timeout=60)
    assert_shape(reset, ENVELOPE)
    assert reset["data"]["reason"] == reason
    if epoch != EPOCH:
        golden("reset", reset)


def test_a_feed_message_is_the_mqtt_payload_in_an_envelope(incidents: dict[str, Incident]) -> None:
    for event in changes(incidents).values():
        assert event_message(event, UUID, EPOCH)["data"] == event_data(event, UUID, EPOCH)
        assert event_message(event, UUID, EPOCH)["camera"] == "front_door", "also of one that was deleted"


# --- what clients send, and errors --------------------------------------------------------------------------------

BODIES: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "body_snooze": (
        "POST", "/cameras/{camera}/snooze", [{"minutes": 30, "label": None}, {"minutes": 0, "label": "fighting"}],
    ),
    "body_camera": (
        "PATCH", "/cameras/{camera}",
        [
            {"detection": True}, {"privacy": False}, {"threshold": 0.85}, {"name": "Gate"},
            {"source": "rtsp://user:new@10.0.0.5/s"}, {"per_class": {"fighting": 0.7}}, {"per_class": None},
            {"schedule": [{"days": ["mon", "fri"], "from": "22:00", "to": "06:00"}, {"days": "sat-sun"}]},
            {"schedule": None},
            {"masks": [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.3]]]}, {"masks": []},
            {"zones": {"yard": {"polygon": [[0.1, 0.4], [0.9, 0.4], [0.9, 1.0]], "loitering": "60s", "crowd": False}}},
            {"lines": {"gate": {"from": [0.2, 0.8], "to": [0.8, 0.8], "direction": "left_to_right"}}},
            {"zones": {}, "lines": None, "detector": "auto"},
        ],
    ),
    "body_new_camera": (
        "POST", "/cameras",
        [
            {"source": "rtsp://user:pass@10.0.0.5/s", "name": "Front door"},
            {"id": "yard", "source": "frigate:yard", "name": None},
        ],
    ),
    "body_source": ("POST", "/sources/test", [{"source": "rtsp://user:pass@10.0.0.5/s"}]),
    "body_retention": (
        "PUT", "/retention",
        [
            {"incidents": "30d", "below_threshold": "7d", "per_class": {"fighting": "90d"}, "media_quota": "20GB"},
            {"per_class": None},
        ],
    ),
    "body_verdict": (
        "POST", "/incidents/{incident}/verdict",
        [{"verdict": "confirmed"}, {"verdict": "false_alarm"}, {"verdict": None}],
    ),
    "body_acknowledge": (
        "POST", "/incidents/{incident}/acknowledge", [{"acknowledged": True}, {"acknowledged": False}],
    ),
    "body_hold": ("POST", "/incidents/{incident}/hold", [{"hold": True}, {"hold": False}]),
    "body_report": (
        "POST", "/incidents",
        [
            {"camera": "yard", "label": "vandalism", "started_at": "2026-11-21T03:00:00.000Z",
             "ended_at": "2026-11-21T03:01:00.000Z", "note": "seen by the neighbour"},
            {"camera": "yard", "label": "vandalism", "started_at": "2026-11-21T04:00:00+01:00"},
        ],
    ),
    "body_session": ("POST", "/session", [{"token": "secret"}]),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_clients_send_are_taken(name: str, golden: Golden) -> None:
    method, path, bodies = BODIES[name]
    golden(name, {"method": method, "path": f"/api/v1{path}", "bodies": bodies})
    route: Route = next(one for one in ROUTES if (one.method, one.path) == (method, f"/api/v1{path}"))
    assert route.body is not None
    for body in bodies:
        assert set(route.body(body)) >= set(body)


async def test_errors_have_one_shape(served: Any, golden: Golden) -> None:
    async with served.client.post("/api/v1/cameras/yard/snooze", json={"minutes": "soon", "colour": 1}) as response:
        assert response.status == 400
        refused = await response.json()
    golden("error", refused)
    for path, status in {"/api/v1/incidents/none": 404, "/api/v1/nothing": 404, "/api/v1/alerts/test": 405}.items():
        async with served.client.get(path) as response:
            assert response.status == status
            body = await response.json()
        assert set(body) == {"error"}
        assert_shape(body["error"], {"code": str, "message": str, "details": dict})
    unknown = json.loads(answer(CrimeDetectError("no")).body or b"")  # type: ignore[arg-type]
    assert unknown == error_json("failed", "no")


async def test_jobs(served: Any, golden: Golden) -> None:
    served.engine.analysis = {
        "duration_s": 2.0, "label": "fighting", "confidence": 0.93, "suspicious": True,
        "probabilities": {"normal": 0.07, "fighting": 0.93},
        "windows": [{"start_s": 0.0, "end_s": 2.0, "probabilities": {"normal": 0.07, "fighting": 0.93}}],
    }  # fmt: skip
    for name, content in (("job_done", b"video of a yard"), ("job_failed", b"nonsense")):
        form = FormData()
        form.add_field("file", content, filename="yard.mp4")
        async with served.client.post("/api/v1/analyze", data=form) as response:
            assert response.status == 202
            job = await response.json()
        golden("job_queued", {**job, "job_id": "J"})
        async with asyncio.timeout(60):
            while job["state"] in ("queued", "running"):
                job = await get(served, f"/jobs/{job['job_id']}")
                await asyncio.sleep(0.02)
        assert_shape(job, JOB)
        golden(name, {**job, "job_id": "J"})
        assert job["state"] == name.removeprefix("job_")


def test_every_golden_file_belongs_to_a_test() -> None:
    written = (Path(__file__).read_text() + Path(__file__).with_name("test_mqtt.py").read_text()).replace('"', "`")
    families = ("incident_", "message_", "feed_")
    orphans = [
        path.stem
        for path in WIRE.glob("*.json")
        if f"`{path.stem}`" not in written and not path.stem.startswith(families)
    ]
    assert not orphans
