"""Owns the proof of what a network is asked to say: weights of classes, words of teachers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.objective import Objective, class_weights  # noqa: E402


def test_every_class_weighs_the_same_and_hard_negatives_do_not_count(samples: list[Any]) -> None:
    own = [replace(sample, label=int(n < 3), extra=n == 11) for n, sample in enumerate(samples[:12])]
    weights = class_weights(own, 3)
    assert weights[0] * 8 == pytest.approx(float(weights[1] * 3))
    assert (weights[0] * 8 + weights[1] * 3) / 11 == pytest.approx(1.0)
    assert weights[2] == 1.0, "a class without clips"


def test_a_plain_objective_is_smoothed_cross_entropy() -> None:
    logits, targets = torch.randn(5, 2), torch.eye(2)[[0, 1, 1, 0, 1]]
    plain = Objective(0.1, torch.ones(2))
    expected = torch.nn.functional.cross_entropy(logits, targets, label_smoothing=0.1)
    torch.testing.assert_close(plain.loss(logits, targets), expected)
    assert plain.soften(targets, []) is targets


def test_teachers_are_averaged_and_share_the_word_with_labels() -> None:
    sure, unsure = torch.tensor([[-20.0, 20.0]]), torch.tensor([[0.0, 0.0]])
    softened = Objective(0.0, torch.ones(2), share=0.5).soften(torch.tensor([[1.0, 0.0]]), [sure, unsure])
    torch.testing.assert_close(softened, torch.tensor([[0.625, 0.375]]))
