"""Owns the proof of the OpenVINO backend: shapes, faults, and that it never hands on numbers that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.vision.backends.openvino import OpenVinoBackend
from crime_detect_engine.vision.checkpoint import Checkpoint, write_checkpoint


def test_batch_and_window_sizes_are_open(shipped: Checkpoint) -> None:
    backend, size = OpenVinoBackend(shipped), shipped.spec.size
    for count in (1, 3, 2):
        assert backend.features(np.zeros((count, size, size, 3), np.uint8)).shape == (count, 1280)
    for count, length in ((1, 10), (4, 50), (2, 16)):
        windows = np.zeros((count, length, 1280), np.float32)
        assert backend.logits(windows, np.ones((count, length), np.float32)).shape == (count, 2)


def test_read_only_and_strided_pictures_are_taken(shipped: Checkpoint) -> None:
    backend, size = OpenVinoBackend(shipped), shipped.spec.size
    pictures = np.random.default_rng(0).integers(0, 256, (2, size, 2 * size, 3), np.uint8)[:, :, ::2]
    pictures.flags.writeable = False
    np.testing.assert_allclose(backend.features(pictures), backend.features(pictures.copy()), atol=1e-5)


def test_results_are_copies_that_the_next_run_does_not_change(shipped: Checkpoint) -> None:
    backend, size = OpenVinoBackend(shipped), shipped.spec.size
    first = backend.features(np.zeros((1, size, size, 3), np.uint8))
    kept = first.copy()
    backend.features(np.full((1, size, size, 3), 255, np.uint8))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_network_that_gives_nan_or_infinity_fails(broken: Any, factor: float) -> None:
    backend = OpenVinoBackend(broken(factor))
    with pytest.raises(BackendError, match="not finite"):
        backend.logits(np.ones((1, 10, 1280), np.float32), np.ones((1, 10), np.float32))


def test_a_batch_of_the_wrong_shape_is_a_backend_error(shipped: Checkpoint) -> None:
    with pytest.raises(BackendError, match="OpenVINO failed"):
        OpenVinoBackend(shipped).features(np.zeros((1, 100, 100, 3), np.uint8))


def test_an_absent_device_is_a_backend_error_in_one_line(shipped: Checkpoint) -> None:
    with pytest.raises(BackendError, match=r"on npu|on NPU") as caught:
        OpenVinoBackend(shipped, "npu")
    assert "\n" not in str(caught.value)


def test_an_export_that_is_no_network_is_a_backend_error(copied: Path, shipped: Checkpoint) -> None:
    (copied / "openvino/cnn.xml").write_text("<net/>")
    damaged = write_checkpoint(copied, replace(shipped.spec, name="damaged"))
    with pytest.raises(BackendError, match="cannot run damaged"):
        OpenVinoBackend(damaged)
