"""Owns what bad cameras do to pictures, as random changes to training clips; all off unless a recipe asks."""

from __future__ import annotations

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from .datasets import Clip
from .recipe import Augmentation

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def worsen(clip: Clip, options: Augmentation, random: np.random.Generator) -> Clip:
    """A clip uint8 [T, S, S, 3] as another camera might have sent it; each change is the same for all its frames."""
    if options.colour > 0:
        clip = tint(clip, random.uniform(-1, 1) * options.colour, random.uniform(-1, 1) * options.colour)
    if _happens(options.night, random):
        clip = darken(clip, random.uniform(0.15, 0.6), random.uniform(2, 8), random)
    if _happens(options.blur, random):
        clip = soften(clip, random.uniform(0.5, 2.0))
    if _happens(options.rescale, random):
        clip = coarsen(clip, random.uniform(1.3, 3.0))
    if _happens(options.compression, random):
        clip = compress(clip, int(random.integers(8, 41)))
    return clip


def tint(clip: Clip, saturation: float, hue: float) -> Clip:
    """`saturation` from −1 (grey) up, `hue` a turn around the grey axis in radians."""
    third, root = 1 / 3, np.sqrt(1 / 3)
    cos, sin = np.cos(hue), np.sin(hue)
    straight, left, right = cos + third * (1 - cos), third * (1 - cos) - root * sin, third * (1 - cos) + root * sin
    turn = np.array([[straight, left, right], [right, straight, left], [left, right, straight]])
    stretch = (1 + saturation) * np.eye(3) - saturation * _LUMA
    return _rounded(clip @ (stretch @ turn).T.astype(np.float32))


def darken(clip: Clip, light: float, grain: float, random: np.random.Generator) -> Clip:
    """Grey, `light` of its brightness, and grain of `grain` grey levels that is new in every frame."""
    grey = (clip @ _LUMA)[..., None] * light
    return np.repeat(_rounded(grey + random.normal(0, grain, grey.shape).astype(np.float32)), 3, axis=3)


def soften(clip: Clip, sigma: float) -> Clip:
    side = 2 * round(2 * sigma) + 1
    return _pictures(transforms.gaussian_blur(_planes(clip), [side, side], [sigma, sigma]))


def coarsen(clip: Clip, factor: float) -> Clip:
    size = clip.shape[1]
    small = transforms.resize(_planes(clip), [max(8, round(size / factor))] * 2, InterpolationMode.BILINEAR)
    return _pictures(transforms.resize(small, [size, size], InterpolationMode.BILINEAR))


def compress(clip: Clip, quality: int) -> Clip:
    """JPEG there and back; its 8×8 blocks stand for those of cheap video encoders."""
    return np.stack([_pictures(transforms.jpeg(frame, quality)[None])[0] for frame in _planes(clip)])


def _happens(probability: float, random: np.random.Generator) -> bool:
    # Nothing is drawn for what is off: recipes without it keep their random numbers.
    return probability > 0 and random.random() < probability


def _planes(clip: Clip) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2)


def _pictures(planes: torch.Tensor) -> Clip:
    pictures: Clip = planes.permute(0, 2, 3, 1).contiguous().numpy()
    return pictures


def _rounded(values: np.ndarray) -> Clip:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
