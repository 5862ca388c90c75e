"""Owns how cameras come to know what is normal for them: windows kept, detectors learned in a process, put in force."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from .anomaly_watch import AnomalyWatch, anomaly_rules
from .config import Config
from .domain.clock import Clock
from .domain.errors import CheckpointError
from .domain.types import ModelSpec
from .line import Line
from .pipeline import Pipeline
from .sources.address import redact
from .store.reservoir import Reservoir
from .vision.anomaly import FORMAT, AnomalyOptions, read_detector

_LOG = logging.getLogger(__name__)
FOLDER = "anomaly"
ROWS_FILE = "training.npz"
LOOK_EVERY_S = 1.0
FLUSH_EVERY_S = 600.0
FEWEST_WINDOWS = 1000
AGAIN_S = 86400.0
RETRY_S = 6 * 3600.0
NEW_WINDOWS = 500
"""A detector is learned anew once a day, if that many windows came since."""
TRAINING_LIMIT_S = 900.0


@dataclass(slots=True)
class _Place:
    """One camera's folder and when it was last written and learned from."""

    watch: AnomalyWatch
    reservoir: Reservoir
    key: str
    added: int = 0
    flushed_tick_s: float = 0.0
    due_tick_s: float = float("-inf")


class AnomalyLearning:
    """Gives each line whose camera asks for it an AnomalyWatch, and takes it away again.

    What cameras have left behind that are gone or no longer ask for it is deleted. One training runs at a time.
    """

    def __init__(self, data: Path, pipeline: Pipeline, config: Callable[[], Config], clock: Clock) -> None:
        self._root = data / FOLDER
        self._pipeline = pipeline
        self._lines = pipeline.lines
        self._config = config
        self._clock = clock
        self._places: dict[str, _Place] = {}
        self._training: asyncio.Task[None] | None = None
        self._tidied: frozenset[str] | None = None
        self.problem: str | None = None
        if find_spec("sklearn") is None:
            self.problem = "anomaly: scikit-learn is missing, so nothing is learned: pip install 'crime-detect[cpu]'"

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def stop(self) -> None:
        """Ends a training and writes what was seen."""
        if self._training is not None:
            self._training.cancel()
            await asyncio.gather(self._training, return_exceptions=True)
        for camera, place in self._places.items():
            with self._told(camera, place):
                await asyncio.to_thread(place.reservoir.flush, self._clock.now())

    async def look(self) -> None:
        """One round: watches come and go, what is settled is kept, who is due learns."""
        await self._follow()
        for camera, place in list(self._places.items()):
            line = self._lines.get(camera)
            if line is None or line.anomaly is not place.watch:
                continue
            with self._told(camera, place):
                await self._keep(line, place)
            if self._training is None and self._is_due(place):
                place.due_tick_s = self._clock.tick_s() + RETRY_S
                self._training = asyncio.create_task(self._learn(camera, place), name=f"anomaly {camera}")
                self._training.add_done_callback(self._trained)

    def notes(self) -> list[str]:
        """What keeps cameras from learning, for people."""
        waiting = [self.problem] if self.problem and self._places else []
        problems = {camera: one.watch.disk_problem or one.watch.problem for camera, one in self._places.items()}
        return [*waiting, *(f"{camera}: {problem}" for camera, problem in problems.items() if problem)]

    async def _follow(self) -> None:
        config = self._config()
        wanted = {camera: one.anomaly for camera, one in config.cameras.items() if one.anomaly.enabled}
        for camera in self._places.keys() - wanted.keys():
            del self._places[camera]
            if camera in self._lines:
                self._detach(self._lines[camera])
        if self._tidied != frozenset(wanted):
            await asyncio.to_thread(_remove_others, self._root, set(wanted))
            self._tidied = frozenset(wanted)
        for camera, options in wanted.items():
            line = self._lines.get(camera)
            if line is None:
                continue
            key = features_key(line)
            place = self._places.get(camera)
            if place is None or place.key != key:
                self._places.pop(camera, None)
                self._detach(line)
                try:
                    place = await self._open(camera, options, key, line)
                except OSError as error:
                    self._tell_once(f"anomaly: {camera} cannot learn: {error.strerror or error}")
                    continue
            place.watch.options, place.watch.rules = options, anomaly_rules(options, line.rules)
            place.reservoir.keep_s = config.retention.incidents_s
            line.anomaly = place.watch

    def _detach(self, line: Line) -> None:
        if line.anomaly is not None:
            self._pipeline.close(line, line.anomaly)
            line.anomaly = None

    async def _open(self, camera: str, options: AnomalyOptions, key: str, line: Line) -> _Place:
        folder = self._root / camera
        watch = AnomalyWatch(options, anomaly_rules(options, line.rules))
        reservoir = await asyncio.to_thread(Reservoir, folder, key, keep_s=self._config().retention.incidents_s)
        place = self._places[camera] = _Place(watch, reservoir, key, flushed_tick_s=self._clock.tick_s())
        watch.learned = len(reservoir)
        try:
            await self._put_in_force(place)
        except CheckpointError as error:
            _LOG.warning("camera %s: %s", camera, error)
        if watch.detector is not None:
            place.due_tick_s = self._clock.tick_s() + AGAIN_S
        return place

    async def _keep(self, line: Line, place: _Place) -> None:
        watch, now = place.watch, self._clock.now()
        arming = line.arming(now)
        if arming.privacy or arming.snoozed or not (arming.schedule_open and arming.detection_on):
            watch.drop_waiting()
        rows = watch.settled(now)
        if rows:
            await asyncio.to_thread(place.reservoir.add, rows)
            place.added += len(rows)
        for start, end in watch.take_confirmed():
            await asyncio.to_thread(place.reservoir.forget, start, end, now)
        if self._clock.tick_s() - place.flushed_tick_s >= FLUSH_EVERY_S:
            place.flushed_tick_s = self._clock.tick_s()
            await asyncio.to_thread(place.reservoir.prune, now)
        watch.learned = len(place.reservoir)

    def _is_due(self, place: _Place) -> bool:
        first_at_s = place.reservoir.first_at_s
        if self.problem or first_at_s is None or len(place.reservoir) < FEWEST_WINDOWS:
            return False
        if self._clock.tick_s() < place.due_tick_s:
            return False
        if place.watch.detector is None:
            return self._clock.now().timestamp() - first_at_s >= place.watch.options.learn_s
        return place.added >= NEW_WINDOWS

    async def _learn(self, camera: str, place: _Place) -> None:
        watch, folder = place.watch, place.reservoir.folder
        now = self._clock.now()
        rows, at_s = await asyncio.to_thread(place.reservoir.rows, now)
        await asyncio.to_thread(np.savez, folder / ROWS_FILE, allow_pickle=False, rows=rows, at_s=at_s)
        place.added = 0
        watch.trainings += 1
        answer = await _fit(folder, f"{now:%Y%m%dT%H%M%S}", place.key)
        if answer.get("promoted"):
            await self._put_in_force(place)
            watch.problem = None
            place.due_tick_s = self._clock.tick_s() + AGAIN_S
            _LOG.info("camera %s: what is normal was learned from %d windows", camera, len(rows))
        else:
            watch.refusals += 1
            watch.problem = f"what is normal could not be learned: {answer.get('reason')}"
            _LOG.warning("camera %s: %s", camera, watch.problem)

    async def _put_in_force(self, place: _Place) -> None:
        found = await asyncio.to_thread(read_detector, place.reservoir.folder, place.key)
        place.watch.detector = found[0] if found else None

    def _trained(self, task: asyncio.Task[None]) -> None:
        self._training = None
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("what is normal was not learned", exc_info=error)
            self.problem = f"anomaly: learning failed ({error})"

    @contextlib.contextmanager
    def _told(self, camera: str, place: _Place) -> Iterator[None]:
        """A disk that refuses costs windows, never the camera: said once."""
        problem = None
        try:
            yield
        except OSError as error:
            problem = f"windows to learn from cannot be kept: {error.strerror or error}"
            if place.watch.disk_problem != problem:
                _LOG.warning("camera %s: %s", camera, problem)
        place.watch.disk_problem = problem

    def _tell_once(self, problem: str) -> None:
        if self.problem != problem:
            _LOG.warning("%s", problem)
        self.problem = problem


