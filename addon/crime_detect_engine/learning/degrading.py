"""Owns what bad cameras do to pictures, as random changes to training clips; all off unless a recipe asks."""

from __future__ import annotations

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from .datasets import Clip
from .recipe import Augmentation

_PLACES = np.arange(8)
_COSINES = np.cos((2 * _PLACES + 1) * _PLACES[:, None] * np.pi / 16).astype(np.float32) / 2
_COSINES[0] /= np.sqrt(2)
"""The orthonormal cosine transform of eight values."""
_COARSENESS = 12.0 + 6.0 * (_PLACES[:, None] + _PLACES)
"""Quantisation at quality 50, near the table that JPEG recommends: fine waves are kept least."""
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
    """What JPEG of a quality from 1 to 49 leaves of 8×8 blocks, which stand for those of cheap video encoders.

    Sides are cut into whole blocks; what is left over at the edges stays.
    """
    high, wide = (side // 8 * 8 for side in clip.shape[1:3])
    steps = np.clip(_COARSENESS * 50 / quality, 1, 255).astype(np.float32)
    blocks = clip[:, :high, :wide].astype(np.float32).reshape(len(clip), high // 8, 8, wide // 8, 8, 3) - 128
    waves = np.einsum("ki,tyixjc,lj->tykxlc", _COSINES, blocks, _COSINES, optimize=True)
    waves = np.rint(waves / steps[:, None, :, None]) * steps[:, None, :, None]
    found = np.einsum("ki,tykxlc,lj->tyixjc", _COSINES, waves, _COSINES, optimize=True) + 128
    result = clip.copy()
    result[:, :high, :wide] = _rounded(found.reshape(len(clip), high, wide, 3))
    return result


def _happens(probability: float, random: np.random.Generator) -> bool:
    # Nothing is drawn for what is off: recipes without it keep their random numbers.
    return probability > 0 and random.random() < probability


def _planes(clip: Clip) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2)


def _pictures(planes: torch.Tensor) -> Clip:
    pictures: Clip = planes.permute(0, 2, 3, 1).contiguous().numpy()
    return pictures


def _rounded(values: np.ndarray) -> Clip:
    rounded: Clip = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded
