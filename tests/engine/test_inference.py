"""Owns the tests of the workers: a device that fails or hangs costs frames, never the engine."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.inference import Work, Worker
from crime_detect_engine.vision.classifier import NetworkClassifier
from crime_detect_engine.vision.sequences import SlidingWindow

from tests.fakes import NOON, ScriptedClassifier, told_frame

STEP_S = 0.125


class Bench:
    """One worker, one camera, classifiers that are scripted before they are loaded."""

    def __init__(self, spec, device="cpu", hang_s=10.0):
        self.spec, self.device = spec, device
        self.loaded: list[ScriptedClassifier] = []
        self.refusals: list[Exception] = []
        self.windows = SlidingWindow(spec)
        self.tick_s = 0.0
        self.worker = Worker(0, self.load, ManualClock(NOON), hang_s)

    def load(self, _model, on_cpu):
        if self.refusals:
            raise self.refusals.pop(0)
        self.loaded.append(ScriptedClassifier(self.spec, "cpu" if on_cpu else self.device))
        return self.loaded[-1]

    async def score(self, frames=8, probability=0.9):
        batch = []
        for _ in range(frames):
            self.tick_s += STEP_S
            batch.append(told_frame("yard", self.tick_s, probability))
        return await self.worker.score([Work("yard", "m", self.windows, batch)])


@pytest.fixture
def bench(small_spec):
    made = []

    def make(**options):
        made.append(Bench(small_spec, **options))
        return made[-1]

    yield make
    for one in made:
        one.worker.close()


async def test_scores_carry_the_frame_the_model_and_the_length_of_the_window(bench):
    one = bench()
    (score,) = await one.score(8)
    assert (score.camera, score.tick_s, score.model, score.window_s) == ("yard", 1.0, "m", 1.0)
    assert score.top == ("fighting", pytest.approx(0.9))
    assert [score.tick_s for score in await one.score(8)] == [1.5, 2.0]


async def test_a_lost_gpu_is_replaced_by_the_cpu_and_said(bench):
    one = bench(device="cuda")
    assert await one.score()
    one.loaded[0].plan = [BackendError("CUDA error: device lost")]
    assert await one.score() is None
    assert one.worker.failures == 1
    assert "device lost" in one.worker.fault
    assert "going on with the CPU" in one.worker.fallback
    assert await one.score(16), "the next frames are scored again"
    assert one.loaded[-1].device == "cpu"
    assert one.worker.fault is None
    assert "cuda is given up" in one.worker.fallback, "said as long as it is so"


async def test_an_error_on_the_cpu_is_over_when_a_run_succeeds(bench):
    one = bench()
    await one.score()
    one.loaded[0].plan = [BackendError("features are not finite")]
    assert await one.score() is None
    assert one.worker.fault == "inference failed: features are not finite"
    assert await one.score(16)
    assert (one.worker.fault, one.worker.fallback, one.worker.failures) == (None, None, 1)


async def test_a_hung_run_is_left_behind_and_never_touches_the_window_again(bench):
    one = bench(hang_s=0.05)
    await one.score()
    release = threading.Event()
    hung: list[threading.Thread] = []

    def hang():
        hung.append(threading.current_thread())
        release.wait()

    one.loaded[0].plan = [hang]
    assert await one.score() is None
    assert "hung" in one.worker.fault
    assert await one.score(16), "the replaced worker goes on"
    assert one.worker.fault is None
    length = len(one.windows)
    release.set()
    hung[0].join(60)
    assert not hung[0].is_alive()
    assert len(one.windows) == length, "what the hung thread had in hand is thrown away"


async def test_a_device_that_hangs_twice_is_given_up(bench):
    one = bench(device="cuda", hang_s=0.05)
    release = threading.Event()
    for _ in range(2):
        await one.worker.prepare(["m"])
        one.loaded[-1].plan = [release.wait]
        assert await one.score() is None
    assert "going on with the CPU" in one.worker.fallback
    assert await one.score() is not None
    assert one.loaded[-1].device == "cpu"
    release.set()


async def test_what_fails_again_and_again_rests_in_between(bench):
    one = bench()
    one.refusals = [CheckpointError("weights.safetensors was changed")] * 4
    rests = []
    for _ in range(4):
        assert await one.score() is None
        rests.append(one.worker.rest_s)
    assert rests == [0.0, 1.0, 2.0, 4.0]
    assert "was changed" in one.worker.fault
    assert await one.score()
    assert one.worker.rest_s == 0.0


async def test_a_checkpoint_that_cannot_be_loaded_is_an_error_at_start(bench):
    one = bench()
    one.refusals = [CheckpointError("no such model")]
    with pytest.raises(CheckpointError, match="no such model"):
        await one.worker.prepare(["m"])


async def test_nan_features_never_become_a_score(small_spec):
    """The real classifier's own check, before the temporal network is asked."""

    class NanBackend:
        device, precision = "cpu", "fp32"

        def features(self, images):
            return np.full((len(images), 1), np.nan, np.float32)

        def logits(self, windows, mask):
            raise AssertionError("never asked")

        def close(self):
            pass

    worker = Worker(0, lambda _model, _on_cpu: NetworkClassifier(small_spec, NanBackend()), ManualClock(NOON))
    picture = np.zeros((64, 64, 3), np.uint8)
    frames = [replace(told_frame("yard", n * STEP_S, 0.9), image=picture, previous=picture) for n in range(8)]
    assert await worker.score([Work("yard", "m", SlidingWindow(small_spec), frames)]) is None
    assert worker.failures == 1
    assert "finite" in worker.fault
    worker.close()


