"""Owns the analysis of files: the very steps of the live pipeline, as fast as the file can be read."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .assembly import model_folders
from .config import ModelOptions, data_dir
from .domain.errors import InvalidInputError, SourceError
from .domain.ports import Classifier
from .domain.types import NORMAL, Frame, ModelSpec, Vector
from .photos import PhotoLook
from .sampling.sampler import FixedRateSampler
from .sources.file import FileSource, probe_duration
from .store.overlay import PHOTO_SUFFIXES, write_overlay
from .vision.classifier import load_classifier
from .vision.sequences import Slots, score_stride

BATCH = 16
LONGEST_UPLOAD_S = 1800.0
"""Uploads are analysed one after another: a longer one would keep everybody waiting."""
SUFFIXES = frozenset(
    {".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".ts", ".mpg", ".jpg", ".jpeg", ".png", ".webp", ".bmp"}
)


@dataclass(frozen=True, slots=True)
class Window:
    """What the model says of `start_s` to `end_s` of a file."""

    start_s: float
    end_s: float
    probabilities: dict[str, float]

    @property
    def suspicion(self) -> float:
        return max(value for label, value in self.probabilities.items() if label != NORMAL)


@dataclass(frozen=True, slots=True)
class _Step:
    tick_s: float
    vector: Vector
    joined: bool
    """False where a cut or a gap lies before this step: no window crosses it."""


def read_frames(path: Path, spec: ModelSpec) -> Iterator[Frame]:
    """The frames of a file as the pipeline would sample them; `tick_s` counts from 0. Raises SourceError."""
    sampler = FixedRateSampler(path.name, spec)
    for raw in FileSource(path).frames():
        frame = sampler.offer(raw)
        if frame is not None:
            yield frame


def analyze_file(
    path: Path, classifier: Classifier, fps: float | None = None, longest_s: float = math.inf
) -> dict[str, Any]:
    """The `analyze --json` object of contracts.md. Raises SourceError for a file that is none, or that is too long."""
    spec = classifier.spec if fps is None else replace(classifier.spec, fps=fps)
    frames = _within(read_frames(path, spec), longest_s)
    first = next(frames, None)
    if first is None:
        raise SourceError("not a video: no picture in it could be decoded", permanent=True)
    steps = list(_steps(chain((first,), frames), classifier, spec.fps))
    duration_s = probe_duration(path)
    windows, note = _windows(steps, classifier, spec.fps), None
    if not windows:
        windows = [_short(steps, first, classifier, duration_s)]
        note = "shorter than the model needs; judged as if nothing had moved before it"
    worst = max(windows, key=lambda window: window.suspicion)
    label = max(worst.probabilities, key=lambda name: worst.probabilities[name])
    answer: dict[str, Any] = {
        "path": str(path),
        "model": classifier.spec.name,
        "duration_s": round(duration_s, 2),
        "label": label,
        "confidence": round(worst.probabilities[label], 4),
        "suspicious": label != NORMAL,
        "probabilities": _rounded(worst.probabilities),
        "windows": [
            {"start_s": round(w.start_s, 2), "end_s": round(w.end_s, 2), "probabilities": _rounded(w.probabilities)}
            for w in windows
        ],
    }
    return answer | {"note": note} if note else answer


def _within(frames: Iterable[Frame], longest_s: float) -> Iterator[Frame]:
    """What a file says of its length is not believed: a small one can hold a day of stillness."""
    for frame in frames:
        if frame.tick_s > longest_s:
            raise SourceError(f"longer than {longest_s / 60:g} minutes: send it in parts", permanent=True)
        yield frame


def _rounded(probabilities: dict[str, float]) -> dict[str, float]:
    return {label: round(value, 4) for label, value in probabilities.items()}


def _steps(frames: Iterable[Frame], classifier: Classifier, fps: float) -> Iterator[_Step]:
    """One step a slot of 1/`fps` seconds: like in the live window the last vector is held over missing ones."""
    slots, last = Slots(fps), None
    waiting = iter(frames)
    while batch := list(islice(waiting, BATCH)):
        for frame, vector in zip(batch, classifier.features(batch), strict=True):
            missing = slots.advance(frame)
            if vector is None or missing is None:
                last = None
            if vector is None:
                continue
            if last is not None:
                yield from (_Step(last.tick_s + n / fps, last.vector, True) for n in range(1, (missing or 0) + 1))
            yield (last := _Step(frame.tick_s, vector, last is not None))


def _windows(steps: Sequence[_Step], classifier: Classifier, fps: float) -> list[Window]:
    """A window every 0.5 s within each unbroken stretch; a stretch shorter than a window gives one."""
    spec = classifier.spec
    stride = score_stride(fps)
    spans: list[Sequence[_Step]] = []
    for stretch in _stretches(steps):
        last = max(0, len(stretch) - spec.frames)
        spans += [stretch[start : start + spec.frames] for start in range(0, last + 1, stride)]
    spans = [span for span in spans if len(span) >= spec.min_frames]
    arrays: list[NDArray[np.float32]] = [np.stack([step.vector for step in span]) for span in spans]
    found = [one for at in range(0, len(arrays), BATCH) for one in classifier.probabilities(arrays[at : at + BATCH])]
    return [
        Window(max(0.0, span[0].tick_s - 1 / fps), span[-1].tick_s, dict(probabilities))
        for span, probabilities in zip(spans, found, strict=True)
    ]


def _stretches(steps: Sequence[_Step]) -> list[list[_Step]]:
    stretches: list[list[_Step]] = []
    for step in steps:
        if not step.joined or not stretches:
            stretches.append([])
        stretches[-1].append(step)
    return stretches


def _short(steps: Sequence[_Step], first: Frame, classifier: Classifier, duration_s: float) -> Window:
    """The one window of a photo or of a clip too short for the model: what there is, after a still scene."""
    still = classifier.features([replace(first, previous=first.image, moving=False)])[0]
    assert still is not None
    vectors = [step.vector for step in steps][-classifier.spec.frames :]
    missing = max(0, classifier.spec.min_frames - len(vectors))
    window = np.stack([still] * missing + vectors)
    return Window(0.0, duration_s, dict(classifier.probabilities([window])[0]))


def find_files(paths: Sequence[Path]) -> Iterator[Path]:
    """Files as given; folders become their videos and photos, sorted."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES and one.is_file())
        else:
            yield path


