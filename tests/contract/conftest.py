"""Owns the golden JSON of tests/fixtures/wire and an engine that always says the same, served over real wires."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession
from crime_detect_engine.config import CameraConfig
from crime_detect_engine.config.settings import LineConfig, ZoneConfig
from crime_detect_engine.configuring import settings_json
from crime_detect_engine.decision.schedule import ScheduleWindow
from crime_detect_engine.decision.state import OpenIncident, PolicyState, Track
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor, CameraRuntime, CameraView, IncidentQuery, Page
from crime_detect_engine.domain.types import (
    CameraState,
    CameraStatus,
    Event,
    Incident,
    IncidentSource,
    Location,
    ModelRef,
    ModelSpec,
    Rules,
    Score,
    Severity,
    SuppressedBy,
    Verdict,
)
from crime_detect_engine.line import Line
from crime_detect_engine.outputs.outbox import ChannelStatus
from crime_detect_engine.pipeline import Pipeline
from crime_detect_engine.status import Identity, Status
from crime_detect_engine.tracking.places import CrossingLine, Zone
from crime_detect_engine.web.access import ROLES, Access
from crime_detect_engine.web.server import Server, build_app, serve

from tests.fakes import FakeEngine
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener, mosquitto_missing

WIRE = Path(__file__).resolve().parent.parent / "fixtures" / "wire"
REWRITE = os.environ.get("CRIME_DETECT_WRITE_GOLDEN") == "1"
UUID, EPOCH = "0c4f1f9e-6f3e-4b6e-9a5e-000000000001", "01KDWEPOCH0000000000000000"
AT = datetime(2026, 11, 21, 3, 0, 0, tzinfo=UTC)
API_URL = "http://192.168.1.5:8099"
SPEC = ModelSpec(
    name="fight-mobilenet_v2-lstm", version="1", network="mobilenet_v2-lstm", labels=("normal", "fighting"),
    frames=16, fps=8.0, size=192, input="difference", gain=2.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
    scale="unit", interpolation="bilinear", feature_dim=1280, hidden_dim=128, temperature=1.2, min_frames=10,
    trained=True, metrics={"balanced_accuracy": 0.9},
)  # fmt: skip
IN_VIEW = {
    "tampered": True, "tamper": "covered", "persons": 1, "objects": {"car": 2, "person": 1},
    "zones": {"yard": {"persons": 1, "objects": {"person": 1}, "occupied": True}},
}  # fmt: skip
YARD = Zone("yard", ((0.1, 0.4), (0.9, 0.4), (0.9, 1.0)), intrusion_s=1.0, loitering_s=60.0)
GATE = CrossingLine("gate", (0.2, 0.8), (0.8, 0.8), "left_to_right")
SEEN = [
    {
        "label": "person", "box": [0.41, 0.32, 0.12, 0.48], "score": 0.86, "track": 7, "dwell_s": 12.5, "speed": 0.4,
        "zones": ["yard"], "identity": None,
    },
    {
        "label": "car", "box": [0.05, 0.5, 0.3, 0.22], "score": 0.91, "track": 3, "dwell_s": 340.0, "speed": 0.0,
        "zones": [], "identity": "courier",
    },
]  # fmt: skip
NIGHTS = ScheduleWindow(frozenset(range(5)), 22 * 60, 6 * 60)

Golden = Callable[[str, Any], None]


@pytest.fixture
def golden() -> Golden:
    """`golden(name, value)`: the value is the golden JSON of that name. CRIME_DETECT_WRITE_GOLDEN=1 writes it anew."""

    def check(name: str, value: Any) -> None:
        path = WIRE / f"{name}.json"
        if REWRITE:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        wanted = json.loads(path.read_text())
        assert json.loads(json.dumps(value)) == wanted
        assert list(value) == list(wanted), "the order of the keys is for people, and stays"

    return check


@pytest.fixture(autouse=True)
def one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release does not change the golden files."""
    monkeypatch.setattr("crime_detect_engine.status.__version__", "0.2.0")


