"""Owns watching without a camera: a stream's frames through sampler, classifier and policy in the stream's own time.

The same parts as `pipeline.py`, without its threads and clocks, so that hours of footage are judged in minutes and
twice the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from .decision.policy import step
from .decision.state import ARMED, PolicyState
from .domain.ports import Classifier, RawFrame
from .domain.types import Alert, ChangeType, Frame, Rules, Score, Severity
from .sampling.sampler import FixedRateSampler
from .sources.file import FileSource
from .vision.sequences import SlidingWindow

BATCH = 8
AT_CUT_S = 2.5
"""An alert so soon after a cut is reported as one at a cut: a cut that was missed stays in a window that long."""
_MOVED_LEVELS = 12
_LOOK_BACK_S = 4.5
"""What can have voted for an alert: five scores half a second apart and the window of the first."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One incident at alert severity: what a person would have been told, and what there was to see."""

    at_s: float
    label: str
    confidence: float
    notify: bool
    """False in the cooldown after another incident."""
    since_cut_s: float | None
    """None where no cut came before; the first picture of a stream is none."""
    moving_share: float
    """Share of the model's picture that changed, averaged over what can have voted."""

    @property
    def at_cut(self) -> bool:
        return self.since_cut_s is not None and self.since_cut_s <= AT_CUT_S


@dataclass(slots=True)
class Watch:
    """What the pipeline made of one stream; times are the stream's own seconds."""

    seconds: float = 0.0
    frames: int = 0
    moving: int = 0
    """Frames that the motion gate let through."""
    cuts: list[float] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def suspicions(self) -> list[tuple[float, float]]:
        """(seconds, probability of the likeliest incident) of every window."""
        return [(score.tick_s, score.top[1]) for score in self.scores]


def watch_file(path: Path, classifier: Classifier, rules: Rules | None = None) -> Watch:
    """Raises SourceError for a file that cannot be read."""
    return watch(FileSource(path).frames(), classifier, rules, camera=path.name)


def watch(
    frames: Iterable[RawFrame], classifier: Classifier, rules: Rules | None = None, *, camera: str = "camera"
) -> Watch:
    """Plays raw frames whose `tick_s` is stream time; motion gate and cut detection as in service."""
    return _Play(classifier, rules or Rules(), camera).run(frames)


class _Play:
    def __init__(self, classifier: Classifier, rules: Rules, camera: str) -> None:
        self._classifier = classifier
        self._rules = rules
        self._sampler = FixedRateSampler(camera, classifier.spec)
        self._window = SlidingWindow(classifier.spec)
        self._state = PolicyState()
        self._watch = Watch()
        self._changes: deque[tuple[float, float]] = deque(maxlen=max(1, round(_LOOK_BACK_S * classifier.spec.fps)))
        self._told: set[str] = set()

    def run(self, frames: Iterable[RawFrame]) -> Watch:
        sampled = self._sampled(frames)
        while batch := list(islice(sampled, BATCH)):
            for frame, vector in zip(batch, self._classifier.features(batch), strict=True):
                window = self._window.push(frame, vector)
                self._notice(frame)
                if window is None:
                    continue
                probabilities = self._classifier.probabilities([window])[0]
                spec = self._classifier.spec
                length_s = len(window) / (frame.fps or spec.fps)
                self._decide(Score(frame.camera, frame.at, frame.tick_s, probabilities, spec.name, 0.0, length_s))
        return self._watch

    def _sampled(self, frames: Iterable[RawFrame]) -> Iterator[Frame]:
        first_s: float | None = None
        for raw in frames:
            first_s = raw.stream_s if first_s is None else first_s
            self._watch.seconds = raw.stream_s - first_s
            frame = self._sampler.offer(raw)
            if frame is not None:
                yield frame

    def _notice(self, frame: Frame) -> None:
        seen = self._watch
        if frame.cut and seen.frames:
            seen.cuts.append(frame.tick_s)
        seen.frames += 1
        seen.moving += frame.moving
        self._changes.append((frame.tick_s, _changed_share(frame)))

    def _decide(self, score: Score) -> None:
        self._watch.scores.append(score)
        self._state, alerts = step(self._rules, self._state, score, ARMED)
        for alert in alerts:
            if alert.type is ChangeType.END or alert.severity < Severity.ALERT or alert.incident_id in self._told:
                continue
            self._told.add(alert.incident_id)
            self._watch.notices.append(self._notice_of(alert, score.tick_s))

    def _notice_of(self, alert: Alert, at_s: float) -> Notice:
        cuts = self._watch.cuts
        changed = [share for when_s, share in self._changes if when_s >= at_s - _LOOK_BACK_S]
        return Notice(
            at_s,
            alert.label,
            alert.confidence,
            alert.notify,
            at_s - cuts[-1] if cuts else None,
            float(np.mean(changed)),
        )


def _changed_share(frame: Frame) -> float:
    """Share of the pixels of the model's picture that changed since the one it is compared with."""
    if frame.previous is None:
        return 0.0
    change = np.abs(frame.image[::2, ::2].astype(np.int16) - frame.previous[::2, ::2]).max(2)
    return float((change > _MOVED_LEVELS).mean())
