"""Owns the proof of the heads: padding, order, the start from logistic regression, old weights, and the export."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.types import ModelSpec

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.vision.heads import HEADS  # noqa: E402

TEMPORAL = sorted(set(HEADS) - {"image"})
ORDERED = sorted(set(TEMPORAL) - {"linear", "attention"})


@pytest.fixture
def spec(default_checkpoint: Any) -> ModelSpec:
    return replace(default_checkpoint.spec, feature_dim=24, hidden_dim=16, sha256={})


def shaken(spec: ModelSpec, name: str) -> Any:
    """Every weight has a value: what starts at zero would hide mistakes."""
    torch.manual_seed(1)
    head = HEADS[name](spec).eval()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return head


@pytest.mark.parametrize("name", TEMPORAL)
def test_padding_cannot_reach_a_score_even_as_nan(spec: ModelSpec, name: str) -> None:
    head = shaken(spec, name)
    window = torch.randn(1, 12, 24)
    padded = torch.cat((window, torch.full((1, 9, 24), float("nan"))), 1)
    mask = torch.cat((torch.ones(1, 12), torch.zeros(1, 9)), 1)
    with torch.inference_mode():
        torch.testing.assert_close(head(padded, mask), head(window, torch.ones(1, 12)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", TEMPORAL)
def test_a_window_of_padding_alone_gives_finite_logits(spec: ModelSpec, name: str) -> None:
    with torch.inference_mode():
        assert shaken(spec, name)(torch.randn(2, 10, 24), torch.zeros(2, 10)).isfinite().all()


@pytest.mark.parametrize("name", ORDERED)
def test_these_heads_read_order(spec: ModelSpec, name: str) -> None:
    head = shaken(spec, name)
    window = torch.randn(1, 12, 24)
    with torch.inference_mode():
        assert not torch.allclose(head(window, torch.ones(1, 12)), head(window.flip(1), torch.ones(1, 12)), atol=1e-3)


@pytest.mark.parametrize("name", TEMPORAL)
def test_a_new_head_says_what_its_linear_part_says(spec: ModelSpec, name: str) -> None:
    head = HEADS[name](spec).eval()
    torch.nn.init.normal_(head.skip.weight)
    windows, mask = torch.randn(3, 12, 24), torch.ones(3, 12)
    with torch.inference_mode():
        torch.testing.assert_close(head(windows, mask), head.skip(head.describe(windows, mask)))


def test_the_weights_of_the_house_head_keep_their_names_and_places(spec: ModelSpec) -> None:
    assert list(HEADS["lstm"](spec).state_dict()) == [
        "feature_mean", "feature_scale", "statistics_mean", "statistics_scale", "skip.weight", "skip.bias",
        "project.0.weight", "project.0.bias", "recurrent.weight_ih_l0", "recurrent.weight_hh_l0",
        "recurrent.bias_ih_l0", "recurrent.bias_hh_l0", "out.1.weight", "out.1.bias",
    ]  # fmt: skip


@pytest.mark.parametrize("name", TEMPORAL)
def test_each_head_is_exported_with_open_batch_and_window(spec: ModelSpec, name: str, tmp_path: Path) -> None:
    ov: Any = pytest.importorskip("openvino", reason="exports need openvino")
    head = shaken(spec, name)
    with torch.inference_mode():
        model = ov.convert_model(
            head, example_input=(torch.zeros(2, 16, 24), torch.ones(2, 16)), input=[(-1, -1, 24), (-1, -1)]
        )
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    random = np.random.default_rng(0)
    for clips, steps, real in ((1, 10, 10), (5, 50, 31)):
        windows = random.normal(size=(clips, steps, 24)).astype(np.float32)
        mask = np.zeros((clips, steps), np.float32)
        mask[:, :real] = 1
        with torch.inference_mode():
            expected = head(torch.from_numpy(windows), torch.from_numpy(mask)).numpy()
        np.testing.assert_allclose(compiled([windows, mask])[0], expected, atol=1e-3)