def features_key(line: Line) -> str:
    """What the camera's windows were made with: another source, mask, rate or model shows another normal."""
    config, spec = line.config, line.spec
    made = [FORMAT, redact(config.source), config.masks, config.frame_skip, config.sequence_length, _model_key(spec)]
    return hashlib.sha256(json.dumps(made).encode()).hexdigest()


def _model_key(spec: ModelSpec) -> list[Any]:
    return [spec.name, spec.version, *sorted(digest for name, digest in spec.sha256.items() if "cnn" in name)]


async def _fit(folder: Path, version: str, key: str) -> Mapping[str, Any]:
    """Runs learning/anomaly.py, which makes itself nice; what it says. Its file of rows is removed."""
    program = "crime_detect_engine.learning.anomaly"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", program, str(folder), version, key,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(TRAINING_LIMIT_S):
            answer, said = await process.communicate()
        if process.returncode != 0:
            lines = said.decode(errors="replace").strip().splitlines()
            return {"reason": lines[-1] if lines else f"the process ended with {process.returncode}"}
        found: Mapping[str, Any] = json.loads(answer)
    except TimeoutError:
        return {"reason": f"it took longer than {TRAINING_LIMIT_S:g} s"}
    except ValueError:
        return {"reason": "the process gave no answer"}
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        (folder / ROWS_FILE).unlink(missing_ok=True)
    return found


def _remove_others(root: Path, cameras: set[str]) -> None:
    """Deletes what cameras have left behind that are gone or no longer ask for it."""
    if root.is_dir():
        for folder in root.iterdir():
            if folder.is_dir() and folder.name not in cameras:
                shutil.rmtree(folder, ignore_errors=True)
