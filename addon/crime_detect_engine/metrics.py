"""Owns the figures for Prometheus: cameras, incidents, the engine, its process (docs/monitoring.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from . import __version__
from .anomaly_watch import anomaly_metrics
from .domain.types import ANOMALY, NORMAL, RULE_CLASSES, CameraState
from .inference import Worker
from .line import Line, gravest
from .outputs.outbox import ChannelStatus
from .pipeline import Pipeline
from .scene_metrics import scene_metrics
from .writer import Writer

_CAMERA = ["camera"]
_TOLD = (True, False)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the figures are read from, at one moment. `gpu_load` in percent, None without a GPU that tells it."""

    lines: Sequence[Line]
    pipeline: Pipeline
    workers: Sequence[Worker]
    writer: Writer
    channels: Mapping[str, ChannelStatus]
    storage: Mapping[str, Any]
    audit_lost: int
    gpu_load: float | None
    now_tick_s: float


def metrics_text(figures: Figures) -> str:
    """In the text format of Prometheus. Names no address and no person."""
    registry = CollectorRegistry()
    registry.register(_Once([*_of_cameras(figures), *_of_incidents(figures), *_of_engine(figures)]))
    ProcessCollector(registry=registry)  # memory, processor time, open files; of Linux alone
    return generate_latest(registry).decode()


