"""Owns the values that flow through the engine; all frozen. Times: `at` aware UTC, `tick_s` monotonic seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .vocabulary import ANOMALY as ANOMALY
from .vocabulary import INCIDENT_CLASSES as INCIDENT_CLASSES
from .vocabulary import NORMAL as NORMAL
from .vocabulary import RULE_CLASSES as RULE_CLASSES
from .vocabulary import VOCABULARY as VOCABULARY
from .vocabulary import CameraState as CameraState
from .vocabulary import ChangeType as ChangeType
from .vocabulary import IncidentSource as IncidentSource
from .vocabulary import Severity as Severity
from .vocabulary import SuppressedBy as SuppressedBy
from .vocabulary import Verdict as Verdict

Image = NDArray[np.uint8]
Vector = NDArray[np.float32]


class Picture(Protocol):
    """One decoded picture at the camera's own resolution, converted only when somebody looks; masks are burned in."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def rgb(self, max_height: int | None = None) -> Image:
        """RGB uint8 HxWx3 at most `max_height` lines high, privacy masks already black."""
        ...


class Region(NamedTuple):
    """A square of a picture that was made square; all relative to its side."""

    left: float = 0.0
    top: float = 0.0
    side: float = 1.0


WHOLE = Region()
REGIONS = ("full", "motion", "peak")
"""What a model may be shown of a picture, see ModelSpec."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One sampled frame. `image`: RGB uint8 SxSx3 at the model's size, read-only, masks burned in.

    `previous` is the same region of the picture sampled `lag` model steps before, None right after a cut or gap (then
    no difference exists and the frame gives no features to a model that reads differences). `region` is what the
    image shows of the whole picture. `moving` is the motion gate's word; it stays true for a whole window after the
    last motion. `cut` says that this frame does not continue the one before.
    """

    camera: str
    seq: int
    at: datetime
    tick_s: float
    image: Image
    previous: Image | None
    picture: Picture
    moving: bool = True
    cut: bool = False
    fps: float | None = None
    """Frames a second that are sampled, where `frame_skip` makes it another rate than the model's own."""
    region: Region = WHOLE


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the CNN saw in one frame: `vector` float32[D]."""

    camera: str
    at: datetime
    tick_s: float
    vector: Vector


@dataclass(frozen=True, slots=True)
class Score:
    """What the temporal model says of the window that ends at `at`: probability by label, summing to 1."""

    camera: str
    at: datetime
    tick_s: float
    probabilities: Mapping[str, float]
    model: str
    took_ms: float
    window_s: float = 2.0

    @property
    def top(self) -> tuple[str, float]:
        """The most probable label that is not `normal`, and its probability."""
        return max(((k, v) for k, v in self.probabilities.items() if k != NORMAL), key=lambda item: item[1])


@dataclass(frozen=True, slots=True)
class Rules:
    """When scores of one camera become an incident. One score comes every 0.5 s; thresholds compare with `>=`.

    A class opens an alert when `votes` of its last `window` scores reach its threshold, and closes when it stays
    below `release` for a window. Scores from `log_floor` up to the threshold are stored as detections.
    """

    mode: str = "threshold"
    threshold: float = 0.8
    per_class: Mapping[str, float] = field(default_factory=dict)
    release: float = 0.6
    log_floor: float = 0.5
    votes: int = 3
    window: int = 5
    cooldown_s: float = 60.0
    severity: Mapping[str, Severity] = field(default_factory=dict)
    false_alarm_budget: str | None = None
    shadow_until: datetime | None = None

    def threshold_of(self, label: str) -> float:
        return self.per_class.get(label, self.threshold)


@dataclass(frozen=True, slots=True)
class Alert:
    """The policy's decision about one incident; `scores` are those that came since the last alert about it."""

    incident_id: str
    camera: str
    type: ChangeType
    label: str
    confidence: float
    threshold: float
    severity: Severity
    notify: bool
    suppressed_by: SuppressedBy | None
    started_at: datetime
    at: datetime
    scores: tuple[Score, ...] = ()
    best: bool = False
    """True when this alert carries the highest confidence so far: the picture now is the one to keep."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that a decision rests on. `weight` was added to the log odds of the score, 0 for what only explains."""

    reason: str
    weight: float = 0.0
    detail: str | None = None

    def json(self) -> dict[str, Any]:
        return {"reason": self.reason, "weight": round(self.weight, 4), "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Location:
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class ModelRef:
    name: str
    version: str


@dataclass(frozen=True, slots=True, eq=False)
class Grounds:
    """What an alert rests on that the policy does not know. `picture` is the moment to show, None: the recorder's."""

    source: IncidentSource = IncidentSource.MODEL
    model: ModelRef | None = None
    zone: str | None = None
    rule: str | None = None
    boxes: Sequence[Mapping[str, Any]] = ()
    identities: Sequence[str] = ()
    why: Sequence[Reason] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    picture: Picture | None = None
    draw: bool = False
    """Whether the boxes are drawn on the snapshot."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as stored. On the wire it has exactly the fields of contracts.md; `extra` fields stay inside."""

    incident_id: str
    camera: str
    source: IncidentSource
    label: str
    confidence: float
    threshold: float
    severity: Severity
    notify: bool
    suppressed_by: SuppressedBy | None
    started_at: datetime
    ended_at: datetime | None
    model: ModelRef | None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    boxes: Sequence[Mapping[str, Any]] = ()
    zone: str | None = None
    location: Location | None = None
    identities: Sequence[str] = ()
    scores_summary: Mapping[str, float] = field(default_factory=dict)
    """`count`, `max`, `mean` of the incident's own class over its scores."""
    snapshot: str | None = None
    """Path of the snapshot relative to the media folder; outputs and the wire never see it."""
    snapshot_rev: int = 0
    clip: str | None = None
    faces_blurred: bool = False
    verdict: Verdict | None = None
    acknowledged: bool = False
    hold: bool = False
    frigate_event_id: str | None = None
    rule: str | None = None
    """Which rule decided, for incidents of source `zone`: `intrusion`, `dwell`, `returns`, …"""
    why: Sequence[Mapping[str, Any]] = ()
    """What the decision rests on besides the score: `{reason, weight, detail}` each."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What was seen or told beside: things carried, number plates, sounds."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """What the capture thread knows. `last_error` is free of credentials."""

    camera: str
    state: CameraState
    fps: float = 0.0
    dropped: int = 0
    last_error: str | None = None
    since: datetime | None = None
    width: int = 0
    height: int = 0
    unauthorized: bool = False
    """The last attempt was refused for its user name or password."""


@dataclass(frozen=True, slots=True)
class IncidentChanged:
    seq: int
    type: ChangeType
    before: Incident | None
    after: Incident | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CameraChanged:
    seq: int
    camera: str
    data: Mapping[str, Any]
    """The `<camera>/state` payload of contracts.md."""
    at: datetime


@dataclass(frozen=True, slots=True)
class EngineChanged:
    seq: int
    data: Mapping[str, Any]
    """The `info` payload of contracts.md."""
    at: datetime


Event = IncidentChanged | CameraChanged | EngineChanged


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """All that serving needs to treat pictures exactly as training did; stored inside the checkpoint.

    `input`: `difference` (clip(128 + gain·(now − image `lag` steps before))) or `rgb`. `frames` is the window length in
    steps of 1/`fps` seconds; `size` the square input in pixels; `mean`/`std` apply to values scaled by `scale`
    (`unit` 0..1, `symmetric` −1..1). `temperature` divides the logits. `region`: `full`, or a square cut out of
    the picture at `source_size` pixels: `motion` around all that moves, `peak` around the place where most moves.
    """

    name: str
    version: str
    network: str
    labels: tuple[str, ...]
    frames: int
    fps: float
    size: int
    input: str
    gain: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: str
    interpolation: str
    feature_dim: int
    hidden_dim: int
    temperature: float
    min_frames: int
    trained: bool
    metrics: Mapping[str, Any] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    """Digest by file name within the checkpoint's folder."""
    training: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the network's constructor."""
    demo: bool = False
    """True for the checkpoint that only knows procedural scenes."""
    lag: int = 1
    gain_rule: str = "fixed"
    """`fixed`, or `contrast`: the gain grows where the square now has little contrast, see vision/preprocess.py."""
    region: str = "full"
    source_size: int | None = None
    enhance: str = "none"
    """What is done to a picture before it is looked at: `none`, `clahe`, `denoise` or `brightness`."""
    precisions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The precisions besides fp32 whose decisions were proven to hold, each with its figures."""

    @property
    def picture_size(self) -> int:
        """Side in pixels of the whole picture before the region is cut out."""
        return self.source_size or self.size
