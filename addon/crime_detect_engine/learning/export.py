"""Owns the export to OpenVINO, and the proof that the export says what the network says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
import torch

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.network import Network

from .metrics import softmax

TOLERANCE = 1e-3


def export_openvino(network: Network, spec: ModelSpec, folder: Path) -> float:
    """Writes `cnn` and `head` (xml + bin) with open batch and window sizes; returns the largest difference of a score.

    Weights stay fp32: stored as fp16 they moved scores of real clips by .003. Raises CheckpointError beyond 1e-3.
    """
    network.to("cpu")
    network.eval()
    folder.mkdir(parents=True, exist_ok=True)
    cnn, head = _convert(network, spec)
    ov.save_model(cnn, folder / "cnn.xml", compress_to_fp16=False)
    ov.save_model(head, folder / "head.xml", compress_to_fp16=False)
    worst = parity(network, spec, folder)
    if worst > TOLERANCE:
        raise CheckpointError(f"the OpenVINO export of {spec.name} differs by {worst:.4f} from torch")
    return worst


def parity(network: Network, spec: ModelSpec, folder: Path, seed: int = 0) -> float:
    """The largest difference of a probability between torch and the exported pair, on made-up windows."""
    random = np.random.default_rng(seed)
    frames = max(spec.frames, spec.min_frames)
    images = random.integers(0, 256, (3, frames, spec.size, spec.size, 3), np.uint8)
    # Noise alone is far from what a network sees: the second window is nearly still, the third moves smoothly.
    images[1] = np.clip(128 + random.normal(0, 4, images[1].shape), 0, 255).astype(np.uint8)
    waves = np.sin(np.arange(spec.size)[None, :] / 9 + np.arange(frames)[:, None])
    images[2] = (128 + 60 * waves[:, None, :, None] * waves[:, :, None, None]).astype(np.uint8)
    mask = np.ones((3, frames), np.float32)
    mask[1, spec.min_frames :] = 0
    with torch.inference_mode():
        expected = network(torch.from_numpy(images), torch.from_numpy(mask)).numpy()
    core = ov.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    cnn = core.compile_model(folder / "cnn.xml", "CPU", settings)
    head = core.compile_model(folder / "head.xml", "CPU", settings)
    features = cnn([images.reshape(-1, *images.shape[2:])])[0].reshape(3, frames, -1)
    found = head([features, mask])[0]
    return float(np.abs(softmax(found, spec.temperature) - softmax(expected, spec.temperature)).max())


def _convert(network: Network, spec: ModelSpec) -> tuple[ov.Model, ov.Model]:
    images = torch.zeros((2, spec.size, spec.size, 3), dtype=torch.uint8)
    window = torch.zeros((2, max(spec.frames, 2), spec.feature_dim))
    with torch.inference_mode():
        cnn = ov.convert_model(network.encoder, example_input=images, input=[(-1, spec.size, spec.size, 3)])
        head = ov.convert_model(
            network.head,
            example_input=(window, torch.ones(window.shape[:2])),
            input=[(-1, -1, spec.feature_dim), (-1, -1)],
        )
    return cnn, head
