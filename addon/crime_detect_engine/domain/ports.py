"""Owns the protocols between stages: who may call what, so that stages never import one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .administration import Actor as Actor
from .administration import Administration
from .administration import CameraView as CameraView
from .keeping import Keeping
from .media import Originals
from .media import StoredMedia as StoredMedia
from .reporting import PublicSummaries, Reporting
from .seeing import Backend as Backend
from .seeing import Classifier as Classifier
from .seeing import Detector as Detector
from .subjects import SubjectRights
from .types import (
    Event,
    Frame,
    Image,
    Incident,
    IncidentChanged,
    Picture,
    Severity,
    Verdict,
)

# --- sources and sampling ---------------------------------------------------------------------------------------


class RawFrame(Protocol):
    """A decoded, unconverted frame. `stream_s` is the stream's own time in seconds, never going back."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def stream_s(self) -> float: ...

    @property
    def at(self) -> datetime: ...

    @property
    def tick_s(self) -> float: ...

    @property
    def cut(self) -> bool:
        """True when the source knows that this frame does not continue the one before (start, reconnect, loop)."""
        ...

    def luma(self) -> NDArray[np.uint8]:
        """The luma plane HxW, a view; do not write."""
        ...

    def rgb(self, width: int, height: int, interpolation: str) -> Image:
        """RGB uint8 height x width x 3, scaled by swscale (`bilinear`, `area`, `bicubic`)."""
        ...


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded video packet. `data` is None at the end of a stream."""

    at: datetime
    tick_s: float
    data: bytes
    pts: int
    dts: int
    keyframe: bool


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """What a muxer needs to write packets again without decoding them."""

    codec: str
    width: int
    height: int
    time_base: Fraction
    extradata: bytes | None


@dataclass(frozen=True, slots=True)
class PacketSpan:
    """Packets of one unbroken stretch of one stream, beginning with a keyframe."""

    format: StreamFormat
    packets: Sequence[Packet]


class Source(Protocol):
    """A source only runs and fails; retry, back-off and stop live once, in the capture.

    `frames` connects and yields until the stream ends (returns), fails (SourceError) or `interrupt` was called from
    another thread. `on_packet` gets each video packet with its format before it is decoded (None where the source
    has no packets).
    """

    live: bool
    """False for files: played once at their own pace unless looped, never retried after a clean end."""

    def frames(self, on_packet: Callable[[StreamFormat, Packet], None] | None) -> Iterator[RawFrame]: ...

    def interrupt(self) -> None: ...


class Sampler(Protocol):
    """Decides which raw frames the model sees; called from one capture thread."""

    def offer(self, raw: RawFrame) -> Frame | None: ...


# --- store ------------------------------------------------------------------------------------------------------


NO_EVENT = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that must reach one recipient over one channel; the outbox row. Outputs get ids, not paths."""

    id: int
    channel: str
    recipient: str
    """Key of the recipient within the channel; for `mqtt` the camera, so that order holds per camera; for `report` the
    period and the address."""
    event_seq: int
    """`NO_EVENT` for what tells of no single incident: a report, which its recipient key names."""
    incident_id: str | None
    created_at: datetime
    attempts: int
    last_error: str | None
    receipt: str | None
    """What the provider answered (message sid), or the marker `maybe` after an ambiguous answer."""


@dataclass(frozen=True, slots=True)
class Page:
    items: Sequence[Incident]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    camera: str | None = None
    cameras: frozenset[str] | None = None
    """What the caller may see; None is all."""
    label: str | None = None
    severity: Severity | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_confidence: float | None = None
    verdict: Verdict | None = None
    text: str | None = None
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class CameraRuntime:
    """Switches of one camera that live in the database, not in the configuration file."""

    detection: bool = True
    privacy: bool = False
    snoozed_until: datetime | None = None
    snoozed_labels: Mapping[str, datetime] | None = None


class OutboxStore(Protocol):
    """The durable half of the outbox."""

    async def due(self, channel: str, now: datetime, limit: int = 50) -> Sequence[Delivery]:
        """Unsent deliveries whose retry time has come, oldest first; at most the oldest one a recipient."""
        ...

    async def mark_sending(self, delivery_id: int) -> None:
        """Written before the provider is called: a crash after this leaves an ambiguous delivery, not a lost one."""
        ...

    async def mark_sent(self, delivery_id: int, receipt: str | None, at: datetime) -> None: ...

    async def mark_failed(
        self, delivery_id: int, error: str, retry_at: datetime | None, *, ambiguous: bool = False
    ) -> None:
        """`retry_at` None gives up (invalid number); the row stays with its error."""
        ...

    async def event(self, seq: int) -> IncidentChanged | None: ...

    async def snapshot_jpeg(self, incident_id: str) -> bytes | None: ...

    async def pending_counts(self) -> Mapping[str, int]: ...


