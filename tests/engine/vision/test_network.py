"""Owns the proof of the networks as torch modules: shapes, masking, open ends, and clear refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.error import URLError

import pytest
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import NETWORK_NAMES

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

WIDTHS = dict.fromkeys(NETWORK_NAMES, 1280) | {
    "mobilenet_v2_320-lstm": 320,
    "squeezenet1_1-lstm": 512,
    "resnet50-lstm": 2048,
    "densenet121": 1024,
}


@pytest.fixture
def spec(default_checkpoint: Any) -> ModelSpec:
    return replace(default_checkpoint.spec, size=64, hidden_dim=16, sha256={}, options={})


def build(spec: ModelSpec, network: str) -> Any:
    from crime_detect_engine.vision.network import build_network

    torch.manual_seed(0)
    return build_network(replace(spec, network=network, feature_dim=WIDTHS[network])).eval()


def shake(head: Any) -> None:
    """Gives every weight a value: skip and output start at zero, which would hide mistakes."""
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.05)


def test_the_names_known_without_torch_are_the_networks() -> None:
    from crime_detect_engine.vision.network import NETWORKS

    assert tuple(sorted(NETWORKS)) == tuple(sorted(NETWORK_NAMES))


@pytest.mark.parametrize("name", NETWORK_NAMES)
def test_each_network_turns_pictures_into_logits(spec: ModelSpec, name: str) -> None:
    network = build(spec, name)
    images = torch.randint(0, 256, (2, 3, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        assert network.encoder(images[0]).shape == (3, WIDTHS[name])
        assert network(images, torch.ones(2, 3)).shape == (2, 2)


@pytest.mark.parametrize("name", ["mobilenet_v2-lstm", "mobilenet_v2-rnn", "densenet121"])
def test_padding_cannot_reach_a_score_even_as_nan(spec: ModelSpec, name: str) -> None:
    head = build(spec, name).head
    shake(head)
    window = torch.randn(1, 12, WIDTHS[name])
    padded = torch.cat((window, torch.full((1, 9, WIDTHS[name]), float("nan"))), 1)
    mask = torch.cat((torch.ones(1, 12), torch.zeros(1, 9)), 1)
    with torch.inference_mode():
        torch.testing.assert_close(head(padded, mask), head(window, torch.ones(1, 12)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["mobilenet_v2-lstm", "mobilenet_v2-rnn"])
def test_the_recurrent_part_reads_order(spec: ModelSpec, name: str) -> None:
    head = build(spec, name).head
    shake(head)
    window = torch.randn(1, 12, 1280)
    with torch.inference_mode():
        assert not torch.allclose(head(window, torch.ones(1, 12)), head(window.flip(1), torch.ones(1, 12)), atol=1e-3)


def test_a_window_that_is_all_padding_gives_finite_logits(spec: ModelSpec) -> None:
    head = build(spec, "mobilenet_v2-lstm").head
    shake(head)
    with torch.inference_mode():
        assert head(torch.randn(1, 10, 1280), torch.zeros(1, 10)).isfinite().all()


@pytest.mark.parametrize(("scale", "low", "high"), [("unit", 0.0, 1.0), ("symmetric", -1.0, 1.0)])
def test_scaling_is_part_of_the_network(spec: ModelSpec, scale: str, low: float, high: float) -> None:
    from crime_detect_engine.vision.trunks import FrameEncoder

    plain = replace(spec, scale=scale, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    encoder = FrameEncoder(torch.nn.Identity(), plain)
    black, white = torch.zeros((1, 4, 4, 3), dtype=torch.uint8), torch.full((1, 4, 4, 3), 255, dtype=torch.uint8)
    assert encoder(black)[0].tolist() == pytest.approx([low] * 3, abs=1e-6)
    assert encoder(white)[0].tolist() == pytest.approx([high] * 3, abs=1e-6)


def test_batch_norm_stays_as_it_came_while_training(spec: ModelSpec) -> None:
    encoder = build(spec, "mobilenet_v2-lstm").encoder
    encoder.train()
    kinds = {type(m).__name__: m.training for m in encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert kinds == {"BatchNorm2d": False}


def test_weights_that_cannot_be_fetched_say_what_to_do(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    from crime_detect_engine.vision.network import build_network

    def offline(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", offline)
    with pytest.raises(CheckpointError, match=r"weights of resnet50-lstm could not be fetched .* connect once"):
        build_network(replace(spec, network="resnet50-lstm", feature_dim=2048), pretrained=True)


def test_a_network_of_another_width_or_name_is_refused(spec: ModelSpec) -> None:
    from crime_detect_engine.vision.network import build_network

    with pytest.raises(CheckpointError, match="gives 2048 features, not 1280"):
        build_network(replace(spec, network="resnet50-lstm"))
    with pytest.raises(CheckpointError, match="unknown network 'resnet18'"):
        build_network(replace(spec, network="resnet18"))


def test_weights_survive_a_round_trip_exactly(spec: ModelSpec) -> None:
    from crime_detect_engine.vision.network import network_tensors, restore_network, round_weights

    network = build(spec, "mobilenet_v2-lstm")
    shake(network.head)
    round_weights(network)
    again = restore_network(replace(spec, network="mobilenet_v2-lstm"), network_tensors(network))
    images = torch.randint(0, 256, (1, 10, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        torch.testing.assert_close(network(images, torch.ones(1, 10)), again(images, torch.ones(1, 10)))


@pytest.mark.clips
def test_the_given_imagenet_weights_load(spec: ModelSpec, clips: Any) -> None:
    from crime_detect_engine.vision.network import load_trunk

    network = build(spec, "mobilenet_v2-lstm")
    load_trunk(network, clips / "imagenet" / "mobilenet_v2_features.safetensors")
    with pytest.raises(CheckpointError, match="does not fit the network"):
        load_trunk(network, clips / "imagenet" / "squeezenet1_1.safetensors")