class _Once(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _of_cameras(figures: Figures) -> Sequence[Metric]:
    online = GaugeMetricFamily("crime_detect_camera_online", "1 while the camera delivers pictures", labels=_CAMERA)
    fps = GaugeMetricFamily("crime_detect_camera_fps", "Pictures a second that the camera delivers", labels=_CAMERA)
    private = GaugeMetricFamily("crime_detect_camera_private", "1 while nobody may look", labels=_CAMERA)
    armed = GaugeMetricFamily("crime_detect_camera_detecting", "1 while detection is switched on", labels=_CAMERA)
    latency = GaugeMetricFamily("crime_detect_latency_p95_seconds", "From picture to score", labels=_CAMERA)
    frames = CounterMetricFamily("crime_detect_frames_sampled", "Frames at the model's rate", labels=_CAMERA)
    scored = CounterMetricFamily("crime_detect_frames_scored", "Frames that reached the model", labels=_CAMERA)
    dropped = CounterMetricFamily("crime_detect_frames_dropped", "Frames not looked at", labels=["camera", "where"])
    reconnects = CounterMetricFamily("crime_detect_reconnects", "Connections lost", labels=_CAMERA)
    refused = CounterMetricFamily("crime_detect_scores_refused", "Scores that no decision rests on", labels=_CAMERA)
    for line in figures.lines:
        state, counters = line.capture.status(), line.capture.counters()
        online.add_metric([line.id], float(state.state in (CameraState.LIVE, CameraState.FROZEN)))
        fps.add_metric([line.id], state.fps)
        private.add_metric([line.id], float(line.runtime.privacy))
        armed.add_metric([line.id], float(line.runtime.detection))
        if (latency_s := line.p95_latency_s()) is not None:
            latency.add_metric([line.id], latency_s)
        frames.add_metric([line.id], line.frames)
        scored.add_metric([line.id], line.scored)
        dropped.add_metric([line.id, "decoder"], counters.dropped)
        dropped.add_metric([line.id, "corrupt"], counters.corrupt)
        dropped.add_metric([line.id, "mailbox"], figures.pipeline.dropped(line.id))
        dropped.add_metric([line.id, "failed_run"], line.lost)
        reconnects.add_metric([line.id], counters.reconnects)
        refused.add_metric([line.id], line.refused)
    watches = {line.id: line.anomaly for line in figures.lines if line.anomaly is not None}
    seen = scene_metrics(figures.pipeline, figures.lines, figures.now_tick_s)
    return [
        online, fps, private, armed, latency, frames, scored, dropped, reconnects, refused,
        *anomaly_metrics(watches), *seen,
    ]  # fmt: skip


def _of_incidents(figures: Figures) -> Sequence[Metric]:
    active = GaugeMetricFamily("crime_detect_incident_active", "1 while an incident goes on", labels=_CAMERA)
    confidence = GaugeMetricFamily("crime_detect_confidence", "Of what goes on or was scored last", labels=_CAMERA)
    for line in figures.lines:
        _, reached = gravest(line.judges) or (None, None)
        score = line.current_score(figures.now_tick_s)
        active.add_metric([line.id], float(reached is not None))
        confidence.add_metric([line.id], reached.confidence if reached else score.top[1] if score else 0.0)
    ended = CounterMetricFamily("crime_detect_incidents", "That ended", labels=["camera", "label", "notified"])
    counts = {(line.id, label, notified): 0 for line in figures.lines for label in _labels(line) for notified in _TOLD}
    for (camera, label, notified), count in (counts | figures.writer.ended).items():
        ended.add_metric([camera, label, "yes" if notified else "no"], count)
    return [active, confidence, ended]


def _labels(line: Line) -> Iterable[str]:
    """What may go on at a camera. A count that only begins with the first incident would hide it from `increase`."""
    yield from (label for label in line.spec.labels if label != NORMAL)
    yield from RULE_CLASSES
    if line.anomaly is not None:
        yield ANOMALY


def _of_engine(figures: Figures) -> Sequence[Metric]:
    failures = sum(one.failures for one in figures.workers)
    writer, storage = figures.writer.status(), figures.storage
    pending = GaugeMetricFamily("crime_detect_outbox_pending", "Messages not yet sent", labels=["channel"])
    sent = CounterMetricFamily("crime_detect_outbox_sent", "Messages sent", labels=["channel"])
    given_up = CounterMetricFamily("crime_detect_outbox_given_up", "Messages given up", labels=["channel"])
    for name, channel in figures.channels.items():
        pending.add_metric([name], channel.pending)
        sent.add_metric([name], channel.sent)
        given_up.add_metric([name], channel.given_up)
    kept = GaugeMetricFamily("crime_detect_camera_media_bytes", "Of one camera", labels=["camera", "kind"])
    for camera, kinds in storage.get("media", {}).items():
        for kind, size in kinds.items():
            kept.add_metric([camera, kind], size)
    version = GaugeMetricFamily("crime_detect_build_info", "Always 1; the version is a label", labels=["version"])
    version.add_metric([__version__], 1.0)
    found: list[Metric] = [
        version,
        CounterMetricFamily("crime_detect_alerts_stored", "Decisions stored", writer["written"]),
        CounterMetricFamily("crime_detect_alerts_lost", "Decisions lost to a refusing store", writer["lost"]),
        GaugeMetricFamily("crime_detect_alerts_waiting", "Decisions not yet stored", writer["waiting"]),
        CounterMetricFamily("crime_detect_audit_lost", "Looks not noted", figures.audit_lost),
        CounterMetricFamily("crime_detect_inference_failures", "Runs of a model that failed", failures),
        GaugeMetricFamily("crime_detect_media_bytes", "Pictures and clips", storage.get("media_bytes", 0)),
        kept,
        pending,
        sent,
        given_up,
    ]
    for key, name, text in (
        ("free_bytes", "crime_detect_disk_free_bytes", "On the disk of the engine's data"),
        ("total_bytes", "crime_detect_disk_bytes", "Of the disk of the engine's data"),
        ("media_quota", "crime_detect_media_quota_bytes", "Pictures and clips that may be kept"),
        ("database_bytes", "crime_detect_database_bytes", "Records"),
    ):
        if (size := storage.get(key)) is not None:
            found.append(GaugeMetricFamily(name, text, size))
    if figures.gpu_load is not None:
        found.append(GaugeMetricFamily("crime_detect_gpu_load_percent", "Of the graphics card", figures.gpu_load))
    return found
