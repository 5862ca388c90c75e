"""Owns how a camera's line and the workers are put together from the configuration."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from .config import CameraConfig, Config, ModelOptions
from .domain.clock import Clock
from .domain.errors import CrimeDetectError
from .domain.ports import CameraRuntime, Classifier, Detector
from .domain.types import CameraState, CameraStatus, Frame, ModelSpec
from .inference import Worker
from .line import Line
from .pipeline import Pipeline
from .public_summary import PublicSummaries
from .recorder import NOBODY, Recorder
from .reporting import Reporter, ReportSite, StoredRecords
from .sampling.sampler import FixedRateSampler
from .scene_watch import SceneOptions, SceneWatch
from .sources import build_source, keeps_packets
from .sources.capture import Capture
from .sources.frigate_objects import FrigateObjects
from .sources.ring import RingLimits
from .store.pictures import encode_jpeg
from .store.privacy import Blur
from .store.store import Store
from .vision.classifier import load_classifier
from .vision.sequences import SlidingWindow

_LOG = logging.getLogger(__name__)
RING = RingLimits(seconds=30.0, bytes=32_000_000)


def build_reporter(
    store: Store, pipeline: Pipeline, in_force: Callable[[], Config], clock: Clock
) -> tuple[Reporter, PublicSummaries]:
    config = in_force()

    def names() -> Mapping[str, str]:
        return {line.id: line.config.name for line in pipeline.lines.values()}

    site = ReportSite(config.instance, config.timezone, names, config.base_url)
    public = PublicSummaries(store, site, lambda: in_force().reports.public, clock)
    return Reporter(StoredRecords(store), site, clock), public


def build_line(
    camera: CameraConfig,
    spec: ModelSpec,
    pipeline: Pipeline,
    runtime: CameraRuntime,
    zone: ZoneInfo,
    clock: Clock,
    frigate: FrigateObjects | None = None,
    scene_options: SceneOptions | None = None,
    blur_of: Callable[[CameraConfig], Blur] = lambda _: NOBODY,
) -> Line:
    """A line ready for `Pipeline.add`. Raises SourceError or InvalidInputError for settings that cannot work.

    `blur_of` says whom a camera hides; it is asked again whenever that matters.
    """
    source = build_source(camera.source, clock=clock, discovery=frigate.discovery if frigate else None)
    # A masked camera's packets hold what nobody may see: only the masked pictures are kept.
    packets = keeps_packets(source) and not camera.masks
    # The motion gate stays open for a whole window, however long that is.
    window = replace(spec, frames=camera.sequence_length or spec.frames)
    sampler = FixedRateSampler(camera.id, window, masks=camera.masks, frame_skip=camera.frame_skip)

    kind, _, name = camera.source.partition(":")
    observer = frigate.view(name) if frigate is not None and kind == "frigate" else None
    scene = SceneWatch(camera, scene_options or SceneOptions(), zone, observer)

    def receive(frame: Frame) -> None:
        recorder.add(frame)
        pipeline.receive(frame)
        look = scene.look(frame)
        if look is not None:
            pipeline.receive_look(look)

    ring = RING if packets else None
    capture = Capture(camera.id, source, sampler, receive, clock=clock, on_status=_log_change, keep_packets=ring)
    recorder = Recorder(encode_jpeg, capture.span if packets else None, lambda: blur_of(line.config))
    windows = SlidingWindow(spec, camera.sequence_length)
    line = Line(camera, spec, capture, windows, recorder, sampler, camera.rules, zone, runtime, scene=scene)
    return line


def _log_change(status: CameraStatus) -> None:
    """Said once when it changes, not at every attempt."""
    if status.state in (CameraState.LOST, CameraState.FROZEN):
        _LOG.warning("camera %s: %s: %s", status.camera, status.state, status.last_error)
    elif status.state is CameraState.LIVE:
        _LOG.info("camera %s: live, %dx%d", status.camera, status.width, status.height)


@dataclass(frozen=True, slots=True)
class Workers:
    """Workers that are ready, the device and precision they run on, and why these are not what was asked for."""

    workers: list[Worker]
    device: str
    precision: str
    fallback: str | None


async def start_workers(
    models: Sequence[str],
    options: ModelOptions,
    data: Path,
    clock: Clock,
    detector: Callable[[bool], Detector] | None = None,
) -> Workers:
    """One worker a core but one, or one for a GPU, with these models loaded. Raises CheckpointError, BackendError.

    `detector(on_cpu)` is called by the first look that needs one.
    """
    notes: dict[str, None] = {}
    found: list[Classifier] = []

    def load(name: str, on_cpu: bool) -> Classifier:
        device = "cpu" if on_cpu else options.device
        classifier, note = load_classifier(name, device, model_folders(data), options.precision)
        found.append(classifier)
        if note and note not in notes:
            notes[note] = None
            _LOG.warning("%s", note)
        return classifier

    workers: list[Worker] = []
    try:
        for number in range(max(1, (os.cpu_count() or 1) - 1)):
            workers.append(Worker(number, load, clock, load_detector=detector))
            await workers[-1].prepare(models)
            if any(one.device == "cuda" for one in found):
                break
    except CrimeDetectError:
        for worker in workers:
            worker.close()
        raise
    return Workers(workers, found[0].device, found[0].precision, "; ".join(notes) or None)


def model_folders(data: Path) -> tuple[Path, ...]:
    """Where the user's own models lie."""
    return (data / "models",)
