"""Owns the flow: frames in, features, scores, decisions, stored alerts out. Read this first.

capture thread ─Frame→ Mailbox ─batch→ Worker (CNN, window, LSTM) ─Score→ policy.step ─Alert→ Writer (store, then send)
               └Look→ Looks ─batch→ Worker (detector) ─Detections→ SceneWatch (tracks, zones) ─Score┘
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from . import background
from .config import CameraConfig
from .decision.policy import close_all, expire, step
from .decision.state import PolicyState
from .domain.clock import Clock
from .domain.scene import Detection, Look
from .domain.types import Alert, ChangeType, Frame, Score
from .inference import Work, Worker
from .judge import Judge
from .line import Line
from .looks import Looks
from .mailbox import Mailbox

_LOG = logging.getLogger(__name__)
CAMERAS_A_BATCH = 8
EXPIRE_EVERY_S = 0.5
STOP_CAPTURE_S = 1.5


class Pipeline:
    """The lines of all cameras and the workers they share. Lives in the event loop.

    `on_alert` gets each decision in order; it must not block.
    """

    def __init__(self, workers: Sequence[Worker], on_alert: Callable[[Line, Judge, Alert], None], clock: Clock) -> None:
        self._workers = workers
        self._on_alert = on_alert
        self._clock = clock
        self._mailbox = Mailbox()
        self._looks = Looks()
        self._arrived = [asyncio.Event() for _ in workers]
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.lines: dict[str, Line] = {}
        self.fault: str | None = None
        """Why nothing is decided any more: a flaw of the engine itself."""

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            background.start(self._infer(worker, arrived), f"inference {number}", self._died)
            for number, (worker, arrived) in enumerate(zip(self._workers, self._arrived, strict=True))
        ]
        self._tasks.append(background.start(self._expire(), "the end of silent incidents", self._died))

    async def stop(self) -> None:
        """Ends captures and open incidents. The alerts that this makes go through `on_alert` as always."""
        await asyncio.gather(*(self.remove(camera) for camera in list(self.lines)))
        await background.end(*self._tasks)
        for worker in self._workers:
            worker.close()

    def add(self, line: Line) -> None:
        """The line's capture was built with `self.receive` as its frame listener."""
        self.lines[line.id] = line
        if line.runtime.privacy:
            line.capture.pause()
            line.recorder.close()
        line.capture.start()

    async def remove(self, camera: str) -> None:
        """Does nothing for one that is not there: two may remove it at once, as a change and the end do."""
        line = self.lines.get(camera)
        if line is None:
            return
        await asyncio.to_thread(line.capture.stop, STOP_CAPTURE_S)
        if self.lines.get(camera) is line:
            self._close(line)
            del self.lines[camera]
            self._mailbox.forget(camera)
            self._looks.forget(camera)

    def set_config(self, camera: str, config: CameraConfig) -> None:
        """Swaps rules, schedule and names in place: the stream, the window and an open incident go on."""
        line = self.lines[camera]
        line.config, line.rules = config, config.rules
        if line.scene is not None:
            for gone in line.scene.configure(config):
                self.close(line, gone)

    def dropped(self, camera: str) -> int:
        """Frames that were too many since the camera was added."""
        return self._mailbox.dropped.get(camera, 0)

    def looks_dropped(self, camera: str) -> int:
        """Looks that were too many since the camera was added."""
        return self._looks.dropped.get(camera, 0)

    async def pause(self, camera: str) -> None:
        """Privacy: the connection is closed, open incidents end, no picture stays in memory."""
        line = self.lines.get(camera)
        if line is None:
            return
        await asyncio.to_thread(line.capture.pause)
        self._mailbox.clear(camera)
        self._close(line)
        for judge in line.judges:
            judge.score = None
        self._looks.forget(camera)
        if line.scene is not None:
            line.scene.clear()
        line.recorder.close()

    def resume(self, camera: str) -> None:
        line = self.lines.get(camera)
        if line is not None:
            line.recorder.open()
            line.capture.resume()

    def receive(self, frame: Frame) -> None:
        """Called by capture threads."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, frame)

    def receive_look(self, look: Look) -> None:
        """Called by capture threads."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put_look, look)

    def _put_look(self, look: Look) -> None:
        line = self.lines.get(look.camera)
        if line is None or line.runtime.privacy or line.scene is None:
            return
        if not line.scene.wants_detector:
            self._saw(line, look, None)
            return
        self._looks.put(look)
        self._wake()

    def _put(self, frame: Frame) -> None:
        line = self.lines.get(frame.camera)
        if line is None or line.runtime.privacy:
            return
        line.frames += 1
        self._mailbox.put(frame)
        self._wake()

    def _wake(self) -> None:
        for arrived in self._arrived:
            arrived.set()

    async def _infer(self, worker: Worker, arrived: asyncio.Event) -> None:
        while True:
            taken, looks = self._mailbox.take(CAMERAS_A_BATCH), self._looks.take(CAMERAS_A_BATCH)
            if not taken and not looks:
                arrived.clear()
                await arrived.wait()
                continue
            if taken:
                await self._score(worker, taken)
            if looks:
                await self._look(worker, looks)
            self._wake()
            if worker.rest_s:
                await asyncio.sleep(worker.rest_s)

    async def _score(self, worker: Worker, taken: Mapping[str, Sequence[Frame]]) -> None:
        work = []
        for camera, frames in taken.items():
            line = self.lines.get(camera)
            if line is not None:
                work.append(Work(camera, line.spec.name, line.windows, frames, line.anomaly))
        scores = await worker.score(work)
        for camera, frames in taken.items():
            self._mailbox.done(camera)
            self._count(camera, frames, lost=scores is None)
        for score in scores or ():
            self._decide(score)

    async def _look(self, worker: Worker, looks: Sequence[Look]) -> None:
        """Finds who is there, after the scores: what is new there may raise or hold back the next one."""
        images = [look.image for look in looks if look.image is not None]
        found = await worker.detect(images) if images else ()
        answers = iter(found or ())
        for look in looks:
            self._looks.done(look.camera)
            seen = next(answers, None) if look.image is not None else None
            line = self.lines.get(look.camera)
            if line is not None and not line.runtime.privacy:
                self._saw(line, look, seen)

    def _saw(self, line: Line, look: Look, detections: Sequence[Detection] | None) -> None:
        if line.scene is None:
            return
        for judge, score in line.scene.see(look, detections):
            self._judge(line, judge, score)

    def _count(self, camera: str, frames: Sequence[Frame], *, lost: bool) -> None:
        line = self.lines.get(camera)
        if line is None:
            return
        if lost:
            line.lost += len(frames)
            self._mailbox.break_off(camera)
            return
        now_tick_s = self._clock.tick_s()
        line.scored += len(frames)
        line.latency_s.extend(now_tick_s - frame.tick_s for frame in frames)

    def _decide(self, score: Score) -> None:
        line = self.lines.get(score.camera)
        if line is None:
            return
        judge = line.judge_of(score)
        if judge is not None:
            self._judge(line, judge, line.weighed(judge, score))

    def _judge(self, line: Line, judge: Judge, score: Score) -> None:
        try:
            rules = line.rules_of(judge, score)
            state, alerts = step(rules, judge.state, score, line.arming_of(judge, self._clock.now()))
        except ValueError as error:
            line.refused += 1
            _LOG.warning("camera %s: a score was refused: %s", line.id, error)
            return
        judge.score = score
        self._take(line, judge, state, alerts)

    def _take(self, line: Line, judge: Judge, state: PolicyState, alerts: Sequence[Alert]) -> None:
        judge.state = state
        for alert in alerts:
            if line.anomaly is not None:
                line.anomaly.note(alert)
            if alert.type is ChangeType.NEW and alert.scores:
                first = alert.scores[0]
                line.recorder.begin(alert.incident_id, first.tick_s - first.window_s)
            self._on_alert(line, judge, alert)

    def _died(self, fault: str) -> None:
        self.fault = fault

    def _close(self, line: Line) -> None:
        for judge in line.judges:
            self.close(line, judge)

    def close(self, line: Line, judge: Judge) -> None:
        """Ends what is open at one of a line's judges."""
        now, tick_s = self._clock.now(), self._clock.tick_s()
        self._take(line, judge, *close_all(judge.rules, judge.state, line.id, now, tick_s))

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(EXPIRE_EVERY_S)
            now_tick_s = self._clock.tick_s()
            for line in list(self.lines.values()):
                line.recorder.extend(now_tick_s)
                for judge in line.judges:
                    ended = expire(judge.rules, judge.state, line.id, self._clock.now(), now_tick_s)
                    self._take(line, judge, *ended)
