"""Owns looking at a file for people and things: the parts of the pipeline in the stream's own time, without threads.

As `watching.py` is for the model, so that an hour of footage is judged in minutes and twice the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from .config import CameraConfig
from .decision.policy import expire, step
from .decision.state import ARMED
from .domain.ports import Detector
from .domain.scene import Look, Scene
from .domain.types import Alert, ChangeType, ModelSpec, Severity
from .rule_judge import RuleJudge
from .sampling.sampler import FixedRateSampler
from .scene_watch import SceneOptions, SceneWatch
from .sources.file import FileSource

UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Told:
    """One incident of a rule; seconds of the stream. `tracks` are the ids that its boxes had when it began."""

    label: str
    rule: str
    place: str | None
    began_s: float
    ended_s: float
    confidence: float
    notify: bool
    tracks: tuple[int, ...]


@dataclass(slots=True)
class Observed:
    """What came of one stream."""

    seconds: float = 0.0
    looks: int = 0
    detected: int = 0
    """Looks at which the detector ran; at the others nothing had moved."""
    scenes: list[Scene] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)


def observe_file(
    path: Path, camera: CameraConfig, detector: Detector, spec: ModelSpec, options: SceneOptions | None = None
) -> Observed:
    """Raises SourceError for a file that cannot be read."""
    play = _Play(camera, detector, spec, options or SceneOptions())
    first_s: float | None = None
    for raw in FileSource(path).frames():
        first_s = raw.stream_s if first_s is None else first_s
        play.seen.seconds = raw.stream_s - first_s
        frame = play.sampler.offer(raw)
        look = None if frame is None else play.watch.look(frame)
        if look is not None:
            play.look(look)
    play.end()
    return play.seen


class _Play:
    def __init__(self, camera: CameraConfig, detector: Detector, spec: ModelSpec, options: SceneOptions) -> None:
        self.sampler = FixedRateSampler(camera.id, spec, masks=camera.masks)
        self.watch = SceneWatch(camera, options, UTC_ZONE)
        self.seen = Observed()
        self._detector = detector
        self._open: dict[str, Told] = {}
        self._tick_s = 0.0

    def look(self, look: Look) -> None:
        self.seen.looks += 1
        self._tick_s = look.tick_s
        found = None
        if look.image is not None and self.watch.wants_detector:
            found = self._detector.detect([look.image])[0]
            self.seen.detected += 1
        for judge, score in self.watch.see(look, found):
            rules = self.watch.rules_of(judge.rules, judge.label, score.tick_s, act=True)
            judge.state, alerts = step(rules, judge.state, score, ARMED)
            self._take(judge, alerts)
        scene = self.watch.scene
        if scene is not None and scene.tick_s == look.tick_s:
            self.seen.scenes.append(scene)

    def end(self) -> None:
        """The stream is over: what is open ends as it would at a camera that fell silent."""
        later = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
        for judge in self.watch.judges:
            judge.state, alerts = expire(judge.rules, judge.state, judge.camera, later, self._tick_s + 3600.0)
            self._take(judge, alerts)

    def _take(self, judge: RuleJudge, alerts: tuple[Alert, ...]) -> None:
        for alert in alerts:
            if alert.type is ChangeType.NEW and alert.severity >= Severity.ALERT:
                grounds = judge.grounds(alert)
                tracks = tuple(int(box["track"]) for box in grounds.boxes if "track" in box)
                told = Told(
                    alert.label, grounds.rule or "", judge.place, self._tick_s, self._tick_s, alert.confidence,
                    alert.notify, tracks,
                )  # fmt: skip
                self._open[alert.incident_id] = told
            elif alert.type is ChangeType.END and alert.incident_id in self._open:
                began = self._open.pop(alert.incident_id)
                ended = (alert.label, began.rule, began.place, began.began_s, self._tick_s, alert.confidence)
                self.seen.told.append(Told(*ended, began.notify, began.tracks))
