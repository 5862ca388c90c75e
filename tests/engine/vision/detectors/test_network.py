"""Owns the proof that a network sees each picture once, in batches of one shape, and keeps few compiled ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.vision.detectors.network import MOST_SHAPES, OpenVinoNetwork


class Prepared:
    """Notes for which batches a network was compiled."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, int, int]] = []

    def __call__(self, model: ov.Model, count: int, height: int, width: int) -> ov.Model:
        self.shapes.append((count, height, width))
        ops: Any = ov.opset13
        model.reshape([count, 3, height, width])
        picture = ops.parameter([count, height, width, 3], np.uint8)
        planes = ops.convert(ops.transpose(picture, ops.constant([0, 3, 1, 2])), np.float32)
        model.get_parameters()[0].output(0).replace(planes.output(0))
        return ov.Model(model.get_results(), [picture])


def grey(value: int, height: int = 32, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def means(network: OpenVinoNetwork, images: list[np.ndarray]) -> dict[int, float]:
    return {index: float(outputs[0][0]) for index, _, outputs in network.run(images)}


def test_each_picture_gets_its_own_answer_whatever_stands_beside_it(small_network: Callable[..., Path]) -> None:
    prepared = Prepared()
    network = OpenVinoNetwork(small_network(), prepared, "cpu", "fp32")
    images = [grey(10), grey(20, 64, 32), grey(30), grey(40), grey(50), grey(60), grey(70), grey(80, 64, 32)]
    assert means(network, images) == {index: pytest.approx(10 * (index + 1)) for index in range(8)}
    assert prepared.shapes == [(4, 32, 64), (2, 32, 64), (2, 64, 32)]
    assert means(network, images[:1]) == {0: pytest.approx(10)}
    assert means(network, []) == {}
    assert len(prepared.shapes) == 4, "a known shape is not compiled again"


def test_shapes_that_were_not_used_for_long_are_forgotten(small_network: Callable[..., Path]) -> None:
    prepared = Prepared()
    network = OpenVinoNetwork(small_network(), prepared, "cpu", "fp32")
    for width in range(32, 32 * (MOST_SHAPES + 2), 32):
        means(network, [grey(1, 32, width)])
    assert len(prepared.shapes) == MOST_SHAPES + 1
    means(network, [grey(1, 32, 64)])
    assert len(prepared.shapes) == MOST_SHAPES + 1, "the second shape is still known"
    means(network, [grey(1, 32, 32)])
    assert len(prepared.shapes) == MOST_SHAPES + 2, "the first one is not"


def test_pictures_are_padded_with_what_the_network_knows_as_nothing(small_network: Callable[..., Path]) -> None:
    network = OpenVinoNetwork(small_network(), Prepared(), "cpu", "fp32")
    ((_, shape, (mean,)),) = network.run([grey(0, 33, 1)])
    assert shape == (64, 32)
    assert mean == pytest.approx(114 * (1 - 33 / (64 * 32)), rel=1e-3)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_an_error(small_network: Callable[..., Path], factor: float) -> None:
    network = OpenVinoNetwork(small_network(factor), Prepared(), "cpu", "fp32")
    with pytest.raises(BackendError, match="not finite"):
        means(network, [grey(1)])


def test_a_file_that_is_no_network_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(CheckpointError, match="no network that OpenVINO reads") as caught:
        OpenVinoNetwork(tmp_path / "broken.onnx", Prepared(), "cpu", "fp32")
    assert "\n" not in str(caught.value)


def test_an_absent_device_is_a_backend_error(small_network: Callable[..., Path]) -> None:
    network = OpenVinoNetwork(small_network(), Prepared(), "npu", "fp32")
    with pytest.raises(BackendError, match="on npu"):
        means(network, [grey(1)])
