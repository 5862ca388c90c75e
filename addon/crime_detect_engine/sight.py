"""Owns having a detector's weights at hand: fetched beside the running engine, and asked for again while they fail."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from .config.places import detector_folders
from .domain.errors import CheckpointError
from .domain.ports import Detector
from .inference import Worker
from .pipeline import Pipeline
from .vision.detectors import choose_detector, load_detector
from .vision.detectors.weights import WEIGHTS, find_weights, stored_weights

_LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
AGAIN_S = 300.0


class Sight:
    """`run` waits until a camera wants to know who is there. `problem` says why that cannot be, for people."""

    def __init__(self, name: str, data: Path, again_s: float = AGAIN_S) -> None:
        self._name = name = choose_detector(name)
        self._folders = detector_folders(data)
        self._again_s = again_s
        self._ready = name not in WEIGHTS
        self._workers: Sequence[Worker] = ()
        self.problem: str | None = None

    def load(self, on_cpu: bool) -> Detector:
        """For inference threads: never fetches, for that may take minutes. Raises CheckpointError, BackendError."""
        if not self._ready and stored_weights(self._name, self._folders) is None:
            raise CheckpointError(self.problem or f"the weights of {self._name} are not here yet")
        return load_detector(self._name, "cpu" if on_cpu else "auto", self._folders)

    async def run(self, pipeline: Pipeline, workers: Sequence[Worker]) -> None:
        """Until cancelled."""
        self._workers = workers
        while True:
            wanted = any(line.scene is not None and line.scene.wants_detector for line in pipeline.lines.values())
            if not wanted or self._ready:
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            try:
                await asyncio.to_thread(find_weights, self._name, self._folders)
            except CheckpointError as error:
                if str(error) != self.problem:
                    _LOG.error("nobody looks who is there: %s", error)
                self.problem = str(error)
                await asyncio.sleep(self._again_s)
            else:
                self._ready, self.problem = True, None

    def notes(self) -> Sequence[str]:
        """What is wrong, for people."""
        faults = dict.fromkeys(worker.detector_fault for worker in self._workers)
        said = [self.problem] if self.problem else [fault for fault in faults if fault]
        return [f"zones and persons: {reason}" for reason in said]
