"""Owns how a camera's line is put together from its configuration."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from .config import CameraConfig
from .domain.clock import Clock
from .domain.ports import CameraRuntime
from .domain.types import CameraState, CameraStatus, Frame, ModelSpec
from .line import Line
from .pipeline import Pipeline
from .recorder import Recorder
from .sampling.sampler import FixedRateSampler
from .sources import build_source, keeps_packets
from .sources.capture import Capture
from .sources.frigate import FrigateDiscovery
from .sources.ring import RingLimits
from .store.pictures import encode_jpeg
from .vision.sequences import SlidingWindow

_LOG = logging.getLogger(__name__)
SYNTHETIC = "synthetic:"
RING = RingLimits(seconds=30.0, bytes=32_000_000)


def model_name(camera: CameraConfig, chosen: str) -> str:
    """Synthetic cameras are read by the model that was trained on such scenes, whatever the others use."""
    return "demo" if camera.source.startswith(SYNTHETIC) else chosen


def build_line(
    camera: CameraConfig,
    spec: ModelSpec,
    pipeline: Pipeline,
    runtime: CameraRuntime,
    zone: ZoneInfo,
    clock: Clock,
    discovery: FrigateDiscovery | None = None,
) -> Line:
    """A line ready for `Pipeline.add`. Raises SourceError or InvalidInputError for settings that cannot work."""
    source = build_source(camera.source, clock=clock, discovery=discovery)
    # A masked camera's packets hold what nobody may see: only the masked pictures are kept.
    packets = keeps_packets(source) and not camera.masks
    # The motion gate stays open for a whole window, however long that is.
    window = replace(spec, frames=camera.sequence_length or spec.frames)
    sampler = FixedRateSampler(camera.id, window, masks=camera.masks, frame_skip=camera.frame_skip)

    def receive(frame: Frame) -> None:
        recorder.add(frame)
        pipeline.receive(frame)

    ring = RING if packets else None
    capture = Capture(camera.id, source, sampler, receive, clock=clock, on_status=_log_change, keep_packets=ring)
    recorder = Recorder(encode_jpeg, capture.span if packets else None)
    windows = SlidingWindow(spec, camera.sequence_length)
    return Line(camera, spec, capture, windows, recorder, sampler, camera.rules, zone, runtime)


def _log_change(status: CameraStatus) -> None:
    """Said once when it changes, not at every attempt."""
    if status.state in (CameraState.LOST, CameraState.FROZEN):
        _LOG.warning("camera %s: %s: %s", status.camera, status.state, status.last_error)
    elif status.state is CameraState.LIVE:
        _LOG.info("camera %s: live, %dx%d", status.camera, status.width, status.height)


def model_folders(data: Path) -> tuple[Path, ...]:
    """Where the user's own models lie."""
    return (data / "models",)
