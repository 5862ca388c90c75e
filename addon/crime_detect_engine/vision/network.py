"""Owns the networks as torch modules: frame encoder and temporal head, the shapes a checkpoint may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
import torchvision.models as zoo
from safetensors.torch import load_file
from torch import Tensor, nn

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.types import ModelSpec


class FrameEncoder(nn.Module):  # type: ignore[misc]
    """uint8 [N, S, S, 3] → float32 [N, D]. Normalisation is part of the graph, so serving cannot get it wrong."""

    def __init__(self, trunk: nn.Module, spec: ModelSpec) -> None:
        super().__init__()
        self.trunk = trunk
        # Both scalings and mean/std fold into one multiply and one add per channel.
        factor, offset = (1 / 127.5, -1.0) if spec.scale == "symmetric" else (1 / 255.0, 0.0)
        mean, std = torch.tensor(spec.mean), torch.tensor(spec.std)
        self.register_buffer("factor", (factor / std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("offset", ((offset - mean) / std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        values = images.permute(0, 3, 1, 2).float() * self.factor + self.offset
        return self.trunk(values).float().mean((2, 3))

    def train(self, mode: bool = True) -> FrameEncoder:
        """Batch norm stays in eval mode: batches of a few clips are too alike, and the given weights have it folded."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self


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


class Network(nn.Module):  # type: ignore[misc]
    """Frame encoder and head of one spec; `state_dict` is what `weights.safetensors` holds."""

    def __init__(self, encoder: FrameEncoder, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        """uint8 [N, T, S, S, 3] and mask [N, T] → logits [N, C]."""
        features = self.encoder(images.flatten(0, 1)).unflatten(0, images.shape[:2])
        logits: Tensor = self.head(features, mask)
        return logits


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a named network is put together; `weights` is torchvision's name of the ImageNet weights."""

    trunk: Callable[[str | None], nn.Module]
    feature_dim: int
    head: Callable[[ModelSpec], nn.Module]
    weights: str


def _resnet50(weights: str | None) -> nn.Module:
    """Everything below the classifier; global average pooling follows in the encoder (2048-d, paper S2)."""
    return nn.Sequential(*list(zoo.resnet50(weights=weights).children())[:-2])


def _densenet121(weights: str | None) -> nn.Module:
    return nn.Sequential(zoo.densenet121(weights=weights).features, nn.ReLU())


def _mobilenet_v2(weights: str | None) -> nn.Module:
    return zoo.mobilenet_v2(weights=weights).features


def _mobilenet_v2_320(weights: str | None) -> nn.Module:
    """Without the last expansion to 1280: a quarter of the features, three quarters of the weights."""
    return zoo.mobilenet_v2(weights=weights).features[:18]


def _lstm_head(spec: ModelSpec) -> nn.Module:
    return TemporalHead(spec, nn.LSTM, **spec.options)


def _rnn_head(spec: ModelSpec) -> nn.Module:
    return TemporalHead(spec, nn.RNN, **spec.options)


def _image_head(spec: ModelSpec) -> nn.Module:
    return ImageHead(spec, **spec.options)


NETWORKS: Mapping[str, Architecture] = {
    "mobilenet_v2-lstm": Architecture(_mobilenet_v2, 1280, _lstm_head, "IMAGENET1K_V1"),
    "mobilenet_v2_320-lstm": Architecture(_mobilenet_v2_320, 320, _lstm_head, "IMAGENET1K_V1"),
    "mobilenet_v2-rnn": Architecture(_mobilenet_v2, 1280, _rnn_head, "IMAGENET1K_V1"),
    "resnet50-lstm": Architecture(_resnet50, 2048, _lstm_head, "IMAGENET1K_V2"),
    "densenet121": Architecture(_densenet121, 1024, _image_head, "IMAGENET1K_V1"),
}


def build_network(spec: ModelSpec, *, pretrained: bool = False) -> Network:
    """The spec's network; random weights, or torchvision's ImageNet weights (downloaded once by torchvision).

    Raises CheckpointError for an unknown network, a wrong feature size, or weights that cannot be fetched.
    """
    architecture = NETWORKS.get(spec.network)
    if architecture is None:
        raise CheckpointError(f"unknown network {spec.network!r}; known are {', '.join(NETWORKS)}")
    if spec.feature_dim != architecture.feature_dim:
        raise CheckpointError(f"{spec.network} gives {architecture.feature_dim} features, not {spec.feature_dim}")
    try:
        trunk = architecture.trunk(architecture.weights if pretrained else None)
    except (URLError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"the ImageNet weights of {spec.network} could not be fetched ({error}); connect once to the internet, "
            "or name a local safetensors file as start weights in the recipe"
        ) from error
    return Network(FrameEncoder(trunk, spec), architecture.head(spec))


def load_trunk(network: Network, path: Path) -> None:
    """Puts start weights of a safetensors file into the trunk; keys may carry torchvision's prefix `features.`.

    The file may go deeper than the trunk.
    """
    try:
        state = {key.removeprefix("features."): value for key, value in load_file(str(path)).items()}
        known = network.encoder.trunk.state_dict()
        network.encoder.trunk.load_state_dict({key: value for key, value in state.items() if key in known})
    except (OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not fit the network: {error}") from error


def round_weights(network: Network) -> None:
    """Rounds all weights to what half precision can hold, so that the stored half is exactly what was measured."""
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.dtype.is_floating_point:
                value.copy_(value.half())


def network_tensors(network: Network) -> dict[str, Tensor]:
    """What `weights.safetensors` holds, in half precision; call `round_weights` before measuring and exporting."""
    state = network.state_dict()
    return {name: value.detach().cpu().half().contiguous() for name, value in state.items() if not _is_counter(name)}


def restore_network(spec: ModelSpec, tensors: Mapping[str, Tensor]) -> Network:
    """The network of `network_tensors`, in eval mode. Raises CheckpointError when they do not fit the spec."""
    network = build_network(spec)
    try:
        missing, unexpected = network.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        raise CheckpointError(f"the weights of {spec.name} do not fit {spec.network}: {error}") from error
    wrong = [name for name in missing if not _is_counter(name)] + list(unexpected)
    if wrong:
        raise CheckpointError(f"the weights of {spec.name} do not fit {spec.network}: {', '.join(wrong[:3])}, …")
    network.eval()
    return network


def _is_counter(name: str) -> bool:
    return name.endswith("num_batches_tracked")