def full_incident() -> Incident:
    """Every field set, also those that this version leaves empty."""
    return Incident(
        incident_id="01KDWABCDEFGHJKMNPQRSTVWXY",
        camera="front_door",
        source=IncidentSource.MODEL,
        label="fighting",
        confidence=0.93456,
        threshold=0.8,
        severity=Severity.CRITICAL,
        notify=False,
        suppressed_by=SuppressedBy.COOLDOWN,
        started_at=AT,
        ended_at=AT.replace(second=9, microsecond=500_000),
        model=ModelRef("fight-mobilenet_v2-lstm", "1"),
        probabilities={"normal": 0.06544, "fighting": 0.93456},
        boxes=({"label": "person", "box": [0.1, 0.2, 0.3, 0.4], "score": 0.8},),
        zone="yard",
        location=Location(52.1, 4.3),
        identities=("courier",),
        scores_summary={"count": 6, "max": 0.93456, "mean": 0.81},
        snapshot="2026/11/21/01KDWABCDEFGHJKMNPQRSTVWXY.jpg",
        snapshot_rev=2,
        clip="2026/11/21/01KDWABCDEFGHJKMNPQRSTVWXY.mp4",
        verdict=Verdict.CONFIRMED,
        acknowledged=True,
        hold=True,
        frigate_event_id="1763694000.123456-abc123",
        rule="intrusion",
        why=({"reason": "person_in_region", "weight": 0.4, "detail": "1 person where it moves"},),
        attributes={"carried": [{"label": "backpack", "confidence": 0.61}]},
        note="never on the wire",
    )


def empty_incident() -> Incident:
    """Every field that may be null is, and every list is empty."""
    return Incident(
        incident_id="01KDWZZZZZZZZZZZZZZZZZZZZZ",
        camera="yard",
        source=IncidentSource.MANUAL,
        label="vandalism",
        confidence=1.0,
        threshold=0.0,
        severity=Severity.ALERT,
        notify=True,
        suppressed_by=None,
        started_at=AT,
        ended_at=None,
        model=None,
    )


def opened_incident() -> Incident:
    """`full_incident` as it was told first."""
    return replace(
        full_incident(), ended_at=None, confidence=0.85, probabilities={"normal": 0.15, "fighting": 0.85},
        severity=Severity.ALERT, notify=True, suppressed_by=None, scores_summary={"count": 3, "max": 0.85, "mean": 0.8},
        snapshot_rev=1, clip=None, verdict=None, acknowledged=False, hold=False, frigate_event_id=None, boxes=(),
        zone=None, identities=(), rule=None, why=(), attributes={},
    )  # fmt: skip


def make_line(camera: str, state: CameraState, clock: ManualClock, *, busy: bool) -> Any:
    """A real Line over a capture that is in `state`; `busy`: an alert is open and everything nullable is set."""
    error = None if busy else "user name or password refused"
    status = CameraStatus(camera, state, fps=7.5 if busy else 0.0, last_error=error, unauthorized=not busy)
    capture = SimpleNamespace(status=lambda: status)
    config = CameraConfig(camera, f"rtsp://user:hemmelig@10.0.0.5/{camera}", camera.replace("_", " ").capitalize())
    unused = dict.fromkeys(("windows", "recorder", "sampler"))
    config = replace(config, rules=Rules(per_class={"fighting": 0.7}), schedule=(NIGHTS,) if busy else ())
    if busy:
        config = replace(config, zones=(ZoneConfig(YARD, (NIGHTS,)),), lines=(LineConfig(GATE),))
    rules, zone = config.rules, ZoneInfo("UTC")
    line = Line(config=config, spec=SPEC, capture=capture, rules=rules, zone=zone, **unused)  # type: ignore[arg-type]
    if busy:
        tick_s = clock.tick_s()
        incident = OpenIncident(
            "01KDWABCDEFGHJKMNPQRSTVWXY", "fighting", AT, AT, tick_s, 0.93456, 0.93456, Severity.ALERT, True,
            reached=True,
        )  # fmt: skip
        line.state = PolicyState(tracks={"fighting": Track(incident)})
        line.score = Score(camera, AT, tick_s, {"normal": 0.2, "fighting": 0.8}, SPEC.name, 9.0)
        line.runtime = CameraRuntime(snoozed_until=AT.replace(minute=30))
        line.latency_s.extend([0.084] * 20)
        line.scene = SimpleNamespace(judges=(), view=lambda _now_tick_s: IN_VIEW)  # type: ignore[assignment]
    return line


