"""Owns the inference workers: one thread each, so that one thread a model run is all the CPU it takes."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .domain.clock import Clock
from .domain.errors import BackendError, CrimeDetectError
from .domain.ports import Classifier, Detector
from .domain.scene import Detection
from .domain.types import Frame, Image, ModelSpec, Score, Vector

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")
HANG_S = 10.0
LOAD_S = 120.0
LONGEST_REST_S = 30.0


class Windows(Protocol):
    """The window of one camera over its features (vision/sequences.py)."""

    def push(self, frame: Frame, vector: Vector | None) -> NDArray[np.float32] | None: ...


class Watch(Protocol):
    """What else looks at the windows of one camera (anomaly_watch.py)."""

    def observe(self, frame: Frame, window: NDArray[np.float32], window_s: float) -> Score | None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """The waiting frames of one camera, in order, the window they slide into, and who else looks at that."""

    camera: str
    model: str
    windows: Windows
    frames: Sequence[Frame]
    watch: Watch | None = None


@dataclass(slots=True)
class _Run:
    """One batch on its way. Once abandoned it must not touch the cameras' windows: another thread has them now."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    abandoned: bool = False

    def abandon(self) -> None:
        with self.lock:
            self.abandoned = True


class _Thread:
    """A daemon thread for one call at a time: unlike an executor's it lets the process end while it hangs."""

    def __init__(self, name: str) -> None:
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._closed = asyncio.Event()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    async def call(self, job: Callable[[], _T]) -> _T:
        async def run() -> _T:
            return job()

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), self._loop))

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._closed.set)

    def _serve(self) -> None:
        with self._runner:
            self._runner.run(self._closed.wait())


