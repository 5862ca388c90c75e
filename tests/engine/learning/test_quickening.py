"""Owns the proof that the faster way computes what the slow one does, forwards and backwards."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.quickening import quicken  # noqa: E402
from torchvision.models import mobilenet_v2  # noqa: E402


@pytest.mark.parametrize("side", [64, 50])
def test_results_gradients_and_names_stay(side: int) -> None:
    torch.manual_seed(2)
    slow = mobilenet_v2(weights=None).features[:5].eval()
    fast = copy.deepcopy(slow)
    quicken(fast)
    images = torch.rand(2, 3, side, side)
    for trunk in (slow, fast):
        trunk(images).square().mean().backward()
    assert [type(layer).__name__ for layer in fast.modules()].count("_ThinnedConvolution") == 2
    assert fast.state_dict().keys() == slow.state_dict().keys()
    torch.testing.assert_close(fast(images), slow(images))
    for (name, expected), found in zip(slow.named_parameters(), fast.parameters(), strict=True):
        torch.testing.assert_close(found.grad, expected.grad, msg=name)