class ConstantEngine(FakeEngine):
    """The engine's own words (real Status and Lines) around the doubles' actions, at one moment of one day."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, uuid=UUID, epoch=EPOCH, clock_at=AT)
        self.clock = ManualClock(AT)
        self.lines = {
            "front_door": make_line("front_door", CameraState.LIVE, self.clock, busy=True),
            "yard": make_line("yard", CameraState.LOST, self.clock, busy=False),
        }
        self.seen = {"front_door": SEEN}
        self.status = self._status()
        self.views = {camera: self._view(line) for camera, line in self.lines.items()}

    def _status(self) -> Status:
        store: Any = SimpleNamespace(uuid=UUID, epoch=EPOCH)
        pipeline = Pipeline((), lambda *_: None, self.clock)
        pipeline.lines = self.lines
        fallback = "cuda is not there: the cpu is used"
        identity = Identity("home", "cpu", [SPEC], fallback, ["no timezone"], API_URL, asked="cuda")
        status = Status(identity, store, pipeline, (), None, self.clock)  # type: ignore[arg-type]
        status._channels = {"mqtt": ChannelStatus("mqtt", ready=True, pending=1, sent=5)}
        status._storage = {
            "free_bytes": 10**10, "total_bytes": 10**11, "database_bytes": 10**6, "media_bytes": 10**8,
            "media_quota": 2 * 10**10, "media": {}, "error": None,
        }  # fmt: skip
        status._alerts_today = 3
        status._started_tick_s = self.clock.tick_s() - 42.0
        return status

    def _view(self, line: Line) -> CameraView:
        state = line.view(self.clock.now(), self.clock.tick_s())
        location = Location(52.1, 4.3) if line.id == "front_door" else None
        source, settings = f"rtsp://***@10.0.0.5/{line.id}", settings_json(line.config)
        return CameraView(line.id, line.config.name, source, location, False, state, settings=settings)

    def info(self) -> Mapping[str, Any]:
        return self.status.info()

    async def incidents(self, query: IncidentQuery) -> Page:
        return Page([full_incident(), empty_incident()], "01KDWZZZZZZZZZZZZZZZZZZZZZ")

    async def sequence_range(self) -> tuple[int, int]:
        return 7, 41

    async def events_since(self, seq: int, limit: int = 1000) -> list[Event]:
        return [event for event in self.events if event.seq > seq][:limit]


@dataclass
class Served:
    engine: ConstantEngine
    server: Server
    client: ClientSession
    """With a token for everything."""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    engine = ConstantEngine(tmp_path)
    actors = {f"{role}-token": Actor(role, role) for role in ROLES}

    async def find(secret: str) -> Actor | None:
        return actors.get(secret)

    server = await serve(build_app(engine, Access(find, engine.clock), uploads=tmp_path / "up"), "127.0.0.1", 0)
    headers = {"Authorization": "Bearer admin-token"}
    async with ClientSession(f"http://127.0.0.1:{server.port}", headers=headers) as client:
        yield Served(engine, server, client)
    await server.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """With a password: pictures and commands are on."""
    if reason := mosquitto_missing():
        pytest.skip(reason)
    with Mosquitto(tmp_path / "broker", password=True) as running:
        yield running


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[MqttListener]:
    listening = MqttListener(broker, "#", (USERNAME, PASSWORD))
    yield listening
    listening.close()


@pytest.fixture
async def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 the condition is not an event of this loop
                await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def incidents() -> dict[str, Incident]:
    return {"full": full_incident(), "empty": empty_incident(), "opened": opened_incident()}
