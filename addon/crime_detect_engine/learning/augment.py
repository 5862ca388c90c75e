"""Owns random changes to training clips, made before differences are taken so that they stay those of real cameras."""

from __future__ import annotations

import numpy as np
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from .datasets import Clip
from .degrading import worsen
from .recipe import Augmentation

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def augment(clip: Clip, frames: int, options: Augmentation, random: np.random.Generator) -> Clip:
    """A random window of at most `frames` frames of uint8 [T, S, S, 3], randomly changed; the same crop for all."""
    clip = _window(clip, frames, options, random)
    clip = _crop(clip, options, random)
    if random.random() < options.flip:
        clip = clip[:, :, ::-1]
    clip = _reading(clip, options, random)
    clip = _light(clip, options, random)
    clip = worsen(clip, options, random)
    if options.noise > 0 and random.random() < 0.5:
        sigma = random.uniform(0, options.noise)
        # Drawn once for the window and shifted for each frame: every frame's grain differs at the cost of one draw.
        noise = np.rint(random.normal(0, sigma, (clip.shape[1] + 64, *clip.shape[2:]))).astype(np.int16)
        shifts = random.integers(0, 64, len(clip))
        noisy = [np.clip(f + noise[s : s + clip.shape[1]], 0, 255) for f, s in zip(clip, shifts, strict=True)]
        clip = np.stack(noisy).astype(np.uint8)
    return np.ascontiguousarray(clip)


def _reading(clip: Clip, options: Augmentation, random: np.random.Generator) -> Clip:
    """Other ways to read the same movement: backwards, as a negative, without colour."""
    if options.reverse > 0 and random.random() < options.reverse:
        clip = clip[::-1]
    if options.negative > 0 and random.random() < options.negative:
        clip = 255 - clip
    if options.grey > 0 and random.random() < options.grey:
        clip = np.repeat(np.rint(clip @ _LUMA).astype(np.uint8)[..., None], 3, axis=3)
    return clip


def _window(clip: Clip, frames: int, options: Augmentation, random: np.random.Generator) -> Clip:
    """Start, speed, lost frames, and the seam of a looped file: its jump then says nothing about the class."""
    if random.random() < options.splice:
        clip = np.roll(clip, int(random.integers(1, max(2, len(clip)))), axis=0)
    speed = random.uniform(1.0, options.speed) if random.random() < 0.4 else 1.0
    length = min(len(clip), int(np.ceil(frames * speed)))
    start = int(random.integers(0, len(clip) - length + 1))
    picked = start + np.minimum((np.arange(int(length / speed)) * speed).astype(int), length - 1)
    keep = random.random(len(picked)) >= (options.dropout if random.random() < 0.3 else 0.0)
    keep[:2] = True
    # A lost frame is seen as the one before it, held: the way the sequence holds the last vector.
    picked = picked[np.maximum.accumulate(np.where(keep, np.arange(len(picked)), 0))]
    window: Clip = clip[picked]
    return window


def _crop(clip: Clip, options: Augmentation, random: np.random.Generator) -> Clip:
    if options.min_scale >= 1 or random.random() < 0.25:
        return clip
    size = clip.shape[1]
    height, width = (max(8, int(size * random.uniform(options.min_scale, 1.0))) for _ in range(2))
    top, left = int(random.integers(0, size - height + 1)), int(random.integers(0, size - width + 1))
    planes = torch.from_numpy(np.ascontiguousarray(clip)).permute(0, 3, 1, 2)
    resized = transforms.resized_crop(
        planes, top, left, height, width, [size, size], interpolation=InterpolationMode.BILINEAR, antialias=False
    )
    result: Clip = resized.permute(0, 2, 3, 1).numpy()
    return result


def _light(clip: Clip, options: Augmentation, random: np.random.Generator) -> Clip:
    """Brightness, contrast and gamma as one table of 256 values."""
    if random.random() < 0.3:
        return clip
    gamma = float(np.exp(random.uniform(-options.gamma, options.gamma)))
    contrast = 1 + random.uniform(-options.contrast, options.contrast)
    shift = 255 * options.brightness * random.uniform(-0.5, 0.5)
    values = (np.arange(256) / 255) ** gamma * 255
    table = np.clip((values - 128) * contrast + 128 + shift, 0, 255).astype(np.uint8)
    changed: Clip = table[clip]
    return changed
