"""Owns the heads: what reads a window of feature vectors over time; padding never reaches a score."""

from __future__ import annotations

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
    The recurrent part starts at zero and adds what order says. It runs forward only over right-padded windows, so
    padding cannot reach a real step.
    """

    def __init__(
        self,
        spec: ModelSpec,
        recurrent: Callable[..., nn.Module],
        dropout: float = 0.5,
        statistics: Sequence[str] = ("mean", "deviation"),
    ) -> None:
        super().__init__()
        features, hidden, classes = spec.feature_dim, spec.hidden_dim, len(spec.labels)
        self.statistics = [STATISTICS[name] for name in statistics]
        count = len(self.statistics)
        self.hidden_dim = hidden
        self.register_buffer("feature_mean", torch.zeros(features))
        self.register_buffer("feature_scale", torch.ones(features))
        self.register_buffer("statistics_mean", torch.zeros(count * features))
        self.register_buffer("statistics_scale", torch.ones(count * features))
        self.skip = nn.Linear(count * features, classes)
        self.project = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.recurrent = recurrent(hidden, hidden, batch_first=True)
        self.out = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * hidden, classes))
        for parameter in (self.skip.weight, self.skip.bias, self.out[1].weight, self.out[1].bias):
            nn.init.zeros_(parameter)

    def forward(self, windows: Tensor, mask: Tensor) -> Tensor:
        windows = torch.where(mask.unsqueeze(-1) > 0, windows, torch.zeros_like(windows))
        statistics = (self.describe(windows, mask) - self.statistics_mean) / self.statistics_scale
        steps = self.project((windows - self.feature_mean) / self.feature_scale)
        outputs = self.recurrent(steps, self._start(steps))[0]
        following = torch.cat((mask[:, 1:], torch.zeros_like(mask[:, :1])), 1)
        last = (outputs * (mask * (1 - following)).unsqueeze(-1)).sum(1)
        average = (outputs * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1.0)
        logits: Tensor = self.skip(statistics) + self.out(torch.cat((last, average), 1))
        return logits

    def describe(self, windows: Tensor, mask: Tensor) -> Tensor:
        """The statistics of [N, T, D] whose padding is zero, side by side."""
        return torch.cat([statistic(windows, mask) for statistic in self.statistics], 1)

    def _start(self, steps: Tensor) -> Any:
        # Built from the input so that the exported graph keeps N open.
        zeros = torch.zeros_like(steps[:, 0, :1]).expand(-1, self.hidden_dim).unsqueeze(0).contiguous()
        return (zeros, zeros) if isinstance(self.recurrent, nn.LSTM) else zeros


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