class Worker:
    """One thread with its own classifiers, loaded by `load(model, on_cpu)` in that thread.

    A run that hangs or a device that fails loses its thread and its classifiers: both are made again, on the CPU after
    a device failed or hung twice. `fault` is what is wrong until the next run succeeds; `fallback` says that the
    device is not the one asked for and stays.
    """

    def __init__(
        self,
        number: int,
        load: Callable[[str, bool], Classifier],
        clock: Clock,
        hang_s: float = HANG_S,
        load_detector: Callable[[bool], Detector] | None = None,
    ) -> None:
        self._number = number
        self._load = load
        self._load_detector = load_detector
        self._detector: Detector | None = None
        self._detector_rest_until_s = 0.0
        self.detector_fault: str | None = None
        self._clock = clock
        self._hang_s = hang_s
        self._thread = self._new_thread()
        self._classifiers: dict[str, Classifier] = {}
        self._on_cpu = False
        self._failed_in_row = 0
        self.failures = 0
        self.fault: str | None = None
        self.fallback: str | None = None

    @property
    def rest_s(self) -> float:
        """How long to wait before the next run: what fails again and again must not take a whole core for it."""
        return 0.0 if self._failed_in_row < 2 else min(LONGEST_REST_S, 2.0 ** (self._failed_in_row - 2))

    async def prepare(self, models: Sequence[str]) -> None:
        """Loads what is not loaded yet. Raises CheckpointError, BackendError."""
        for model in models:
            if model not in self._classifiers:
                self._classifiers[model] = await self.load(model)

    async def load(self, model: str) -> Classifier:
        """Loads a model beside those that run. Raises CheckpointError, BackendError."""
        try:
            async with asyncio.timeout(LOAD_S):
                return await self._thread.call(partial(self._load, model, self._on_cpu))
        except TimeoutError:
            raise BackendError(f"{model} was not loaded within {LOAD_S:g} s") from None

    async def put(self, model: str, classifier: Classifier) -> None:
        """Runs that were asked for before this still have the one before."""
        await self._thread.call(partial(self._classifiers.__setitem__, model, classifier))

    async def drop(self, model: str) -> None:
        await self._thread.call(partial(self._classifiers.pop, model, None))

    async def score(self, work: Sequence[Work]) -> list[Score] | None:
        """Scores that these frames made due; None when the run failed: the frames are lost, the failure is counted."""
        run = _Run()
        try:
            await self.prepare(list(dict.fromkeys(one.model for one in work)))
            async with asyncio.timeout(self._hang_s):
                scores = await self._thread.call(partial(_score, run, self._classifiers, work, self._clock))
        except TimeoutError:
            run.abandon()
            self._fail(f"inference hung for {self._hang_s:g} s; the worker was replaced", self._failed_in_row > 0)
        except BackendError as error:
            self._fail(f"inference failed: {error}", device_failed=True)
        except CrimeDetectError as error:
            self._fail(f"inference failed: {error}", device_failed=False)
        else:
            self.fault, self._failed_in_row = None, 0
            return scores
        return None

    async def detect(self, images: Sequence[Image]) -> Sequence[Sequence[Detection]] | None:
        """What is in each picture; None while the detector cannot be had. A failure leaves the models alone."""
        if self._load_detector is None or self._clock.tick_s() < self._detector_rest_until_s:
            return None
        try:
            async with asyncio.timeout(self._hang_s if self._detector else LOAD_S):
                found = await self._thread.call(partial(self._run_detector, images))
        except TimeoutError:
            self._fail_detector(f"the detector hung for {self._hang_s:g} s; the worker was replaced")
            self._fail(f"the detector hung for {self._hang_s:g} s; the worker was replaced", device_failed=False)
        except CrimeDetectError as error:
            self._fail_detector(f"the detector failed: {error}")
        else:
            self.detector_fault = None
            return found
        return None

    def close(self) -> None:
        self._thread.close()

    def _run_detector(self, images: Sequence[Image]) -> Sequence[Sequence[Detection]]:
        if self._detector is None and self._load_detector is not None:
            self._detector = self._load_detector(self._on_cpu)
        assert self._detector is not None
        return self._detector.detect(images)

    def _fail_detector(self, fault: str) -> None:
        if fault != self.detector_fault:
            _LOG.error("%s", fault)
        self.detector_fault = fault
        self._detector = None
        self._detector_rest_until_s = self._clock.tick_s() + LONGEST_REST_S

    def _new_thread(self) -> _Thread:
        return _Thread(f"inference-{self._number}")

    def _fail(self, fault: str, device_failed: bool) -> None:
        lost = sorted({one.device for one in self._classifiers.values()} - {"cpu"})
        if device_failed and lost and not self._on_cpu:
            self._on_cpu = True
            self.fallback = fault = f"{fault}; {', '.join(lost)} is given up, going on with the CPU"
        if fault != self.fault:
            _LOG.error("%s", fault)
        self.fault = fault
        self.failures += 1
        self._failed_in_row += 1
        self._thread.close()
        self._thread = self._new_thread()
        self._classifiers, self._detector = {}, None


def _score(run: _Run, classifiers: dict[str, Classifier], work: Sequence[Work], clock: Clock) -> list[Score]:
    scores: list[Score] = []
    for model in dict.fromkeys(one.model for one in work):
        own = [one for one in work if one.model == model]
        scores += _score_model(run, classifiers[model], own, clock)
    return scores


def _score_model(run: _Run, classifier: Classifier, work: Sequence[Work], clock: Clock) -> list[Score]:
    began_s = clock.tick_s()
    frames = [frame for one in work for frame in one.frames]
    vectors = iter(classifier.features(frames))
    due: list[tuple[Frame, NDArray[np.float32]]] = []
    beside: list[Score] = []
    spec = classifier.spec
    with run.lock:
        if run.abandoned:
            return []
        for one in work:
            for frame in one.frames:
                window = one.windows.push(frame, next(vectors))
                if window is None:
                    continue
                due.append((frame, window))
                if one.watch is not None and (seen := one.watch.observe(frame, window, _window_s(frame, window, spec))):
                    beside.append(seen)
    if not due:
        return []
    probabilities = classifier.probabilities([window for _, window in due])
    took_ms = (clock.tick_s() - began_s) * 1000 / len(frames)
    scores = [
        Score(frame.camera, frame.at, frame.tick_s, found, spec.name, took_ms, _window_s(frame, window, spec))
        for (frame, window), found in zip(due, probabilities, strict=True)
    ]
    return [*scores, *beside]


def _window_s(frame: Frame, window: NDArray[np.float32], spec: ModelSpec) -> float:
    return len(window) / (frame.fps or spec.fps)
