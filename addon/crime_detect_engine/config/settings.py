"""Owns the configuration as the engine reads it: frozen, complete, validated; no dict of settings leaves here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from crime_detect_engine.decision.fusion import FusionOptions
from crime_detect_engine.decision.patterns import PatternOptions
from crime_detect_engine.decision.schedule import ScheduleWindow
from crime_detect_engine.domain.types import Location, Rules, Severity
from crime_detect_engine.outputs import AlertOptions
from crime_detect_engine.outputs.mqtt_options import MqttOptions
from crime_detect_engine.outputs.report_mail import ReportsOptions
from crime_detect_engine.sources.frigate import FrigateOptions
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.evidence.options import EvidenceOptions
from crime_detect_engine.store.privacy import BlurChoice, PrivacyOptions
from crime_detect_engine.store.retention import RetentionOptions
from crime_detect_engine.tracking.places import CrossingLine, Zone
from crime_detect_engine.tracking.tamper import TamperOptions
from crime_detect_engine.vision.anomaly import AnomalyOptions
from crime_detect_engine.web.options import AccessOptions, TlsOptions

SYNTHETIC = "synthetic:"
Polygon = tuple[tuple[float, float], ...]
"""Points (x, y) relative to the picture, 0..1."""

RESERVED_CAMERAS = frozenset({"available", "info", "stats", "incident", "media", "replay"})
INSECURE_WARNING = (
    "mqtt.tls.insecure: anybody in the network can pose as the broker; set mqtt.tls.ca to its certificate instead"
)
UTC_WARNING = "no timezone is set and TZ names none: schedules and reports use UTC; set `timezone`, like Europe/Paris"


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """A zone, and when its rules hold; an empty schedule is always."""

    zone: Zone
    schedule: tuple[ScheduleWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class LineConfig:
    """As ZoneConfig, for a line."""

    line: CrossingLine
    schedule: tuple[ScheduleWindow, ...] = ()


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """What finds persons and things where a camera asks for it. `rate` is looks a second while something moves.

    `name` auto: nanodet_m where OpenVINO is, else one of torchvision's. `carried`: whether what persons seem to carry
    is told with an incident. It is rarely right (docs/tracking.md).
    """

    name: str = "auto"
    confidence: float = 0.35
    rate: float = 2.0
    carried: bool = False


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """One camera. `rules` are those of its profile, then its own `detection`, then the `severity` of all cameras."""

    id: str
    source: str = field(repr=False)
    name: str
    location: Location | None = None
    rules: Rules = field(default_factory=Rules)
    frame_skip: int | None = None
    """Every Nth frame of the stream, as paper S2 has it; None leaves the rate to the model."""
    sequence_length: int | None = None
    schedule: tuple[ScheduleWindow, ...] = ()
    """Empty is always armed."""
    masks: tuple[Polygon, ...] = ()
    anomaly: AnomalyOptions = field(default_factory=AnomalyOptions)
    zones: tuple[ZoneConfig, ...] = ()
    lines: tuple[LineConfig, ...] = ()
    detector: str = "auto"
    """`auto` looks for persons and things where a zone or line needs it, `on` always, `off` never."""
    tamper: TamperOptions = field(default_factory=TamperOptions)
    privacy: BlurChoice = field(default_factory=BlurChoice)
    """What it says for itself; `PrivacyOptions.of` is what holds."""

    @property
    def looks(self) -> bool:
        """Whether somebody looks who and what is there."""
        return self.detector == "on" or (self.detector == "auto" and bool(self.zones or self.lines))


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """`device` is auto, cuda, openvino or cpu; `precision` auto, fp32, bf16 or int8."""

    name: str = "default"
    device: str = "auto"
    precision: str = "auto"


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. `warnings` are things that work but that somebody should know."""

    instance: str = "home"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    base_url: str | None = None
    """Where people reach the engine's pages (`url` in the file): links in alerts lead there."""
    cameras: Mapping[str, CameraConfig] = field(default_factory=dict)
    frigate: FrigateOptions | None = None
    mqtt: MqttOptions | None = None
    model: ModelOptions = field(default_factory=ModelOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    patterns: PatternOptions = field(default_factory=PatternOptions)
    severity: Mapping[str, Severity] = field(default_factory=dict)
    alerts: AlertOptions = field(default_factory=AlertOptions)
    reports: ReportsOptions = field(default_factory=ReportsOptions)
    evidence: EvidenceOptions = field(default_factory=EvidenceOptions)
    retention: RetentionOptions = field(default_factory=RetentionOptions)
    privacy: PrivacyOptions = field(default_factory=PrivacyOptions)
    database: DatabaseOptions = field(default_factory=DatabaseOptions)
    access: AccessOptions = field(default_factory=AccessOptions)
    tls: TlsOptions | None = None
    zeroconf: bool = True
    """Whether the local network is told where the engine is, when it listens there at all."""
    warnings: tuple[str, ...] = ()


def model_name(camera: CameraConfig, chosen: str) -> str:
    """Synthetic cameras are read by the model that was trained on such scenes, whatever the others use."""
    return "demo" if camera.source.startswith(SYNTHETIC) else chosen
