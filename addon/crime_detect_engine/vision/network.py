"""Owns the networks as torch modules: a frame encoder and a head, and the shapes a checkpoint may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.types import ModelSpec

from .heads import HEADS
from .trunks import FrameEncoder, densenet121, mobilenet_v2, mobilenet_v2_320, resnet50, squeezenet1_1


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


NETWORKS: Mapping[str, Architecture] = {
    **{
        f"mobilenet_v2-{head}": Architecture(mobilenet_v2, 1280, HEADS[head], "IMAGENET1K_V1")
        for head in ("lstm", "gru", "rnn", "attention", "tcn", "transformer", "linear")
    },
    "mobilenet_v2_320-lstm": Architecture(mobilenet_v2_320, 320, HEADS["lstm"], "IMAGENET1K_V1"),
    "squeezenet1_1-lstm": Architecture(squeezenet1_1, 512, HEADS["lstm"], "IMAGENET1K_V1"),
    "resnet50-lstm": Architecture(resnet50, 2048, HEADS["lstm"], "IMAGENET1K_V2"),
    "densenet121": Architecture(densenet121, 1024, HEADS["image"], "IMAGENET1K_V1"),
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
