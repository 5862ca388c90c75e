"""Owns the inference workers: one thread each, so that one thread a model run is all the CPU it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .domain.clock import Clock
from .domain.errors import BackendError
from .domain.ports import Classifier
from .domain.types import Frame, Score, Vector

_LOG = logging.getLogger(__name__)
HANG_S = 10.0


class Windows(Protocol):
    """The window of one camera over its features (vision/sequences.py)."""

    def push(self, frame: Frame, vector: Vector | None) -> NDArray[np.float32] | None: ...


@dataclass(frozen=True, slots=True)
class Work:
    """The waiting frames of one camera, in order, and the window they slide into."""

    camera: str
    model: str
    windows: Windows
    frames: Sequence[Frame]


class Worker:
    """One thread with its own classifiers, loaded by `load` in that thread.

    A run that hangs for 10 s or a device that fails loses its thread and its classifiers: both are made again, on the
    CPU after a failure, and `fault` says so until a run succeeds on the device that was asked for.
    """

    def __init__(self, number: int, load: Callable[[str, bool], Classifier], clock: Clock) -> None:
        self._number = number
        self._load = load
        self._clock = clock
        self._executor = self._new_executor()
        self._classifiers: dict[str, Classifier] = {}
        self._on_cpu = False
        self.failures = 0
        self.fault: str | None = None

    async def prepare(self, models: Sequence[str]) -> None:
        """Loads the models so that the first frame does not wait. Raises CheckpointError, BackendError."""
        loop = asyncio.get_running_loop()
        for model in models:
            await loop.run_in_executor(self._executor, self._classifier, self._classifiers, model)

    async def score(self, work: Sequence[Work]) -> list[Score]:
        """Scores that these frames made due. A failed run gives none: the frames are lost, the failure is counted."""
        loop = asyncio.get_running_loop()
        classifiers = self._classifiers
        run = loop.run_in_executor(self._executor, self._run, classifiers, work)
        try:
            return await asyncio.wait_for(run, HANG_S)
        except TimeoutError:
            self._renew("inference hung for 10 s; the worker was replaced")
        except BackendError as error:
            self._on_cpu = True
            self._renew(f"{error}; going on with the CPU")
        return []

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _new_executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix=f"inference-{self._number}")

    def _renew(self, fault: str) -> None:
        if fault != self.fault:
            _LOG.error("%s", fault)
        self.fault = fault
        self.failures += 1
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._new_executor()
        self._classifiers = {}

    def _classifier(self, classifiers: dict[str, Classifier], model: str) -> Classifier:
        if model not in classifiers:
            classifiers[model] = self._load(model, self._on_cpu)
        return classifiers[model]

    def _run(self, classifiers: dict[str, Classifier], work: Sequence[Work]) -> list[Score]:
        scores: list[Score] = []
        for model in dict.fromkeys(one.model for one in work):
            own = [one for one in work if one.model == model]
            scores += self._run_model(self._classifier(classifiers, model), own)
        return scores

    def _run_model(self, classifier: Classifier, work: Sequence[Work]) -> list[Score]:
        began_s = self._clock.tick_s()
        frames = [frame for one in work for frame in one.frames]
        vectors = iter(classifier.features(frames))
        due: list[tuple[Frame, NDArray[np.float32]]] = []
        for one in work:
            for frame in one.frames:
                window = one.windows.push(frame, next(vectors))
                if window is not None:
                    due.append((frame, window))
        if not due:
            return []
        probabilities = classifier.probabilities([window for _, window in due])
        took_ms = (self._clock.tick_s() - began_s) * 1000 / len(frames)
        spec = classifier.spec
        return [
            Score(frame.camera, frame.at, frame.tick_s, found, spec.name, took_ms, len(window) / spec.fps)
            for (frame, window), found in zip(due, probabilities, strict=True)
        ]


def device_faults(workers: Sequence[Worker]) -> Mapping[str, str]:
    """What is wrong with the workers now, by worker number; empty when all is well."""
    return {str(number): worker.fault for number, worker in enumerate(workers) if worker.fault}
