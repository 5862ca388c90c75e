"""Owns the heads: what reads a window of feature vectors over time; padding never reaches a score."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from crime_detect_engine.domain.types import ModelSpec


def masked_mean(windows: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real steps of [N, T, D] → [N, D]."""
    weight = mask.unsqueeze(-1)
    return (windows * weight).sum(1) / weight.sum(1).clamp(min=1.0)


def masked_deviation(windows: Tensor, mask: Tensor) -> Tensor:
    """Standard deviation over the real steps."""
    squares = (windows - masked_mean(windows, mask).unsqueeze(1)).square()
    return (masked_mean(squares, mask) + 1e-6).sqrt()


def masked_change(windows: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference of a real step from the one before: how restless, not only how varied."""
    return masked_mean((windows[:, 1:] - windows[:, :-1]).abs(), mask[:, 1:] * mask[:, :-1])


def masked_peak(windows: Tensor, mask: Tensor) -> Tensor:
    """The largest value of the real steps; features are not negative."""
    return (windows * mask.unsqueeze(-1)).amax(1)


STATISTICS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mean": masked_mean, "deviation": masked_deviation, "change": masked_change, "peak": masked_peak,
}  # fmt: skip
"""What the linear part of a head may read of a window."""


class TemporalHead(nn.Module):  # type: ignore[misc]
    """[N, T, D] and mask [N, T] → logits [N, C].

    The linear `skip` reads statistics over time: what logistic regression on frozen features reads.
    `read` adds what order says; it starts at zero. On its own this class is that baseline, without order.
    """

    def __init__(
        self, spec: ModelSpec, dropout: float = 0.5, statistics: Sequence[str] = ("mean", "deviation")
    ) -> None:
        super().__init__()
        features, classes = spec.feature_dim, len(spec.labels)
        self.statistics = [STATISTICS[name] for name in statistics]
        count = len(self.statistics)
        self.hidden_dim = spec.hidden_dim
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_scale", torch.ones(features))
        self.register_buffer("statistics_mean", torch.zeros(count * features))
        self.register_buffer("statistics_scale", torch.ones(count * features))
        self.skip = nn.Linear(count * features, classes)
        _silence(self.skip)
        self.build(spec, dropout)

    def build(self, spec: ModelSpec, dropout: float) -> None:
        """Makes the layers of the part that reads order."""

    def forward(self, windows: Tensor, mask: Tensor) -> Tensor:
        windows = torch.where(mask.unsqueeze(-1) > 0, windows, torch.zeros_like(windows))
        logits: Tensor = self.skip((self.describe(windows, mask) - self.statistics_mean) / self.statistics_scale)
        order = self.read((windows - self.feature_mean) / self.feature_scale, mask)
        return logits if order is None else logits + order

    def describe(self, windows: Tensor, mask: Tensor) -> Tensor:
        """The statistics of [N, T, D] whose padding is zero, side by side."""
        return torch.cat([statistic(windows, mask) for statistic in self.statistics], 1)

    def read(self, windows: Tensor, mask: Tensor) -> Tensor | None:  # noqa: ARG002
        """Standardised [N, T, D] → logits [N, C] of what the statistics do not say."""
        return None

    def _entrance(self, spec: ModelSpec, dropout: float) -> nn.Module:
        return nn.Sequential(nn.Linear(spec.feature_dim, spec.hidden_dim), nn.ReLU(), nn.Dropout(dropout))

    def _exit(self, spec: ModelSpec, dropout: float, width: int) -> nn.Module:
        layer = nn.Linear(width, len(spec.labels))
        _silence(layer)
        return nn.Sequential(nn.Dropout(dropout), layer)


def _silence(layer: nn.Linear) -> None:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)


def last_and_mean(steps: Tensor, mask: Tensor) -> Tensor:
    """The last real step of right-padded [N, T, H] and the mean of all real ones, side by side."""
    following = torch.cat((mask[:, 1:], torch.zeros_like(mask[:, :1])), 1)
    last = (steps * (mask * (1 - following)).unsqueeze(-1)).sum(1)
    return torch.cat((last, masked_mean(steps, mask)), 1)


class RecurrentHead(TemporalHead):
    """Runs forward only over right-padded windows, so padding cannot reach a real step."""

    def __init__(self, spec: ModelSpec, cell: Callable[..., nn.Module], **options: Any) -> None:
        self._cell = cell
        super().__init__(spec, **options)

    def build(self, spec: ModelSpec, dropout: float) -> None:
        self.project = self._entrance(spec, dropout)
        self.recurrent = self._cell(spec.hidden_dim, spec.hidden_dim, batch_first=True)
        self.out = self._exit(spec, dropout, 2 * spec.hidden_dim)

    def read(self, windows: Tensor, mask: Tensor) -> Tensor:
        steps = self.project(windows)
        logits: Tensor = self.out(last_and_mean(self.recurrent(steps, self._start(steps))[0], mask))
        return logits

    def _start(self, steps: Tensor) -> Any:
        # Built from the input so that the exported graph keeps N open.
        zeros = torch.zeros_like(steps[:, 0, :1]).expand(-1, self.hidden_dim).unsqueeze(0).contiguous()
        return (zeros, zeros) if isinstance(self.recurrent, nn.LSTM) else zeros


class AttentionHead(TemporalHead):
    """Weighs the steps by what they show, not by when: attention pooling (Ilse et al. 2018)."""

    def build(self, spec: ModelSpec, dropout: float) -> None:
        self.project = self._entrance(spec, dropout)
        self.weigh = nn.Sequential(
            nn.Linear(spec.hidden_dim, spec.hidden_dim), nn.Tanh(), nn.Linear(spec.hidden_dim, 1)
        )
        self.out = self._exit(spec, dropout, spec.hidden_dim)

    def read(self, windows: Tensor, mask: Tensor) -> Tensor:
        steps = self.project(windows)
        weights = self.weigh(steps).squeeze(-1).masked_fill(mask <= 0, _NEVER).softmax(1)
        logits: Tensor = self.out((steps * weights.unsqueeze(-1)).sum(1))
        return logits


_NEVER = -1e4
"""Added to an attention weight that must vanish; finite, so that a window of padding alone gives no NaN."""


class ConvolutionHead(TemporalHead):
    """Causal temporal convolutions, 1, 2 and 4 steps apart (Bai et al. 2018): padding lies where none of them looks."""

    def build(self, spec: ModelSpec, dropout: float) -> None:
        self.project = self._entrance(spec, dropout)
        self.blocks = nn.ModuleList(_CausalBlock(spec.hidden_dim, step, dropout) for step in (1, 2, 4))
        self.out = self._exit(spec, dropout, 2 * spec.hidden_dim)

    def read(self, windows: Tensor, mask: Tensor) -> Tensor:
        steps = self.project(windows).transpose(1, 2)
        for block in self.blocks:
            steps = block(steps)
        logits: Tensor = self.out(last_and_mean(steps.transpose(1, 2), mask))
        return logits


class _CausalBlock(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, step: int, dropout: float) -> None:
        super().__init__()
        self.reach = 2 * step
        self.convolution = nn.Conv1d(width, width, 3, dilation=step)
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor) -> Tensor:
        seen = nn.functional.pad(steps, (self.reach, 0))
        added: Tensor = self.dropout(self.convolution(seen).relu())
        return steps + added


class TransformerHead(TemporalHead):
    """Two transformer layers over the steps and one summary token, which is read."""

    def build(self, spec: ModelSpec, dropout: float) -> None:
        self.project = self._entrance(spec, dropout)
        self.summary = nn.Parameter(torch.zeros(1, 1, spec.hidden_dim))
        self.register_buffer("places", _places(LONGEST, spec.hidden_dim), persistent=False)
        self.layers = nn.ModuleList(_TransformerLayer(spec.hidden_dim, dropout) for _ in range(2))
        self.out = self._exit(spec, dropout, 2 * spec.hidden_dim)

    def read(self, windows: Tensor, mask: Tensor) -> Tensor:
        steps = self.project(windows)
        steps = torch.cat((self.summary.expand(steps.shape[0], -1, -1), steps + self.places[: steps.shape[1]]), 1)
        seen = torch.cat((torch.ones_like(mask[:, :1]), mask), 1)
        for layer in self.layers:
            steps = layer(steps, seen)
        logits: Tensor = self.out(torch.cat((steps[:, 0], masked_mean(steps[:, 1:], mask)), 1))
        return logits


LONGEST = 64
"""Steps a transformer can tell apart; windows have at most 50."""


def _places(length: int, width: int) -> Tensor:
    """Sines and cosines of falling frequency (Vaswani et al. 2017), [length, width]."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(1000.0) / width))
    angles = torch.arange(length).unsqueeze(1) * rates
    return torch.stack((angles.sin(), angles.cos()), 2).flatten(1)[:, :width]


class _TransformerLayer(nn.Module):  # type: ignore[misc]
    """Pre-norm. Own lines, because torch's layer has a fused way that OpenVINO cannot read."""

    def __init__(self, width: int, dropout: float, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask, self.answer = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(self, steps: Tensor, seen: Tensor) -> Tensor:
        parts = self.ask(self.before(steps)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        hidden = ((1 - seen) * _NEVER)[:, None, None, :]
        found = nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=hidden)
        steps = steps + self.dropout(self.answer(found.transpose(1, 2).flatten(2)))
        added: Tensor = self.dropout(self.think(self.after(steps)))
        return steps + added


class ImageHead(nn.Module):  # type: ignore[misc]
    """Single-image networks: a linear layer on the mean feature of the real steps; [N, T, D] → [N, C]."""

    def __init__(self, spec: ModelSpec, dropout: float = 0.5) -> None:
        super().__init__()
        self.register_buffer("feature_mean", torch.zeros(spec.feature_dim))
        self.register_buffer("feature_scale", torch.ones(spec.feature_dim))
        self.dropout = nn.Dropout(dropout)
        self.skip = nn.Linear(spec.feature_dim, len(spec.labels))

    def forward(self, windows: Tensor, mask: Tensor) -> Tensor:
        windows = torch.where(mask.unsqueeze(-1) > 0, windows, torch.zeros_like(windows))
        mean = self.describe(windows, mask)
        logits: Tensor = self.skip(self.dropout((mean - self.feature_mean) / self.feature_scale))
        return logits

    def describe(self, windows: Tensor, mask: Tensor) -> Tensor:
        """The mean of [N, T, D] whose padding is zero."""
        return masked_mean(windows, mask)


def _recurrent(cell: Callable[..., nn.Module]) -> Callable[[ModelSpec], nn.Module]:
    return lambda spec: RecurrentHead(spec, cell, **spec.options)


HEADS: Mapping[str, Callable[[ModelSpec], nn.Module]] = {
    "lstm": _recurrent(nn.LSTM),
    "gru": _recurrent(nn.GRU),
    "rnn": _recurrent(nn.RNN),
    "attention": lambda spec: AttentionHead(spec, **spec.options),
    "tcn": lambda spec: ConvolutionHead(spec, **spec.options),
    "transformer": lambda spec: TransformerHead(spec, **spec.options),
    "linear": lambda spec: TemporalHead(spec, **spec.options),
    "image": lambda spec: ImageHead(spec, **spec.options),
}
"""By the last part of a network's name; `linear` is the baseline that reads no order."""
