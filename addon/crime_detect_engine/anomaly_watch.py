"""Owns what is unusual at one camera: its second score, the decision on it, and which windows it may learn from."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from .decision.state import PolicyState
from .domain.types import (
    ANOMALY,
    NORMAL,
    Alert,
    Frame,
    Grounds,
    IncidentSource,
    ModelRef,
    Rules,
    Score,
    Severity,
    Vector,
)  # fmt: skip
from .vision.anomaly import AnomalyDetector, AnomalyOptions, describe_window

DETECTOR = "anomaly"
MARGIN_S = 60.0
"""Around an incident nothing is learned: what led to it is no better known to be normal."""
WAITING = 1000
"""Windows that wait until it is known that nothing happened around them: far more than the margins need."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    at: datetime
    row: Vector


@dataclass(slots=True, eq=False)
class AnomalyWatch:
    """`observe` is called by inference threads, one at a time; everything else in the event loop."""

    options: AnomalyOptions
    rules: Rules
    detector: AnomalyDetector | None = None
    state: PolicyState = field(default_factory=PolicyState)
    score: Score | None = None
    learned: int = 0
    """Windows in the reservoir."""
    trainings: int = 0
    refusals: int = 0
    """Trainings whose detector did not behave on held-out windows, or failed."""
    problem: str | None = None
    """Why there is no newer detector, for people."""
    disk_problem: str | None = None
    _waiting: deque[_Seen] = field(default_factory=lambda: deque(maxlen=WAITING))
    _last_tick_s: float = float("-inf")
    _excluded: list[tuple[datetime, datetime]] = field(default_factory=list)
    _confirmed: list[tuple[datetime, datetime]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @property
    def model(self) -> ModelRef:
        return ModelRef(DETECTOR, self.detector.version if self.detector else "")

    @property
    def silent(self) -> bool:
        """True unless `severity` says how grave the unusual is: then it is stored and nobody is told."""
        return ANOMALY not in self.rules.severity

    def grounds(self, alert: Alert) -> Grounds:  # noqa: ARG002 - every judge's signature
        return Grounds(IncidentSource.ANOMALY, self.model)

    def observe(self, frame: Frame, window: NDArray[np.float32], window_s: float) -> Score | None:
        """Takes the window float32 [T, D] that ends with `frame`; its score once there is a detector."""
        row = describe_window(window)
        if frame.tick_s - self._last_tick_s >= window_s:  # windows that overlap say the same twice
            self._last_tick_s = frame.tick_s
            with self._lock:
                self._waiting.append(_Seen(frame.at, row))
        detector = self.detector
        if detector is None or detector.centre.shape != row.shape:
            return None
        unusual = float(detector.scores(row[None])[0])
        found = {NORMAL: 1.0 - unusual, ANOMALY: unusual}
        return Score(frame.camera, frame.at, frame.tick_s, found, DETECTOR, 0.0, window_s)

    def note(self, alert: Alert) -> None:
        """An incident of another kind: its windows and those around it are not learned."""
        if alert.label != ANOMALY:
            self.exclude(alert.started_at, alert.at)

    def exclude(self, start: datetime, end: datetime) -> None:
        margin = timedelta(seconds=MARGIN_S)
        start, end = start - margin, end + margin
        if self._excluded and start <= self._excluded[-1][1]:
            first, last = self._excluded[-1]
            self._excluded[-1] = (min(first, start), max(last, end))
        else:
            self._excluded.append((start, end))

    def confirm(self, start: datetime, end: datetime) -> None:
        """A person confirmed an incident: what was learned of it is to be forgotten."""
        margin = timedelta(seconds=MARGIN_S)
        self._confirmed.append((start - margin, end + margin))
        self.exclude(start, end)

    def drop_waiting(self) -> None:
        """Privacy, snooze or a camera that is not armed: what was just seen is not learned either."""
        with self._lock:
            self._waiting.clear()

    def settled(self, now: datetime) -> Sequence[tuple[datetime, Vector]]:
        """Takes out what is old enough to know that nothing happened around it."""
        until = now - timedelta(seconds=2 * MARGIN_S)
        with self._lock:
            ready = []
            while self._waiting and self._waiting[0].at <= until:
                ready.append(self._waiting.popleft())
        clean = [(one.at, one.row) for one in ready if not self._is_excluded(one.at)]
        self._excluded = [span for span in self._excluded if span[1] > until]
        return clean

    def take_confirmed(self) -> Sequence[tuple[datetime, datetime]]:
        taken, self._confirmed = self._confirmed, []
        return taken

    def view(self, current: Score | None) -> dict[str, Any]:
        """Additive part of a camera's state."""
        return {
            "state": "learning" if self.detector is None else "watching",
            "score": round(current.probabilities[ANOMALY], 4) if current else None,
            "threshold": self.options.threshold,
            "windows": self.learned,
            "version": self.detector.version if self.detector else None,
            "problem": self.disk_problem or self.problem,
        }

    def _is_excluded(self, at: datetime) -> bool:
        return any(start <= at <= end for start, end in self._excluded)


def anomaly_rules(options: AnomalyOptions, camera: Rules) -> Rules:
    """The camera's rules for the second score: its votes and cooldown, its own threshold, nothing stored below that."""
    severity = {label: grave for label, grave in camera.severity.items() if label == ANOMALY}
    threshold = options.threshold
    return replace(
        camera,
        threshold=threshold,
        per_class={},
        release=0.75 * threshold,
        log_floor=threshold,
        severity=severity or _NO_SEVERITY,
    )


_NO_SEVERITY: dict[str, Severity] = {}


def anomaly_metrics(watches: dict[str, AnomalyWatch]) -> list[Metric]:
    label = ["camera"]
    score = GaugeMetricFamily("crime_detect_anomaly_score", "How unusual the last window was", labels=label)
    windows = GaugeMetricFamily("crime_detect_anomaly_windows", "Windows to learn from", labels=label)
    ready = GaugeMetricFamily("crime_detect_anomaly_ready", "1 once the camera's normal is learned", labels=label)
    trainings = CounterMetricFamily(
        "crime_detect_anomaly_trainings", "Detectors learned", labels=["camera", "outcome"]
    )  # fmt: skip
    for camera, watch in watches.items():
        if watch.score is not None:
            score.add_metric([camera], watch.score.probabilities[ANOMALY])
        windows.add_metric([camera], watch.learned)
        ready.add_metric([camera], float(watch.detector is not None))
        trainings.add_metric([camera, "promoted"], watch.trainings - watch.refusals)
        trainings.add_metric([camera, "refused"], watch.refusals)
    return [score, windows, ready, trainings]