# --- the engine as web and MQTT commands see it -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ManualReport:
    camera: str
    label: str
    started_at: datetime
    ended_at: datetime | None
    note: str | None


@dataclass(frozen=True, slots=True)
class EvidencePackage:
    """A file that whoever asked for it deletes; `signature` (64 bytes) is over the hexadecimal `sha256`."""

    path: Path
    content: StoredMedia
    size_bytes: int
    sha256: str
    signature: bytes
    key_id: str


class EngineControl(Administration, Reporting, Protocol):
    """Everything a person or a program may ask of the running engine. Errors are CrimeDetectErrors."""

    uuid: str
    epoch: str

    @property
    def originals(self) -> Originals: ...

    @property
    def subjects(self) -> SubjectRights: ...

    @property
    def public(self) -> PublicSummaries: ...

    @property
    def keeping(self) -> Keeping: ...

    def info(self) -> Mapping[str, Any]:
        """The `info` payload plus `device`, `model`, `fallback`, `version`, `outbox`, `storage`, `uptime_s`."""
        ...

    def health(self) -> tuple[bool, Mapping[str, Any]]:
        """Whether the engine sees and can store, and why not: tells "no news" from "blind"."""
        ...

    def cameras(self) -> Sequence[CameraView]: ...

    def camera(self, camera: str) -> CameraView:
        """Raises NotFoundError."""
        ...

    def live_picture(self, camera: str) -> Picture | None:
        """The newest masked picture; None while there is none or privacy is on."""
        ...

    def objects(self, camera: str) -> Mapping[str, Any]:
        """`{"at", "items"}`: who and what is in view now, `{track, label, box, score, dwell_s, speed, zones, identity}`
        each, surest first; nothing while privacy is on or nobody looks. Raises NotFoundError."""
        ...

    def encode_jpeg(self, camera: str, picture: Picture, max_height: int = 720) -> bytes:
        """Without whom the camera hides. Blocks."""
        ...

    def subscribe(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Calls `listener` in the event loop for every event after it was stored. Returns the unsubscribe."""
        ...

    async def events_since(self, seq: int, limit: int = 1000) -> Sequence[Event]: ...

    async def sequence_range(self) -> tuple[int, int]:
        """(oldest_seq, newest_seq); oldest is newest + 1 when nothing is kept."""
        ...

    async def incidents(self, query: IncidentQuery) -> Page: ...

    async def incident(self, incident_id: str) -> Incident:
        """Raises NotFoundError."""
        ...

    async def scores(self, incident_id: str) -> Sequence[Mapping[str, Any]]: ...

    async def media(self, incident: Incident, kind: str, actor: Actor | None = None) -> StoredMedia | None:
        """`snapshot` or a `clip` that a browser plays (transcoded on demand); None when gone.

        `actor` is who looks, for the record; None is the engine itself."""
        ...

    async def evidence(self, incident_id: str, actor: Actor, *, originals: bool = False) -> EvidencePackage:
        """Everything kept of an incident, signed. Raises NotFoundError and StoreError."""
        ...

    async def evidence_signature(self, incident_id: str, sha256: str) -> bytes:
        """Of a package made before. Raises NotFoundError for a file that was not made here."""
        ...

    async def evidence_key(self) -> bytes:
        """The public key, PEM."""
        ...

    async def set_verdict(self, incident_id: str, verdict: Verdict | None, actor: Actor) -> Incident: ...

    async def acknowledge(self, incident_id: str, acknowledged: bool, actor: Actor) -> Incident: ...

    async def hold(self, incident_id: str, hold: bool, actor: Actor) -> Incident: ...

    async def delete(self, incident_id: str, actor: Actor) -> None: ...

    async def report(self, report: ManualReport, actor: Actor) -> Incident: ...

    async def snooze(self, camera: str, minutes: float, label: str | None, actor: Actor) -> None:
        """0 minutes ends the snooze."""
        ...

    async def accept_view(self, camera: str, actor: Actor) -> None:
        """What the camera shows now is as it should be: nobody tampers with it."""
        ...

    async def set_detection(self, camera: str, on: bool, actor: Actor) -> None: ...

    async def set_privacy(self, camera: str, on: bool, actor: Actor) -> None: ...

    async def set_threshold(self, camera: str, threshold: float, actor: Actor) -> None:
        """Edits the configuration file and swaps the rules in place; the stream goes on."""
        ...

    async def analyze(self, path: Path, name: str) -> Mapping[str, Any]:
        """The `analyze --json` object of one uploaded file."""
        ...

    async def test_alert(self, actor: Actor) -> Mapping[str, Any]: ...

    def metrics(self) -> str:
        """Prometheus text."""
        ...
