"""Owns the proof that folding batch norm away changes nothing that a network says, there and back."""

from __future__ import annotations

import copy
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.folding import fold, unfold  # noqa: E402
from torchvision.models import densenet121, mobilenet_v2  # noqa: E402


def shaken(trunk: Any) -> Any:
    """Batch norm with statistics that are not the ones it is born with."""
    torch.manual_seed(3)
    for layer in trunk.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.6, 1.4)
            torch.nn.init.uniform_(layer.weight, 0.8, 1.2)
            torch.nn.init.uniform_(layer.bias, -0.2, 0.2)
    return trunk.eval()


@pytest.mark.parametrize("make", [mobilenet_v2, densenet121])
def test_folded_and_unfolded_trunks_say_the_same(make: Any) -> None:
    trunk = shaken(make(weights=None).features)
    images = torch.rand(2, 3, 64, 64)
    folded, back = copy.deepcopy(trunk), make(weights=None).features.eval()
    fold(folded)
    unfold(folded, back)
    with torch.inference_mode():
        expected = trunk(images)
        assert torch.allclose(folded(images), expected, atol=1e-4 * float(expected.abs().max()))
        assert torch.allclose(back(images), expected, atol=1e-4 * float(expected.abs().max()))
    assert back.state_dict().keys() == trunk.state_dict().keys()


def test_a_folded_trunk_has_no_batch_norm_left_to_train() -> None:
    trunk = mobilenet_v2(weights=None).features
    fold(trunk)
    assert not any(isinstance(layer, torch.nn.BatchNorm2d) for layer in trunk.modules())
    assert all(parameter.requires_grad for parameter in trunk.parameters())
