"""Owns what the tests of detectors share: real weights where they lie, real frames, a small network of their shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.types import Image
from crime_detect_engine.sources.file import FileSource


@pytest.fixture(scope="session")
def detectors(clips: Path) -> Path:
    """The folder of the detectors' real weights."""
    folder = clips / "detectors"
    if not folder.is_dir():
        pytest.skip("no weights of detectors beside the real clips")
    return folder


@pytest.fixture(scope="session")
def real_frame(clips: Path) -> Callable[..., Image]:
    """`real_frame(clip, at_s, size)`: of normal_footage, RGB, its longer side `size`."""

    def grab(clip: str, at_s: float, size: int = 416) -> Image:
        for raw in FileSource(clips / "normal_footage" / clip).frames():
            if raw.stream_s >= at_s:
                scale = size / max(raw.width, raw.height)
                return raw.rgb(round(raw.width * scale), round(raw.height * scale), "area")
        raise AssertionError(f"{clip} ends before {at_s} s")

    return grab


@pytest.fixture(scope="session")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float], Path]:
    """`small_network(factor)`: a file of a network that gives each picture's mean of each channel times `factor`."""
    import openvino as ov

    def build(factor: float = 1.0) -> Path:
        ops: Any = ov.opset13
        given = ops.parameter([1, 3, 64, 64], np.float32)
        mean = ops.reduce_mean(given, ops.constant([2, 3]), False)
        model = ov.Model([ops.multiply(mean, ops.constant(np.float32(factor)))], [given])
        path: Path = tmp_path_factory.mktemp("network") / "small.xml"
        ov.save_model(model, path, compress_to_fp16=False)
        return path

    return build
