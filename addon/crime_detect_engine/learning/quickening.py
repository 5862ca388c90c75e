"""Owns a faster way through one kind of layer while training on a CPU; what it computes stays the same."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def quicken(trunk: nn.Module) -> None:
    """Changes depthwise convolutions of stride 2 in place; weights, names and results stay.

    Their backward pass takes a third of a MobileNet's whole step in bfloat16. A convolution of stride 1 of which every
    second row and column is kept says the same in a quarter of the time.
    """
    for layer in trunk.modules():
        if type(layer) is nn.Conv2d and layer.groups == layer.in_channels > 1 and layer.stride == (2, 2):
            layer.__class__ = _ThinnedConvolution


class _ThinnedConvolution(nn.Conv2d):  # type: ignore[misc]
    def forward(self, images: Tensor) -> Tensor:
        full = nn.functional.conv2d(images, self.weight, self.bias, 1, self.padding, self.dilation, self.groups)
        thinned: Tensor = _EverySecond.apply(full)
        return thinned


class _EverySecond(torch.autograd.Function):  # type: ignore[misc]
    """Rows and columns 0, 2, 4, …: torch's own slicing would spread the gradient through two tensors."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        ctx.shape = images.shape
        return images[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        spread = gradient.new_zeros(ctx.shape).contiguous(memory_format=torch.channels_last)
        spread[:, :, ::2, ::2] = gradient
        return spread
