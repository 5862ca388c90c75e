"""Owns drawing small test videos: a textured scene with a block that wanders, in any codec."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def scene(step: int, width: int = 160, height: int = 96, seed: int = 1, noise: int = 0) -> NDArray[np.uint8]:
    """RGB uint8 HxWx3: the seed's own background, a bright block at a place that depends on `step`."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 200, (height // 8, width // 8, 3), np.uint8)
    picture = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    x = (step * 3) % (width - 24)
    picture[height // 3 : height // 3 + 32, x : x + 24] = (240, 230, 20)
    if noise:
        grain = np.random.default_rng(step).integers(-noise, noise + 1, picture.shape)
        picture = np.clip(picture.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    return picture


def write_video(
    path: Path,
    pictures: list[NDArray[np.uint8]],
    fps: int = 25,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    pts: list[int] | None = None,
    gop: int = 12,
) -> Path:
    """Encodes RGB pictures; `pts` in units of 1/fps."""
    options = {"preset": "ultrafast", "g": str(gop), "bf": "0"} if codec == "libx264" else {}
    if codec == "libx265":
        options = {"preset": "ultrafast", "x265-params": "log-level=none:bframes=0"}
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, fps)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = pts[number] if pts else number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path
