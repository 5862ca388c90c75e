"""Owns how a camera's line is put together from its configuration."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from .config import CameraConfig
from .domain.clock import Clock
from .domain.ports import CameraRuntime
from .domain.types import Frame, ModelSpec
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
    sampler = FixedRateSampler(camera.id, spec, masks=camera.masks)
    holder: list[Capture] = []
    recorder = Recorder(encode_jpeg, (lambda start, end: holder[0].span(start, end)) if packets else None)

    def receive(frame: Frame) -> None:
        recorder.add(frame)
        pipeline.receive(frame)

    capture = Capture(camera.id, source, sampler, receive, clock=clock, keep_packets=RING if packets else None)
    holder.append(capture)
    windows = SlidingWindow(spec, camera.sequence_length)
    return Line(camera, spec, capture, windows, recorder, camera.rules, zone, runtime, note=None)


def model_folders(data: Path) -> tuple[Path, ...]:
    """Where the user's own models lie."""
    return (data / "models",)
