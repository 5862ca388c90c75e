"""Owns torchvision's detectors, for machines with a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
from torchvision.models import detection

from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.domain.scene import Detection
from crime_detect_engine.domain.types import Image
from crime_detect_engine.vision.checkpoint import file_digest

from .boxes import LOWEST_CONFIDENCE, name_boxes, shrink
from .coco import LABELS

# What builds it, torchvision's name of its weights, and the longer side that its pictures should have.
NETWORKS: Mapping[str, tuple[Any, Any, int]] = {
    "fasterrcnn": (
        detection.fasterrcnn_resnet50_fpn_v2,
        detection.FasterRCNN_ResNet50_FPN_V2_Weights.COCO_V1,
        1333,
    ),
    "ssdlite": (
        detection.ssdlite320_mobilenet_v3_large,
        detection.SSDLite320_MobileNet_V3_Large_Weights.COCO_V1,
        320,
    ),
}


class TorchvisionDetector:
    """Faster R-CNN (arXiv:1506.01497, 2111.11429) or SSDLite (1801.04381), batched; fp32.

    Weights are torchvision's own, fetched once into torch's cache; `pretrained` false takes random ones.
    Raises CheckpointError where they cannot be had, BackendError where the device is absent.
    """

    labels = LABELS

    def __init__(self, name: str, device: str = "cuda", *, size: int | None = None, pretrained: bool = True) -> None:
        build, weights, own = NETWORKS[name]
        self.size = size or own
        self.name, self.device, self.precision = name, device, "fp32"
        if device == "cuda" and not torch.cuda.is_available():
            raise BackendError("torch finds no CUDA device")
        if device == "cpu":
            torch.set_num_threads(1)
        known = {label: index for index, label in enumerate(LABELS)}
        self._classes = np.array([known.get(label, -1) for label in weights.meta["categories"]], np.intp)
        network = build(weights=None, weights_backbone=None)
        if pretrained:
            network.load_state_dict(_fetched(name, weights.url))
        try:
            self._network = network.eval().to(device)
        except RuntimeError as error:
            raise BackendError(f"torch cannot use {device}: {error}") from error

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        if not images:
            return []
        small = [shrink(image, self.size) for image in images]
        try:
            with torch.inference_mode():
                tensors = [torch.tensor(one, device=self.device).permute(2, 0, 1).float() / 255 for one in small]
                outputs = self._network(tensors)
        except RuntimeError as error:
            raise BackendError(f"torch failed on {self.device}: {error}") from error
        return [self._named(output, image) for output, image in zip(outputs, small, strict=True)]

    def close(self) -> None:
        del self._network
        if self.device == "cuda":
            torch.cuda.empty_cache()

    def _named(self, output: Mapping[str, Any], image: Image) -> list[Detection]:
        corners, scores, kinds = (output[key].float().cpu().numpy() for key in ("boxes", "scores", "labels"))
        classes = self._classes[kinds.astype(np.intp)]
        known = (classes >= 0) & (scores >= LOWEST_CONFIDENCE)
        return name_boxes(corners[known], scores[known], classes[known], self.labels, image.shape)


def _fetched(name: str, address: str) -> Mapping[str, torch.Tensor]:
    """Tensors only, no other pickled thing; of the digest that the file's name ends with. Raises CheckpointError."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / address.rsplit("/", 1)[-1]
    digest = path.stem.rsplit("-", 1)[-1]
    if path.is_file() and not file_digest(path).startswith(digest):
        raise CheckpointError(f"{path} was altered or cut off: its SHA-256 does not begin with {digest}; remove it")
    try:
        state: Mapping[str, torch.Tensor] = torch.hub.load_state_dict_from_url(
            address, str(folder), map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    except (URLError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"the weights of {name} could not be fetched ({error}); connect once to the internet, or put {path.name} "
            f"of {address} into {folder}"
        ) from error
    return state
