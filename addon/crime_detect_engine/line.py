"""Owns one camera's line through the pipeline: its parts, its state, and how people see it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .anomaly_watch import AnomalyWatch
from .config import CameraConfig
from .decision.patterns import ACTS
from .decision.policy import silence_limit_s
from .decision.schedule import is_open
from .decision.state import ALL_LABELS, Arming, OpenIncident, PolicyState
from .domain.ports import CameraRuntime
from .domain.types import ANOMALY, NORMAL, Alert, CameraState, Grounds, ModelRef, ModelSpec, Rules, Score
from .domain.wire import SCHEMA_VERSION, timestamp
from .inference import Windows
from .judge import Judge
from .recorder import Recorder
from .sampling.sampler import FixedRateSampler
from .scene_watch import NOBODY_LOOKS, SceneWatch
from .sources.capture import Capture


@dataclass(slots=True)
class Line:
    """One camera. Everything here is touched in the event loop only, except the capture and the recorder's `add`."""

    config: CameraConfig
    spec: ModelSpec
    capture: Capture
    windows: Windows
    recorder: Recorder
    sampler: FixedRateSampler
    rules: Rules
    zone: ZoneInfo
    runtime: CameraRuntime = field(default_factory=CameraRuntime)
    state: PolicyState = field(default_factory=PolicyState)
    score: Score | None = None
    anomaly: AnomalyWatch | None = None
    """The second, separately decided score of a camera that learns what is normal for it."""
    scene: SceneWatch | None = None
    """Who and what is in view, and the rules about that."""
    latency_s: deque[float] = field(default_factory=lambda: deque(maxlen=240))
    frames: int = 0
    scored: int = 0
    refused: int = 0
    lost: int = 0
    """Frames of runs that failed."""

    @property
    def id(self) -> str:
        return self.config.id

    @property
    def note(self) -> str | None:
        """Why `frame_skip` is not what was asked for, for people."""
        return self.sampler.note

    def arming(self, now: datetime) -> Arming:
        return Arming(
            schedule_open=is_open(self.config.schedule, now, self.zone),
            detection_on=self.runtime.detection,
            shadow=self.rules.shadow_until is not None and now < self.rules.shadow_until,
            privacy=self.runtime.privacy,
            snoozed=snoozed_labels(self.runtime, now),
        )

    @property
    def silent(self) -> bool:
        return False

    def grounds(self, alert: Alert) -> Grounds:
        """What the model's incidents rest on."""
        model = ModelRef(self.spec.name, self.spec.version)
        return self.scene.grounds_of_model(alert, model) if self.scene else Grounds(model=model)

    @property
    def judges(self) -> tuple[Judge, ...]:
        """Those with rules, a state and a last score of their own."""
        beside = self.scene.judges if self.scene else ()
        return (self, *beside) if self.anomaly is None else (self, self.anomaly, *beside)

    def judge_of(self, score: Score) -> Judge | None:
        """Whose an inference thread's score is; None for a watch that was taken away meanwhile."""
        return self.anomaly if ANOMALY in score.probabilities else self

    def arming_of(self, judge: Judge, now: datetime) -> Arming:
        arming = self.arming(now)
        return replace(arming, shadow=True) if judge.silent else arming

    def weighed(self, judge: Judge, score: Score) -> Score:
        """The model's score with what is in view counted in; another judge's as it is."""
        return self.scene.weigh(score) if judge is self and self.scene else score

    def rules_of(self, judge: Judge, score: Score) -> Rules:
        """The judge's rules for this score: who lingered before makes what comes after graver."""
        if self.scene is None or judge is self.anomaly:
            return judge.rules
        label, confidence = score.top
        act = confidence >= judge.rules.log_floor if judge is self else label in ACTS
        return self.scene.rules_of(judge.rules, label, score.tick_s, act=act)

    def p95_latency_s(self) -> float | None:
        if not self.latency_s:
            return None
        return sorted(self.latency_s)[int(0.95 * (len(self.latency_s) - 1))]

    def current_score(self, now_tick_s: float) -> Score | None:
        """The last score while it still says something about now; a still scene gives none and is calm."""
        return _current(self, now_tick_s)

    def view(self, now: datetime, now_tick_s: float) -> dict[str, Any]:
        """The `<camera>/state` payload of contracts.md."""
        status = self.capture.status()
        state = CameraState.PAUSED if self.runtime.privacy else status.state
        rules, reached = gravest(self.judges) or (self.rules, None)
        score = self.current_score(now_tick_s)
        label, confidence = score.top if score else (NORMAL, 0.0)
        latency_s = self.p95_latency_s()
        return {
            "schema_version": SCHEMA_VERSION,
            "state": str(state),
            "online": state in (CameraState.LIVE, CameraState.FROZEN),
            "active": reached is not None,
            "label": reached.label if reached else NORMAL,
            "confidence": round(reached.confidence if reached else confidence, 4),
            "threshold": rules.threshold_of(reached.label if reached else label),
            "detection": self.runtime.detection,
            "privacy": self.runtime.privacy,
            **(self.scene.view(now_tick_s) if self.scene else NOBODY_LOOKS),
            "snoozed_until": timestamp(running_snooze(self.runtime, now)),
            "fps": round(status.fps, 2),
            "latency_ms": None if latency_s is None else round(latency_s * 1000),
            "model": self.spec.name,
            "updated_at": timestamp(now),
        } | ({"anomaly": self.anomaly.view(_current(self.anomaly, now_tick_s))} if self.anomaly else {})


def _current(judge: Judge, now_tick_s: float) -> Score | None:
    score = judge.score
    return None if score is None or now_tick_s - score.tick_s > silence_limit_s(judge.rules, score) else score


def gravest(judges: Sequence[Judge]) -> tuple[Rules, OpenIncident] | None:
    """The gravest and surest of what is going on now, with its rules; what nobody is told of does not count."""
    found = [
        (judge.rules, one) for judge in judges if not judge.silent for one in judge.state.open_incidents if one.reached
    ]
    return max(found, key=lambda pair: (pair[1].severity, pair[1].confidence), default=None)


def running_snooze(runtime: CameraRuntime, now: datetime) -> datetime | None:
    until = runtime.snoozed_until
    return until if until is not None and until > now else None


def snoozed_labels(runtime: CameraRuntime, now: datetime) -> frozenset[str]:
    labels = {label for label, until in (runtime.snoozed_labels or {}).items() if until > now}
    if running_snooze(runtime, now):
        labels.add(ALL_LABELS)
    return frozenset(labels)


def discrete(view: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must be told at once when it changes; the rest of a view may wait."""
    keys = (
        "state", "online", "active", "label", "threshold", "detection", "privacy", "snoozed_until", "model",
        "tampered", "tamper", "persons", "objects", "zones",
    )  # fmt: skip
    return tuple(view[key] for key in keys)
