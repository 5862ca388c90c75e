"""Owns what the tests of the composed engine share: a small model, lines without a camera, a whole flow by hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.config import CameraConfig
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import CameraRuntime
from crime_detect_engine.domain.types import Alert, ModelSpec, Rules
from crime_detect_engine.inference import Worker
from crime_detect_engine.judge import Judge
from crime_detect_engine.line import Line
from crime_detect_engine.pipeline import Pipeline
from crime_detect_engine.recorder import Recorder
from crime_detect_engine.sampling.sampler import FixedRateSampler
from crime_detect_engine.sources.capture import Capture
from crime_detect_engine.store import opening
from crime_detect_engine.store.pictures import encode_jpeg
from crime_detect_engine.store.postgres import PostgresServer
from crime_detect_engine.vision.sequences import SlidingWindow

from tests.fakes import NOON, IdleSource, ScriptedClassifier, told_frame
from tests.rig.postgres import Postgres, postgres_missing
from tests.rig.threads import order_threads

if wanted := os.environ.get("CRIME_DETECT_THREADS"):
    order_threads(wanted)

STEP_S = 0.125


async def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """The first true answer of `condition`."""
    async with asyncio.timeout(timeout_s):
        while not (found := condition()):  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.005)
        return found


@pytest.fixture(name="until")
def until_fixture() -> Any:
    return until


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server, the same for all tests; its databases begin with this version's tables."""
    if reason := postgres_missing():
        (pytest.fail if os.environ.get("CRIME_DETECT_REQUIRE_POSTGRES") == "1" else pytest.skip)(reason)
    with Postgres() as server:
        server.template = server.create()
        backend = PostgresServer(server.url(server.template))
        engine = backend.open(NOON, service=False)
        opening._migrate(engine, backend)
        engine.dispose()
        yield server


@pytest.fixture
def small_spec() -> ModelSpec:
    """Eight frames a second, windows of two seconds, a score from the eighth frame on."""
    return ModelSpec(
        name="m", version="1", network="n", labels=("normal", "fighting"), frames=16, fps=8.0, size=64,
        input="difference", gain=2.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), scale="unit",
        interpolation="bilinear", feature_dim=1, hidden_dim=8, temperature=1.0, min_frames=8, trained=True,
    )  # fmt: skip


@pytest.fixture
def make_line(small_spec: ModelSpec) -> Callable[..., Line]:
    """`make_line(id, clock, rules=…, …)`: a line whose camera is connected and silent."""

    def make(
        camera: str = "yard", clock: ManualClock | None = None, runtime: CameraRuntime | None = None, **options: Any
    ) -> Line:
        rules = options.pop("rules", Rules(cooldown_s=0.0))
        name = options.pop("name", camera.capitalize())
        config = CameraConfig(id=camera, source="rtsp://u:p4ss@10.0.0.5/s", name=name, rules=rules, **options)
        sampler = FixedRateSampler(camera, small_spec)
        clock = clock or ManualClock(NOON)
        capture = Capture(camera, IdleSource(), sampler, lambda _frame: None, clock=clock)
        recorder = Recorder(encode_jpeg, None)
        windows = SlidingWindow(small_spec)
        zone = ZoneInfo("UTC")
        return Line(config, small_spec, capture, windows, recorder, sampler, rules, zone, runtime or CameraRuntime())

    return make


@dataclass
class Flow:
    """A pipeline by hand: `feed` is the camera, `alerts` what was decided, `classifiers` each one loaded."""

    clock: ManualClock
    pipeline: Pipeline
    workers: list[Worker]
    classifiers: list[ScriptedClassifier]
    alerts: list[Alert]
    make_line: Callable[..., Line]
    sent: dict[str, int] = field(default_factory=dict)

    def add(self, camera: str = "yard", **options: Any) -> Line:
        line = self.make_line(camera, self.clock, **options)
        self.pipeline.add(line)
        return line

    def send(self, probability: float, camera: str = "yard", *, cut: bool = False) -> None:
        """One frame, now."""
        self.clock.advance(STEP_S)
        seq = self.sent[camera] = self.sent.get(camera, 0) + 1
        frame = told_frame(camera, self.clock.tick_s(), probability, cut=cut, seq=seq)
        line = self.pipeline.lines.get(camera)
        if line is not None:
            line.recorder.add(frame)
        self.pipeline.receive(frame)

    async def feed(self, probability: float, frames: int, camera: str = "yard") -> None:
        """Frames one after the other, each scored or lost before the next."""
        line = self.pipeline.lines[camera]
        for _ in range(frames):
            before = line.scored + line.lost
            self.send(probability, camera)
            await until(lambda before=before: line.scored + line.lost > before)

    def told(self, camera: str = "yard") -> list[str]:
        return [str(alert.type) for alert in self.alerts if alert.camera == camera]


@pytest.fixture
async def make_flow(small_spec: ModelSpec, make_line: Callable[..., Line]) -> AsyncIterator[Callable[..., Flow]]:
    """`make_flow(workers=1, hang_s=…, on_alert=…, eyes=a detector)`: started, and stopped after the test."""
    flows: list[Flow] = []

    def make(
        workers: int = 1, hang_s: float = 10.0, on_alert: Any = None, device: str = "cpu", eyes: Any = None
    ) -> Flow:
        clock, alerts, classifiers = ManualClock(NOON + timedelta(seconds=100), 100.0), [], []

        def load(_model: str, on_cpu: bool) -> ScriptedClassifier:
            classifiers.append(ScriptedClassifier(small_spec, "cpu" if on_cpu else device))
            return classifiers[-1]

        def told(line: Line, judge: Judge, alert: Alert) -> None:
            alerts.append(alert)
            if on_alert is not None:
                on_alert(line, judge, alert)

        made = [Worker(number, load, clock, hang_s, lambda _: eyes) for number in range(workers)]
        flow = Flow(clock, Pipeline(made, told, clock), made, classifiers, alerts, make_line)
        flow.pipeline.start()
        flows.append(flow)
        return flow

    yield make
    for flow in flows:
        await flow.pipeline.stop()
