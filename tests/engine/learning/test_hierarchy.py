"""Owns the proof that a coarse class is the sum of its fine ones, in the loss and in the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import voluptuous as vol
from crime_detect_engine.learning.recipe import parse_recipe

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.hierarchy import coarse_classes, coarse_figures, coarse_loss  # noqa: E402

LABELS = ("normal", "abuse", "burglary", "fighting", "stealing")
HIERARCHY = {"violence": ["abuse", "fighting"], "property": ["burglary", "stealing"]}


def test_a_mistake_within_a_coarse_class_costs_less() -> None:
    names, matrix = coarse_classes(LABELS, HIERARCHY)
    assert names == ["normal", "violence", "property"]
    truth = torch.eye(5)[[1, 1, 1]]
    said = 6 * torch.eye(5)[[1, 3, 2]]
    right, near, far = coarse_loss(said, truth, torch.from_numpy(matrix)).tolist()
    assert right == pytest.approx(near, abs=1e-4)
    assert near < 0.05 < 5 < far


def test_the_term_teaches_the_coarse_class_alone() -> None:
    """Gradients pull towards the whole group: fine classes of it gain alike."""
    logits = torch.zeros(1, 5, requires_grad=True)
    matrix = torch.from_numpy(coarse_classes(LABELS, HIERARCHY)[1])
    coarse_loss(logits, torch.eye(5)[[2]], matrix).sum().backward()
    gains = (-logits.grad[0]).tolist()
    assert gains[2] == pytest.approx(gains[4])
    assert gains[2] > 0 > max(gains[0], gains[1], gains[3])


def test_coarse_figures_forgive_what_stays_within_a_class() -> None:
    labels = np.array([0, 1, 2, 3, 4])
    probabilities = np.eye(5)[[0, 3, 4, 3, 1]] * 0.9 + 0.02
    found = coarse_figures(labels, probabilities, LABELS, HIERARCHY)
    assert found["classes"] == ["normal", "violence", "property"]
    assert found["accuracy"] == 0.8
    assert found["confusion"] == [[1, 0, 0], [0, 2, 0], [0, 1, 1]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('violence = ["fighting", "abuse"]', "'abuse' is no class of incidents"),
        ('calm = ["normal"]', "'normal' is no class of incidents"),
        ('violence = ["fighting"]\nharm = ["fighting"]', "below two coarse classes"),
        ('fighting = ["fighting"]', "a coarse class needs another name"),
    ],
)
def test_a_hierarchy_that_cannot_be_is_refused(recipe_text: str, table: str, message: str) -> None:
    with pytest.raises(vol.Invalid, match=message):
        parse_recipe(f"{recipe_text}\n[hierarchy]\n{table}\n")
    assert parse_recipe(f'{recipe_text}\n[hierarchy]\nviolence = ["fighting"]').hierarchy == {"violence": ["fighting"]}


def test_the_report_of_a_recipe_with_a_hierarchy_has_both_levels(recipe_text: str, tmp_path: Path) -> None:
    from crime_detect_engine.learning.commands import evaluate_scores
    from crime_detect_engine.learning.scoring import ScoredClip, write_scores
    from crime_detect_engine.training import ServingFootage

    recipe = tmp_path / "recipe.toml"
    text = recipe_text.replace('labels = ["normal", "fighting"]', 'labels = ["normal", "abuse", "fighting"]')
    recipe.write_text(f'{text}\n[hierarchy]\nviolence = ["abuse", "fighting"]\n')
    for fold in (0, 1):
        # Abuse is always taken for fighting, and all else is right.
        clips = [
            ScoredClip(f"{fold}{n}.mp4", n % 3, f"s{fold}{n}", fold, "", False, (tuple(5.0 * np.eye(3)[said]),))
            for n, said in enumerate([0, 2, 2] * 3)
        ]
        (tmp_path / f"run/fold{fold}").mkdir(parents=True)
        write_scores(tmp_path / f"run/fold{fold}/scores.json", clips)
    report = evaluate_scores(recipe, [tmp_path / "run"], None, ServingFootage).report
    assert report["parts"]["all"]["after_scaling"]["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    assert report["coarse"]["classes"] == ["normal", "violence"]
    assert report["coarse"]["accuracy"] == 1
