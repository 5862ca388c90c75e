"""Owns the proof that torch and OpenVINO say the same (row 30), and of the torch backend's faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.vision.backends import choose_backend
from crime_detect_engine.vision.backends.openvino import OpenVinoBackend
from crime_detect_engine.vision.checkpoint import WEIGHTS_FILE, Checkpoint, write_checkpoint
from crime_detect_engine.vision.classifier import NetworkClassifier

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch


@pytest.fixture
def torch_backend(shipped: Checkpoint) -> Any:
    from crime_detect_engine.vision.backends.torch import TorchBackend

    threads = torch.get_num_threads()
    yield TorchBackend(shipped, "cpu")
    torch.set_num_threads(threads)


def scenes(size: int) -> np.ndarray:
    """Three windows of composed inputs: noise, nearly still, and a bright block that moves."""
    random = np.random.default_rng(2)
    noise = random.integers(0, 256, (12, size, size, 3))
    still = 128 + random.normal(0, 3, noise.shape)
    block = np.full(noise.shape, 128)
    for n in range(12):
        block[n, 60:120, 10 + 10 * n : 50 + 10 * n] = 220
        block[n, 60:120, 10 * n : 10 + 10 * n] = 40
    return np.clip(np.stack([noise, still, block]), 0, 255).astype(np.uint8)


def test_torch_and_openvino_give_the_same_scores(torch_backend: Any, shipped: Checkpoint) -> None:
    classifiers = [NetworkClassifier(shipped.spec, b) for b in (torch_backend, OpenVinoBackend(shipped))]
    scores = []
    for classifier in classifiers:
        windows = [classifier._backend.features(images) for images in scenes(shipped.spec.size)]
        scores.append([one["fighting"] for one in classifier.probabilities(windows)])
    assert scores[0] == pytest.approx(scores[1], abs=1e-3)


@pytest.mark.clips
def test_real_clips_score_the_same_on_both(torch_backend: Any, shipped: Checkpoint, clips: Path) -> None:
    from crime_detect_engine.training import ServingFootage
    from crime_detect_engine.vision.sequences import slide

    other = OpenVinoBackend(shipped)
    for name in ("fighting/fi001.mp4", "normal/nofi001.mp4"):
        footage = ServingFootage(shipped.spec)
        images = footage.compose(footage.read(clips / "surveillance_fight" / name)[0])
        found = []
        for backend in (torch_backend, other):
            window = next(slide(backend.features(images), shipped.spec))
            found.append(NetworkClassifier(shipped.spec, backend).probabilities([window])[0]["fighting"])
        assert found[0] == pytest.approx(found[1], abs=1e-3)


def test_weights_of_another_shape_are_refused(copied: Path, shipped: Checkpoint) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(str(copied / WEIGHTS_FILE))
    tensors["head.skip.weight"] = tensors["head.skip.weight"][:, :-1].copy()
    save_file(tensors, str(copied / WEIGHTS_FILE))
    wrong = write_checkpoint(copied, replace(shipped.spec, name="wrong"))
    from crime_detect_engine.vision.backends.torch import TorchBackend

    with pytest.raises(CheckpointError, match="do not fit"):
        TorchBackend(wrong)


def test_weights_that_are_no_safetensors_are_refused(copied: Path, shipped: Checkpoint) -> None:
    (copied / WEIGHTS_FILE).write_bytes(b"\x80\x04pickle")
    wrong = write_checkpoint(copied, replace(shipped.spec, name="wrong"))
    from crime_detect_engine.vision.backends.torch import TorchBackend

    with pytest.raises(CheckpointError, match="cannot be read"):
        TorchBackend(wrong)


def test_a_model_that_was_not_exported_runs_on_torch_and_says_so(copied: Path, shipped: Checkpoint) -> None:
    for path in (copied / "openvino").iterdir():
        path.unlink()
    checkpoint = write_checkpoint(copied, replace(shipped.spec, name="fresh"))
    backend, note = choose_backend(checkpoint, "openvino")
    assert backend.device == "cpu"
    assert note == ("fresh was not exported for OpenVINO (`crime-detect export` does it); using torch on cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_asking_for_cuda_where_there_is_none_fails_clearly(shipped: Checkpoint) -> None:
    from crime_detect_engine.vision.backends.torch import TorchBackend

    with pytest.raises(BackendError, match="no CUDA device"):
        TorchBackend(shipped, "cuda")
