"""Owns the proof that a score does not depend on who asks: live or a file, alone or in a batch, padded or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.analysis import analyze_file
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.types import Frame, ModelSpec, Score
from crime_detect_engine.inference import Work, Worker
from crime_detect_engine.sampling.sampler import FixedRateSampler
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.vision.backends.openvino import OpenVinoBackend
from crime_detect_engine.vision.checkpoint import Checkpoint
from crime_detect_engine.vision.classifier import NetworkClassifier
from crime_detect_engine.vision.preprocess import compose
from crime_detect_engine.vision.sequences import SlidingWindow

from tests.rig.videos import scene, write_video

TOLERANCE = {"fp32": 1e-3, "bf16": 0.1, "int8": 0.15}
"""Of a score; the decisions of a precision are proven on real clips before a checkpoint names it."""
REGIONS = ("full", "motion")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds at 24 fps of a scene whose bright block moves."""
    images = [scene(n, 320, 192, noise=4) for n in range(96)]
    return write_video(tmp_path_factory.mktemp("parity") / "clip.mp4", images)


@pytest.fixture(params=REGIONS)
def spec(request: pytest.FixtureRequest, shipped: Checkpoint) -> ModelSpec:
    """The shipped default as it is, and the same network behind a square that follows motion."""
    if request.param == shipped.spec.region:
        return shipped.spec
    return replace(shipped.spec, region=request.param, source_size=320 if request.param == "motion" else None)


def sampled(video: Path, spec: ModelSpec, camera: str) -> list[Frame]:
    sampler = FixedRateSampler(camera, spec)
    offered = (sampler.offer(raw) for raw in FileSource(video).frames())
    return [frame for frame in offered if frame is not None]


def inputs(video: Path, spec: ModelSpec) -> np.ndarray:
    composed = (compose(frame, spec) for frame in sampled(video, spec, "yard"))
    return np.stack([image for image in composed if image is not None])


async def test_two_cameras_live_score_as_the_file_does(video: Path, spec: ModelSpec, shipped: Checkpoint) -> None:
    """One frame of one camera beside three of the other in every batch: what a busy engine does."""
    backend = OpenVinoBackend(shipped)
    answer = analyze_file(video, NetworkClassifier(spec, backend))
    worker = Worker(0, lambda _name, _cpu: NetworkClassifier(spec, OpenVinoBackend(shipped)), SystemClock())
    lines = {
        name: (iter(sampled(video, spec, name)), SlidingWindow(spec), count) for name, count in (("a", 1), ("b", 3))
    }
    found: dict[str, list[Score]] = {"a": [], "b": []}
    try:
        while work := [
            Work(name, spec.name, windows, batch)
            for name, (frames, windows, count) in lines.items()
            if (batch := [frame for _, frame in zip(range(count), frames, strict=False)])
        ]:
            for score in await worker.score(work) or []:
                found[score.camera].append(score)
    finally:
        worker.close()
    for scores in found.values():
        live = {round(score.tick_s, 2): score.probabilities for score in scores}
        assert len(answer["windows"]) >= 4
        for window in answer["windows"]:
            probabilities = live[window["end_s"]]
            assert probabilities == pytest.approx(window["probabilities"], abs=TOLERANCE["fp32"])
            assert max(probabilities, key=probabilities.__getitem__) == max(
                window["probabilities"], key=window["probabilities"].__getitem__
            )


def test_batch_size_and_order_change_no_score(video: Path, spec: ModelSpec, shipped: Checkpoint) -> None:
    backend = OpenVinoBackend(shipped)
    images = inputs(video, spec)
    order = np.random.default_rng(0).permutation(len(images))
    at_once = backend.features(images)
    alone = np.concatenate([backend.features(image[None]) for image in images])
    shuffled = np.empty_like(at_once)
    shuffled[order] = backend.features(images[order])
    classifier = NetworkClassifier(spec, backend)
    expected = suspicion(classifier, [at_once[:16], at_once[8:24]])
    for other in (alone, shuffled):
        assert suspicion(classifier, [other[:16], other[8:24]]) == pytest.approx(expected, abs=TOLERANCE["fp32"])
    assert suspicion(classifier, [at_once[8:24], at_once[:16]]) == pytest.approx(expected[::-1], abs=TOLERANCE["fp32"])


def test_padding_changes_no_score(video: Path, spec: ModelSpec, shipped: Checkpoint) -> None:
    classifier = NetworkClassifier(spec, OpenVinoBackend(shipped))
    features = classifier._backend.features(inputs(video, spec))
    windows = [features[:10], features[4:20], features[:16], features]
    together = suspicion(classifier, windows)
    assert together == pytest.approx([suspicion(classifier, [one])[0] for one in windows], abs=TOLERANCE["fp32"])


@pytest.mark.torch
def test_torch_scores_what_openvino_scores(video: Path, spec: ModelSpec, shipped: Checkpoint) -> None:
    pytest.importorskip("torch", reason="torch is only in the train environment")
    from crime_detect_engine.vision.backends.torch import TorchBackend

    images = inputs(video, spec)
    found = []
    for backend in (OpenVinoBackend(shipped), TorchBackend(shipped, "cpu")):
        features = backend.features(images)
        found.append(suspicion(NetworkClassifier(spec, backend), [features[:16], features[12:28]]))
    assert found[0] == pytest.approx(found[1], abs=TOLERANCE["fp32"])


def test_each_precision_that_a_shipped_model_names_stays_near_fp32(
    video: Path, spec: ModelSpec, shipped: Checkpoint
) -> None:
    from crime_detect_engine.vision.backends.precision import has_bf16

    images = inputs(video, spec)
    names = [name for name in shipped.spec.precisions if name != "bf16" or has_bf16()]
    found = {}
    for precision in ("fp32", *names):
        backend = OpenVinoBackend(shipped, "cpu", precision)
        features = backend.features(images)
        found[precision] = suspicion(NetworkClassifier(spec, backend), [features[:16], features[8:24]])
    for precision, scores in found.items():
        assert scores == pytest.approx(found["fp32"], abs=TOLERANCE[precision])


def suspicion(classifier: NetworkClassifier, windows: Sequence[Any]) -> list[float]:
    return [1 - one["normal"] for one in classifier.probabilities(windows)]
