"""Owns the benchmark: what this engine costs on this machine, beside the naive pipeline and the machine's own limit."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from .analysis import read_frames
from .assembly import build_line
from .comparison import SUB, measure_capped, measure_ratios, write_scene
from .config import CameraConfig
from .domain.clock import SystemClock, cpu_s
from .domain.ports import CameraRuntime
from .domain.types import Alert, ModelSpec
from .inference import Worker
from .line import Line
from .pipeline import Pipeline
from .sources.file import FileSource
from .vision.checkpoint import find_checkpoint
from .vision.classifier import NetworkClassifier, load_classifier
from .vision.preprocess import compose

CAMERAS = 8
CLIP_S = 16.0
WARM_UP_S = 4.0
LENGTHS = (10, 16, 25, 50)
"""Of windows, in pictures: from the shortest to the longest `sequence_length`."""


def bench_command(arguments: argparse.Namespace) -> int:
    """`crime-detect bench`: everything in one run; ratios travel to other machines, milliseconds do not."""
    clock = SystemClock()
    spec = find_checkpoint("default").spec
    with tempfile.TemporaryDirectory(prefix="crime-detect-bench-") as name:
        folder = Path(name)
        clip = folder / "scene.mp4"
        write_scene(clip, SUB, CLIP_S)
        # First, so that the memory is that of the cameras and not of the other measurements.
        cameras = asyncio.run(measure_cameras(clip, spec, arguments.seconds))
        started_s = clock.tick_s()
        classifier, note = load_classifier()
        startup_s = clock.tick_s() - started_s
        figures: dict[str, Any] = {
            "machine": _machine(classifier),
            "model": {"name": spec.name, "metrics": dict(spec.metrics), "precisions": dict(spec.precisions)},
            "fallback": note,
            "model_load_s": round(startup_s, 2),
            "stages": measure_stages(clip, classifier),
            "sequence_lengths": measure_lengths(classifier),
            "eight_cameras": cameras,
            "ratios": measure_ratios(folder),
            "ratios_held_to_avx2": measure_capped(),
        }
    if arguments.json:
        print(json.dumps(figures, indent=1))
    else:
        _print(figures)
    return 0


def _machine(classifier: NetworkClassifier) -> Mapping[str, Any]:
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "device": classifier.device,
        "precision": classifier.precision,
        "load_average": round(os.getloadavg()[0], 2),
    }


def measure_stages(clip: Path, classifier: NetworkClassifier) -> Mapping[str, float]:
    """Milliseconds a frame of each stage, one thread, median of five interleaved passes."""
    passes: dict[str, list[float]] = {
        name: [] for name in ("decode", "decode_and_sample", "compose", "cnn", "lstm_a_window")
    }
    spec = classifier.spec
    for _ in range(5):
        began_s = cpu_s()
        decoded = sum(1 for _ in FileSource(clip).frames())
        passes["decode"].append((cpu_s() - began_s) / decoded)
        began_s = cpu_s()
        frames = list(read_frames(clip, spec))
        passes["decode_and_sample"].append((cpu_s() - began_s) / decoded)
        moving = [replace(frame, moving=True) for frame in frames if frame.previous is not None][:64]
        began_s = cpu_s()
        for frame in moving:
            compose(frame, spec)
        passes["compose"].append((cpu_s() - began_s) / len(moving))
        began_s = cpu_s()
        vectors = [one for at in range(0, 64, 8) for one in classifier.features(moving[at : at + 8])]
        passes["cnn"].append((cpu_s() - began_s) / len(vectors))
        window = np.stack([one for one in vectors if one is not None])[: spec.frames]
        began_s = cpu_s()
        for _ in range(20):
            classifier.probabilities([window])
        passes["lstm_a_window"].append((cpu_s() - began_s) / 20)
    found = {f"{name}_ms": round(median(values) * 1000, 3) for name, values in passes.items()}
    camera_second_ms = found["decode_and_sample_ms"] * 25 + found["cnn_ms"] * spec.fps + found["lstm_a_window_ms"] * 2
    return found | {"cpu_ms_a_camera_second": round(camera_second_ms, 1)}


def measure_lengths(classifier: NetworkClassifier) -> Mapping[str, Mapping[str, float]]:
    """What a score costs that looks back on so many pictures, one thread, median of five interleaved passes.

    The frame encoder is not in it: a picture passes it once, whatever the length.
    """
    spec = classifier.spec
    vectors = np.random.default_rng(0).standard_normal((max(LENGTHS), spec.feature_dim)).astype(np.float32)
    passes: dict[int, list[float]] = {length: [] for length in LENGTHS}
    for _ in range(5):
        for length, took in passes.items():
            began_s = cpu_s()
            for _ in range(20):
                classifier.probabilities([vectors[:length]])
            took.append((cpu_s() - began_s) / 20)
    return {
        str(length): {"seconds": round(length / spec.fps, 2), "ms_a_score": round(median(took) * 1000, 3)}
        for length, took in passes.items()
    }


async def measure_cameras(clip: Path, spec: ModelSpec, seconds: float) -> Mapping[str, Any]:
    """Eight cameras through the real pipeline for `seconds`: scored share, delay, CPU, memory."""
    clock = SystemClock()
    alerts: list[Alert] = []
    workers = [
        Worker(n, lambda name, _: load_classifier(name)[0], clock) for n in range(max(1, (os.cpu_count() or 1) - 1))
    ]
    for worker in workers:
        await worker.prepare([spec.name])
    pipeline = Pipeline(workers, lambda _line, _judge, alert: alerts.append(alert), clock)
    pipeline.start()
    for number in range(CAMERAS):
        camera = CameraConfig(id=f"bench_{number}", source=f"loop:{clip}", name=f"Bench {number}")
        pipeline.add(build_line(camera, spec, pipeline, CameraRuntime(), ZoneInfo("UTC"), clock))
    await asyncio.sleep(WARM_UP_S)
    lines = list(pipeline.lines.values())
    before = _counts(pipeline, lines)
    for line in lines:
        line.latency_s.clear()
    began_cpu_s, began_s = cpu_s(), clock.tick_s()
    await asyncio.sleep(seconds)
    took_cpu_s, took_s = cpu_s() - began_cpu_s, clock.tick_s() - began_s
    frames, scored, dropped = (after - old for after, old in zip(_counts(pipeline, lines), before, strict=True))
    delays = sorted(delay for line in lines for delay in line.latency_s)
    resident_mb = _resident_bytes() / 1e6
    await pipeline.stop()
    return {
        "seconds": round(took_s, 1),
        "frames": frames,
        "scored_share": round(scored / max(1, frames), 4),
        "dropped": dropped,
        "expected_share": round(frames / (CAMERAS * spec.fps * took_s), 4),
        "delay_p50_s": round(delays[len(delays) // 2], 3),
        "delay_p95_s": round(delays[int(0.95 * (len(delays) - 1))], 3),
        "cpu_ms_a_camera_second": round(took_cpu_s * 1000 / (CAMERAS * took_s), 1),
        "cameras_a_core": round(CAMERAS * took_s / took_cpu_s, 1),
        "resident_mb": round(resident_mb),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


def _counts(pipeline: Pipeline, lines: Sequence[Line]) -> tuple[int, int, int]:
    frames, scored = sum(line.frames for line in lines), sum(line.scored for line in lines)
    return frames, scored, sum(pipeline.dropped(line.id) for line in lines)


def _resident_bytes() -> int:
    status = Path("/proc/self/statm")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.read_text().split()[1]) * resource.getpagesize()


def _print(figures: Mapping[str, Any]) -> None:
    for name, value in _flat(figures, ""):
        print(f"{name:<48} {value}")


def _flat(figures: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