def analyze_command(arguments: argparse.Namespace) -> int:
    """`crime-detect analyze`. Exit code 3 when some input could not be read; the others are still done."""
    folders = model_folders(data_dir())
    classifier, note = load_classifier(arguments.model, arguments.device, folders)
    if note:
        print(note, file=sys.stderr)
    # Whoever names a model is shown what that model says, of photos too.
    look = PhotoLook(classifier, arguments.device, folders) if arguments.model == "default" else None
    files = list(find_files(arguments.paths))
    overlay = _overlay_targets(arguments.overlay, files)
    failed = 0
    for number, path in enumerate(files, 1):
        if sys.stderr.isatty():
            print(f"\r{number}/{len(files)} {path.name[:60]:<60}", end="", file=sys.stderr)
        try:
            answer = analyze_file(path, look.classifier_of(path) if look else classifier, arguments.fps)
            if overlay:
                write_overlay(path, answer, overlay[path])
        except SourceError as error:
            failed += 1
            answer = {"path": str(path), "error": str(error)}
        print(json.dumps(answer) if arguments.json else _sentence(answer), flush=True)
    if sys.stderr.isatty():
        print(f"\r{'':<80}\r", end="", file=sys.stderr)
    if failed:
        print(f"{failed} of {len(files)} files could not be read", file=sys.stderr)
    return 3 if failed else 0


def _overlay_targets(target: Path | None, files: Sequence[Path]) -> dict[Path, Path]:
    """Where each overlay goes: a file for one input, else a folder, made when missing. Raises InvalidInputError."""
    if target is None:
        return {}
    if target.suffix and not target.is_dir():
        if len(files) != 1:
            raise InvalidInputError(f"--overlay {target} names one file, but there are {len(files)} inputs")
        return {files[0]: target}
    target.mkdir(parents=True, exist_ok=True)
    names = Counter(path.stem for path in files)
    targets = {}
    for path in files:
        stem = path.stem if names[path.stem] == 1 else f"{path.parent.name}_{path.stem}"
        photo = path.suffix.lower() in PHOTO_SUFFIXES
        targets[path] = target / f"{stem}.overlay{path.suffix if photo else '.mp4'}"
    return targets


def _sentence(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return f"{answer['path']}: {answer['error']}"
    return f"{answer['path']}: {answer['label']} {answer['confidence']:.2f}"


class UploadAnalysis:
    """One file at a time, with a classifier of its own: the cameras' workers are not kept waiting."""

    def __init__(self, model: Callable[[], ModelSpec], options: ModelOptions, folders: Sequence[Path]) -> None:
        self._model = model
        self._options = options
        self._folders = folders
        self._classifier: Classifier | None = None
        self._look: PhotoLook | None = None
        self._running = asyncio.Lock()

    async def __call__(self, path: Path) -> Mapping[str, Any]:
        """The `analyze --json` object."""
        async with self._running:
            return await asyncio.to_thread(self._analyze, path)

    def _analyze(self, path: Path) -> Mapping[str, Any]:
        wanted = self._model()
        if self._classifier is None or self._classifier.spec != wanted:
            options = self._options
            self._classifier, _ = load_classifier(wanted.name, options.device, self._folders, options.precision)
            self._look = PhotoLook(self._classifier, options.device, self._folders)
        assert self._look is not None
        try:
            return analyze_file(path, self._look.classifier_of(path), longest_s=LONGEST_UPLOAD_S)
        except SourceError as error:
            return {"error": str(error)}
