"""Owns networks that see a whole window of pictures at once. None is served: they cannot keep what they saw of a frame.

A live window moves on by a frame; these would look at all its frames again for every score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.trunks import FrameEncoder, mobilenet_v2


class ConvolutionalLstm(nn.Module):  # type: ignore[misc]
    """ConvLSTM (Shi et al. 2015) over MobileNetV2's map at stride 16: where things move stays known over time."""

    def __init__(self, spec: ModelSpec, width: int = 48) -> None:
        super().__init__()
        # The first 14 blocks give 96 channels; named as in the whole trunk, so that its start weights fit.
        self.encoder = FrameEncoder(mobilenet_v2(None)[:14], spec)
        self.width = width
        self.narrow = nn.Conv2d(96, width, 1)
        self.gates = nn.Conv2d(2 * width, 4 * width, 3, padding=1)
        self.out = nn.Sequential(nn.Dropout(0.5), nn.Linear(2 * width, len(spec.labels)))

    def forward(self, images: Tensor) -> Tensor:
        """uint8 [N, T, S, S, 3] → logits [N, C]."""
        maps = self.narrow(self.encoder.maps(images.flatten(0, 1))).unflatten(0, images.shape[:2])
        state = memory = torch.zeros_like(maps[:, 0])
        states = []
        for step in maps.unbind(1):
            keep, new, show, value = self.gates(torch.cat((step, state), 1)).chunk(4, 1)
            memory = keep.sigmoid() * memory + new.sigmoid() * value.tanh()
            state = show.sigmoid() * memory.tanh()
            states.append(state.mean((2, 3)))
        every = torch.stack(states, 1)
        logits: Tensor = self.out(torch.cat((every[:, -1], every.mean(1)), 1))
        return logits


class VolumeNetwork(nn.Module):  # type: ignore[misc]
    """A small 3D-CNN (after C3D, Tran et al. 2015) from random weights."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.pictures = FrameEncoder(nn.Identity(), spec)
        widths = ((3, 24, (1, 5, 5), (1, 2, 2)), (24, 48, (3, 3, 3), (1, 2, 2)), (48, 96, (3, 3, 3), (2, 2, 2)))
        layers: list[nn.Module] = []
        for before, after, kernel, stride in (*widths, (96, 128, (3, 3, 3), (2, 2, 2))):
            reach = tuple(side // 2 for side in kernel)
            layers += [nn.Conv3d(before, after, kernel, stride, reach), nn.GroupNorm(8, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.out = nn.Sequential(nn.Dropout(0.5), nn.Linear(128, len(spec.labels)))

    def forward(self, images: Tensor) -> Tensor:
        """uint8 [N, T, S, S, 3] → logits [N, C]."""
        frames = self.pictures.maps(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        logits: Tensor = self.out(self.layers(frames.transpose(1, 2)).mean((2, 3, 4)))
        return logits


class VideoTransformer(nn.Module):  # type: ignore[misc]
    """A small factorised video transformer (ViViT's model 2, Arnab et al. 2021) from random weights.

    Patches of a frame look at one another, then the frames' summaries do.
    """

    def __init__(self, spec: ModelSpec, width: int = 96, patch: int = 16) -> None:
        super().__init__()
        self.pictures = FrameEncoder(nn.Identity(), spec)
        self.cut = nn.Conv2d(3, width, patch, patch)
        self.places = nn.Parameter(0.02 * torch.randn(1, (spec.size // patch) ** 2, width))
        self.times = nn.Parameter(0.02 * torch.randn(1, spec.frames, width))
        self.space, self.time = _layers(width, 3), _layers(width, 2)
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Dropout(0.3), nn.Linear(width, len(spec.labels)))

    def forward(self, images: Tensor) -> Tensor:
        """uint8 [N, T, S, S, 3] → logits [N, C]."""
        patches = self.cut(self.pictures.maps(images.flatten(0, 1))).flatten(2).transpose(1, 2)
        frames = self.space(patches + self.places).mean(1).unflatten(0, images.shape[:2])
        logits: Tensor = self.out(self.time(frames + self.times[:, : images.shape[1]]).mean(1))
        return logits


def _layers(width: int, count: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.1, "gelu", batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, count, enable_nested_tensor=False)


CLIP_NETWORKS: Mapping[str, Callable[[ModelSpec], nn.Module]] = {
    "convlstm": ConvolutionalLstm, "cnn3d": VolumeNetwork, "video-transformer": VideoTransformer,
}  # fmt: skip