async def test_frames_at_another_rate_say_how_long_the_window_is(bench, small_spec):
    one = bench()
    frames = [replace(told_frame("yard", n / 10, 0.9, cut=n == 0), fps=10.0) for n in range(14)]
    scores = await one.worker.score([Work("yard", "m", one.windows, frames)])
    assert [round(score.window_s, 3) for score in scores] == [0.8, 1.3]


async def test_no_thread_is_left_after_close(bench, until):
    before = set(threading.enumerate())
    one = bench()
    await one.score()
    (mine,) = set(threading.enumerate()) - before
    one.worker.close()
    await until(lambda: not mine.is_alive())


class Eyes:
    """A detector whose next looks are scripted."""

    name, labels, size, device, precision = "eyes", ("person",), 384, "cpu", "fp32"

    def __init__(self, *plan):
        self.plan = list(plan)

    def detect(self, images):
        todo = self.plan.pop(0) if self.plan else None
        if isinstance(todo, Exception):
            raise todo
        if todo is not None:
            todo()
        return [[] for _ in images]

    def close(self): ...


@pytest.fixture
def watcher(small_spec):
    """A worker with models and eyes, and its clock."""
    made = []

    def make(eyes, hang_s=10.0):
        clock, loads = ManualClock(NOON), []

        def load(on_cpu):
            loads.append(on_cpu)
            found = eyes.pop(0) if isinstance(eyes, list) else eyes
            if isinstance(found, Exception):
                raise found
            return found

        models = lambda _model, _on_cpu: ScriptedClassifier(small_spec, "cpu")  # noqa: E731
        worker = Worker(0, models, clock, hang_s, load)
        made.append(worker)
        return worker, clock, loads

    yield make
    for worker in made:
        worker.close()


LOOK = np.zeros((216, 384, 3), np.uint8)


async def test_a_detector_is_loaded_by_the_first_look_and_answers_each_picture(watcher):
    worker, _, loads = watcher(Eyes())
    assert loads == []
    assert await worker.detect([LOOK, LOOK]) == [[], []]
    assert await worker.detect([LOOK]) == [[]]
    assert loads == [False]


async def test_a_detector_that_fails_rests_is_said_and_leaves_the_models_alone(watcher, small_spec):
    worker, clock, loads = watcher([Eyes(BackendError("out of memory")), Eyes()])
    await worker.prepare(["m"])
    assert await worker.detect([LOOK]) is None
    assert "out of memory" in worker.detector_fault
    assert worker.fault is None
    assert worker.failures == 0
    assert await worker.detect([LOOK]) is None, "it rests"
    assert len(loads) == 1
    clock.advance(31.0)
    assert await worker.detect([LOOK]) == [[]]
    assert worker.detector_fault is None


async def test_weights_that_are_not_there_are_asked_for_again_later(watcher):
    worker, clock, loads = watcher([CheckpointError("no weights yet"), Eyes()])
    assert await worker.detect([LOOK]) is None
    assert "no weights yet" in worker.detector_fault
    clock.advance(31.0)
    assert await worker.detect([LOOK]) == [[]]
    assert len(loads) == 2


async def test_a_hung_detector_costs_its_thread_and_not_the_engine(watcher, small_spec):
    gate = threading.Event()
    worker, clock, _ = watcher([Eyes(None, gate.wait), Eyes()], hang_s=0.05)
    assert await worker.detect([LOOK]) == [[]]
    assert await worker.detect([LOOK]) is None
    assert "hung" in worker.detector_fault
    frames = [told_frame("yard", n * STEP_S, 0.9) for n in range(1, 9)]
    worker._hang_s = 10.0
    assert await worker.score([Work("yard", "m", SlidingWindow(small_spec), frames)]), "scores go on"
    clock.advance(31.0)
    assert await worker.detect([LOOK]) == [[]]
    gate.set()
