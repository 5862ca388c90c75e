"""Owns the frame encoders: what turns one picture into a feature vector."""

from __future__ import annotations

import torch
import torchvision.models as zoo
from torch import Tensor, nn

from crime_detect_engine.domain.types import ModelSpec


class FrameEncoder(nn.Module):  # type: ignore[misc]
    """uint8 [N, S, S, 3] → float32 [N, D]. Normalisation is part of the graph, so serving cannot get it wrong."""

    def __init__(self, trunk: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.trunk = trunk
        # Both scalings and mean/std fold into one multiply and one add per channel.
        factor, offset = (1 / 127.5, -1.0) if spec.scale == "symmetric" else (1 / 255.0, 0.0)
        mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
        self.register_buffer("factor", (factor / std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("offset", ((offset - mean) / std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.maps(images).float().mean((2, 3))

    def maps(self, images: Tensor) -> Tensor:
        """What the trunk says of every place: uint8 [N, S, S, 3] → [N, D, h, w]."""
        found: Tensor = self.trunk(images.permute(0, 3, 1, 2).float() * self.factor + self.offset)
        return found

    def train(self, mode: bool = True) -> FrameEncoder:
        """Batch norm stays in eval mode: batches of a few clips are too alike, and the given weights have it folded."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


def resnet50(weights: str | None) -> nn.Module:
    """Everything below the classifier; global average pooling follows in the encoder (2048-d, paper S2)."""
    return nn.Sequential(*list(zoo.resnet50(weights=weights).children())[:-2])


def densenet121(weights: str | None) -> nn.Module:
    return nn.Sequential(zoo.densenet121(weights=weights).features, nn.ReLU())


def mobilenet_v2(weights: str | None) -> nn.Module:
    return zoo.mobilenet_v2(weights=weights).features


def mobilenet_v2_320(weights: str | None) -> nn.Module:
    """Without the last expansion to 1280: a quarter of the features, three quarters of the weights."""
    return zoo.mobilenet_v2(weights=weights).features[:18]


def squeezenet1_1(weights: str | None) -> nn.Module:
    """Plain convolutions, which a processor without AVX-512 runs best for what they compute."""
    return zoo.squeezenet1_1(weights=weights).features
