"""Owns the proof that a search reports folds that had no say in what was chosen for them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol

pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning import search  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402

TABLE = """
[search]
method = "grid"
[search.keys]
"training.trunk_lr" = [1e-4, 2e-4]
"augmentation.mixup" = [0.0, 0.5]
"""


def test_a_grid_is_tried_whole_and_a_lot_is_drawn_once_each(recipe_text: str) -> None:
    recipe = parse_recipe(recipe_text + TABLE)
    assert len(search.list_trials(recipe.search)) == 4
    drawn = search.list_trials(replace(recipe.search, method="random", trials=3))
    assert len({tuple(trial.items()) for trial in drawn}) == 3


@pytest.mark.parametrize("row", ['"training.trunk_lr" = ["fast"]', '"training.folds" = [2]', '"model.size" = [64]'])
def test_what_cannot_be_searched_is_refused(recipe_text: str, row: str) -> None:
    with pytest.raises(vol.Invalid):
        parse_recipe(recipe_text + f"\n[search.keys]\n{row}\n")


def test_each_fold_is_scored_by_what_the_other_folds_chose(
    recipe_text: str, tmp_path: Path, samples: list[Any], footage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = parse_recipe(recipe_text + '\n[search.keys]\n"training.batch" = [1, 2]\n')
    own = [replace(sample, fold=n // 2 % 3) for n, sample in enumerate(samples[:12])]
    trained: list[tuple[int, tuple[int, ...]]] = []

    def train(recipe: Any, known: Any, _data: Path, out: Path, *_: Any) -> Any:
        out.mkdir(parents=True)
        trained.append((recipe.training.batch, tuple(sorted({s.fold for s in known}))))
        return recipe.training.batch

    def score(batch: Any, _recipe: Any, clips: Any, _footage: Any) -> list[ScoredClip]:
        # Batch 1 is right on fold 0 and wrong elsewhere, batch 2 the other way round.
        right = [(batch == 1) == (clip.fold == 0) for clip in clips]
        return [
            ScoredClip(c.path, c.label, c.group, c.fold, "", False, ((0.0, 2.0 * (2 * c.label - 1) * (2 * r - 1)),))
            for c, r in zip(clips, right, strict=True)
        ]

    monkeypatch.setattr(search, "train_network", train)
    monkeypatch.setattr(search, "score_crops", score)
    found = search.nested_search(recipe, own, tmp_path, tmp_path, lambda _: None, footage)
    chosen = {fold: trial["training.batch"] for fold, trial in found.report["chosen_by_fold"].items()}
    assert chosen["0"] == 2, "fold 0 alone would have chosen 1"
    assert found.report["configurations"] == 2
    assert sorted(clip.path for clip in found.scored) == sorted(sample.path for sample in own)
    assert len(trained) == len(set(trained)) == 2 * 3 + 2 * 3, "a run without two folds serves both as inner fold"
    trained.clear()
    search.nested_search(recipe, own, tmp_path, tmp_path, lambda _: None, footage)
    assert trained == [], "finished runs are kept"
    assert search.settled(recipe, tmp_path).training.batch == found.report["chosen"]["training.batch"]
