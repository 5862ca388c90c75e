"""Owns small networks in OpenVINO's own format, whole and broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.vision.checkpoint import Checkpoint, find_checkpoint, write_checkpoint


@pytest.fixture(scope="session")
def shipped() -> Checkpoint:
    return find_checkpoint("default")


@pytest.fixture
def copied(shipped: Checkpoint, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped.folder, tmp_path / "copied"))


@pytest.fixture
def broken(copied: Path, shipped: Checkpoint) -> Callable[[float], Checkpoint]:
    """A checkpoint whose head multiplies its logits by a number: NaN or infinity stand for a broken network."""
    import openvino as ov

    def breaking(factor: float) -> Checkpoint:
        ops: Any = ov.opset13
        windows = ops.parameter([-1, -1, shipped.spec.feature_dim], np.float32)
        mask = ops.parameter([-1, -1], np.float32)
        weights = ops.constant(np.ones((shipped.spec.feature_dim, 2), np.float32))
        used = ops.multiply(windows, ops.unsqueeze(mask, ops.constant(2)))
        logits = ops.reduce_sum(ops.matmul(used, weights, False, False), ops.constant([1]))
        model = ov.Model([ops.multiply(logits, ops.constant(np.float32(factor)))], [windows, mask])
        ov.save_model(model, copied / "openvino/head.xml", compress_to_fp16=False)
        return write_checkpoint(copied, replace(shipped.spec, name="broken"))

    return breaking
