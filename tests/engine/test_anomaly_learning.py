"""Owns the tests of a camera that comes to know its normal: learned in a process, kept, put in force, forgotten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.anomaly_learning import FOLDER, AnomalyLearning, features_key
from crime_detect_engine.config import CameraConfig, Config
from crime_detect_engine.domain.ports import CameraRuntime
from crime_detect_engine.line import Line
from crime_detect_engine.vision.anomaly import AnomalyOptions, write_detector

from tests.fakes import NOON, plain_detector, told_frame

LEARN_S = 24 * 3600.0


@dataclass
class Place:
    """One camera whose windows come from a drawn feature; `config` is what the file says now."""

    flow: Any
    line: Line
    data: Path
    config: Config
    learning: AnomalyLearning | None = None

    @property
    def folder(self) -> Path:
        return self.data / FOLDER / "yard"

    def restart(self) -> AnomalyLearning:
        self.line.anomaly = None
        self.learning = AnomalyLearning(self.data, self.flow.pipeline, lambda: self.config, self.flow.clock)
        return self.learning

    def ask_for(self, **options: Any) -> None:
        camera = CameraConfig("yard", "rtsp://10.0.0.5/s", "Yard", anomaly=AnomalyOptions(**options))
        self.config = Config(cameras={"yard": camera})

    def see(self, hours: float, windows: int, *, odd: bool = False) -> None:
        """That many windows, evenly over the hours to come."""
        random = np.random.default_rng(windows)
        assert self.line.anomaly is not None
        for _ in range(windows):
            self.flow.clock.advance(hours * 3600 / windows)
            frame = told_frame("yard", self.flow.clock.tick_s(), 0.0)
            frame = replace(frame, at=self.flow.clock.now())
            window = random.standard_normal((16, 4)).astype(np.float32) * np.array([1, 2, 3, 20 if odd else 4])
            score = self.line.anomaly.observe(frame, window.astype(np.float32), 2.0)
            self.last = score

    async def learn(self, hours: float, windows: int, **kind: Any) -> None:
        """As the service: a look every few windows, then one after the last windows are settled."""
        assert self.learning is not None
        for _ in range(windows // 100):
            self.see(hours * 100 / windows, 100, **kind)
            await self.learning.look()
        self.flow.clock.advance(300)
        await self.learning.look()

    async def trained(self) -> None:
        assert self.learning is not None
        if self.learning._training is not None:
            await self.learning._training


@pytest.fixture
async def place(make_flow: Any, tmp_path: Path) -> Place:
    flow = make_flow()
    made = Place(flow, flow.add(), tmp_path, Config())
    made.ask_for(enabled=True, learn_s=LEARN_S)
    made.restart()
    return made


async def test_a_camera_learns_its_day_and_then_knows_the_unusual(place: Place) -> None:
    await place.learning.look()
    await place.learn(hours=23, windows=1500)
    await place.trained()
    assert place.line.anomaly.detector is None, "a day is not over"
    await place.learn(hours=3, windows=200)
    await place.trained()
    watch = place.line.anomaly
    assert watch.detector is not None
    assert (watch.trainings, watch.refusals, watch.problem) == (1, 0, None)
    place.see(0.1, 5)
    assert place.last.probabilities["anomaly"] < 0.6
    place.see(0.1, 5, odd=True)
    assert place.last.probabilities["anomaly"] > 0.8
    assert not (place.folder / "training.npz").exists()
    await place.learning.stop()
    again = place.restart()
    await again.look()
    assert place.line.anomaly.model == watch.model, "a restart goes on with what was learned"
    assert place.line.anomaly.learned == watch.learned


async def test_a_camera_that_does_not_ask_learns_and_keeps_nothing(place: Place) -> None:
    await place.learning.look()
    place.see(1, 50)
    place.flow.clock.advance(300)
    await place.learning.look()
    await place.learning.stop()
    assert place.folder.exists()
    place.ask_for(enabled=False)
    await place.learning.look()
    assert place.line.anomaly is None
    assert not place.folder.exists()


async def test_what_a_removed_camera_left_behind_goes_at_the_start(place: Place) -> None:
    (place.data / FOLDER / "gone").mkdir(parents=True)
    await place.learning.look()
    assert [path.name for path in (place.data / FOLDER).iterdir()] == ["yard"]


async def test_a_new_mask_is_a_new_place(place: Place) -> None:
    await place.learning.look()
    place.see(1, 200)
    place.flow.clock.advance(300)
    await place.learning.look()
    write_detector(place.folder, plain_detector(np.zeros(8), key=features_key(place.line)), {})
    assert place.line.anomaly.learned > 0
    place.line.config = replace(place.line.config, masks=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),))
    await place.learning.look()
    assert place.line.anomaly.learned == 0
    assert place.line.anomaly.detector is None
    assert [path.name for path in place.folder.iterdir()] == ["key"]


async def test_a_new_password_is_the_same_place(place: Place) -> None:
    before = features_key(place.line)
    place.line.config = replace(place.line.config, source="rtsp://u:0ther@10.0.0.5/s")
    assert features_key(place.line) == before
    place.line.config = replace(place.line.config, source="rtsp://u:0ther@10.0.0.6/s")
    assert features_key(place.line) != before


@pytest.mark.parametrize(
    "runtime",
    [
        CameraRuntime(privacy=True),
        CameraRuntime(detection=False),
        CameraRuntime(snoozed_until=NOON + timedelta(days=9)),
    ],
)
async def test_nothing_is_learned_while_people_said_not_to_look(place: Place, runtime: CameraRuntime) -> None:
    await place.learning.look()
    place.line.runtime = runtime
    place.see(0.1, 20)
    await place.learning.look()
    place.line.runtime = CameraRuntime()
    place.flow.clock.advance(600)
    await place.learning.look()
    assert place.line.anomaly.learned == 0


async def test_a_confirmed_incident_is_taken_out_of_what_was_learned(place: Place) -> None:
    await place.learning.look()
    start = place.flow.clock.now()
    place.see(1, 60)
    place.flow.clock.advance(300)
    await place.learning.look()
    before = place.line.anomaly.learned
    place.line.anomaly.confirm(start + timedelta(minutes=20), start + timedelta(minutes=30))
    await place.learning.look()
    assert before - place.line.anomaly.learned == 13


async def test_a_detector_that_misbehaves_is_not_put_in_force(place: Place) -> None:
    """The normal of this place changes from one ten minutes to the next."""
    place.ask_for(enabled=True, learn_s=3600.0)
    await place.learning.look()
    for _ in range(12):
        tens = int(place.flow.clock.now().timestamp() // 600) % 5
        place.see(1 / 6, 100, odd=tens == 4)
        await place.learning.look()
        if place.learning._training is not None:
            place.learning._training.cancel()
        place.learning._places["yard"].due_tick_s = place.flow.clock.tick_s() + 3600
    place.flow.clock.advance(4000)
    await place.learning.look()
    await place.trained()
    watch = place.line.anomaly
    assert watch.detector is None
    assert watch.refusals == 1
    assert "held-out normal windows" in watch.problem
    assert any("yard" in note for note in place.learning.notes())


async def test_an_altered_detector_is_not_used_and_the_camera_learns_on(place: Place) -> None:
    await place.learning.look()
    write_detector(place.folder, plain_detector(np.zeros(8), key=features_key(place.line)), {})
    with (place.folder / "detector.safetensors").open("ab") as file:
        file.write(b"x")
    again = place.restart()
    await again.look()
    assert place.line.anomaly.detector is None
    place.see(0.1, 10)


async def test_a_disk_that_refuses_is_said_and_the_camera_goes_on(place: Place) -> None:
    (place.data / FOLDER).write_text("in the way")
    await place.learning.look()
    assert place.line.anomaly is None
    assert "cannot learn" in place.learning.problem
