"""Owns the benchmark's ratios: this engine, the naive pipeline and the decoder alone take turns on the same scene.

Run as a module it prints the ratios as JSON; the benchmark does so with the processor held to AVX2.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from threading import Event
from typing import Any

from .domain.errors import CrimeDetectError, InvalidInputError
from .sources.synthetic import render
from .store import mp4
from .vision.backends.openvino import OpenVinoBackend
from .vision.backends.precision import has_bf16
from .vision.checkpoint import Checkpoint, find_checkpoint, write_checkpoint
from .vision.classifier import NetworkClassifier
from .yardsticks import (
    CAP,
    Line,
    NaivePipeline,
    add_int8,
    decode_ms_a_second,
    export_random,
    instruction_sets,
    matrix_gflops,
    naive_network,
)  # fmt: skip

ROUNDS = 3
SECONDS = 8.0
MAIN, SUB = (1280, 720), (640, 360)
LITE = "fight-lite"
RECIPES = Path(__file__).resolve().parents[2] / "models" / "recipes"
GOALS: Mapping[str, float] = {"resnet50.fp32": 2, "resnet50.bf16": 3, "resnet50.int8": 4, "default": 8, "lite": 15}
"""How many times less processor time than the naive pipeline; quality.md of the project's owner."""
Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in one precision on one stream. `proven`: the checkpoint serves in this precision."""

    role: str
    stream: str
    backend: OpenVinoBackend
    line: Line
    proven: bool

    @property
    def name(self) -> str:
        return f"{self.role}.{self.backend.precision}"


def write_scene(path: Path, size: tuple[int, int], seconds: float, *, still: bool = False) -> None:
    """People in a yard at 25 fps, as a camera would bring them, or its first picture all the time."""
    frames = render("yard", seed=7, seconds=seconds, fps=25, size=size)
    images = [image for image, _ in frames]
    shown = [images[0]] * len(images) if still else images
    mp4.encode(((n / 25, image) for n, image in enumerate(shown)), path, Event(), 25.0)


def measure_ratios(folder: Path, *, capped: bool = False) -> dict[str, Any]:
    """All figures of one machine state; `capped` leaves bf16 out, which AVX2 does not have."""
    streams = {"720p": folder / "main.mp4", "360p": folder / "sub.mp4"}
    write_scene(streams["720p"], MAIN, SECONDS)
    write_scene(streams["360p"], SUB, SECONDS)
    write_scene(folder / "still.mp4", SUB, SECONDS, still=True)
    entries, skipped = _entries(folder, streams, capped)
    with ExitStack() as stack:
        measures: dict[str, Measure] = {}
        try:
            naive = stack.enter_context(NaivePipeline())
            for stream, clip in streams.items():
                naive.cpu_ms_a_camera_second(clip)
                measures[f"naive.{stream}"] = _bound(naive.cpu_ms_a_camera_second, clip)
        except InvalidInputError as error:
            skipped["naive"] = str(error)
        measures |= {f"decoder.{name}": _decoding(clip) for name, clip in streams.items()}
        measures |= {entry.name: entry.line.cpu_ms_a_camera_second for entry in entries}
        served = next(entry for entry in entries if entry.role == "default")
        measures["default.still scene"] = replace(served.line, clip=folder / "still.mp4").cpu_ms_a_camera_second
        times: dict[str, list[float]] = {name: [] for name in measures}
        for _ in range(ROUNDS):
            for name, measure in measures.items():
                times[name].append(measure())
    return {
        "rounds": ROUNDS,
        "load_average": round(os.getloadavg()[0], 2),
        "matrix_gflops_fp32": round(matrix_gflops(), 1),
        "cpu_ms_a_camera_second": {name: round(median(values), 1) for name, values in times.items()},
        "models": {entry.name: _described(entry, times) for entry in entries},
        "skipped": skipped,
    }


def measure_capped() -> Mapping[str, Any]:
    """The same in a process that OpenVINO, torch and NumPy run as on a machine without AVX-512."""
    settings = [f"{name}={value}" for name, value in CAP.items()]
    command = ["env", *settings, sys.executable, "-m", f"{__package__}.comparison"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        return {
            "skipped": run.stderr.strip().splitlines()[-1] if run.stderr.strip() else f"ended with {run.returncode}"
        }
    found: dict[str, Any] = json.loads(run.stdout)
    used = [model["convolutions_by_instruction_set"] for model in found["models"].values()]
    return {"cap_honoured": all(one.get("avx2") and not one.get("avx512") for one in used), **found}


def _entries(folder: Path, streams: Mapping[str, Path], capped: bool) -> tuple[list[Entry], dict[str, str]]:
    """Every model in every precision that can be run here, and why others cannot."""
    entries: list[Entry] = []
    skipped: dict[str, str] = {}
    makers: Mapping[str, tuple[str, Callable[[Path], Checkpoint]]] = {
        "resnet50": ("720p", lambda clip: export_random(naive_network(_default().spec), clip, folder / "resnet50")),
        "default": ("360p", lambda clip: _with_int8(_default(), clip, folder / "default")),
        "lite": ("360p", lambda clip: _lite(clip, folder)),
    }
    for role, (stream, make) in makers.items():
        try:
            checkpoint = make(streams[stream])
        except CrimeDetectError as error:
            skipped[role] = str(error)
            continue
        for precision in _precisions(checkpoint, capped):
            backend = OpenVinoBackend(checkpoint, "cpu", precision)
            line = Line(NetworkClassifier(checkpoint.spec, backend), streams[stream], SECONDS)
            proven = precision == "fp32" or precision in checkpoint.spec.precisions
            entries.append(Entry(role, stream, backend, line, proven))
    return entries, skipped


def _precisions(checkpoint: Checkpoint, capped: bool) -> Iterator[str]:
    yield "fp32"
    if has_bf16() and not capped:
        yield "bf16"
    if "openvino/cnn-int8.xml" in checkpoint.spec.sha256:
        yield "int8"


def _default() -> Checkpoint:
    return find_checkpoint("default")


def _with_int8(checkpoint: Checkpoint, clip: Path, folder: Path) -> Checkpoint:
    """The checkpoint, or a copy with an int8 form for its speed where the means to make one are here."""
    if "int8" in checkpoint.spec.precisions or find_spec("nncf") is None:
        return checkpoint
    shutil.copytree(checkpoint.folder, folder)
    add_int8(checkpoint.spec, clip, folder)
    return write_checkpoint(folder, checkpoint.spec)


def _lite(clip: Path, folder: Path) -> Checkpoint:
    """The shipped one, or its recipe with random weights: only the work counts."""
    try:
        return _with_int8(find_checkpoint(LITE), clip, folder / "lite")
    except CrimeDetectError:
        if not (RECIPES / f"{LITE}.toml").exists():
            raise
        recipe = import_module(".learning.recipe", __package__).read_recipe(RECIPES / f"{LITE}.toml")
        return export_random(recipe.spec, clip, folder / "lite")


def _described(entry: Entry, times: Mapping[str, list[float]]) -> dict[str, Any]:
    spec, own = entry.line.classifier.spec, times[entry.name]
    found: dict[str, Any] = {
        "model": spec.name if spec.trained else f"{spec.name}, random weights",
        "accuracy": spec.metrics.get("accuracy"),
        "roc_auc": spec.metrics.get("roc_auc"),
        "precision_proven": entry.proven,
        "stream": entry.stream,
        "input": f"{spec.size} px, {spec.fps:g} fps",
        "cameras_a_core": round(1000 / median(own), 1),
        "convolutions_by_instruction_set": instruction_sets(entry.backend.kernels()),
    }
    if "naive.720p" not in times:
        return found
    main, same = times["naive.720p"], times[f"naive.{entry.stream}"]
    exact = times[f"{entry.role}.fp32"]
    goal = GOALS.get(entry.name, GOALS.get(entry.role))
    return found | {
        "times_naive": _ratio(main, own),
        "goal": goal,
        "made_of": {
            "decoding a smaller stream": _ratio(main, same),
            "network, input and sampling": _ratio(same, exact),
            "precision": _ratio(exact, own),
        },
    }


def _ratio(other: list[float], own: list[float]) -> float:
    """The median of the rounds' own ratios: a machine that slows down does so for both."""
    return round(median(a / b for a, b in zip(other, own, strict=True)), 2)


def _bound(measure: Callable[[Path], float], clip: Path) -> Measure:
    return lambda: measure(clip)


def _decoding(clip: Path) -> Measure:
    return lambda: decode_ms_a_second(clip, SECONDS)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="crime-detect-capped-") as folder:
        sys.stdout.write(json.dumps(measure_ratios(Path(folder), capped=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
