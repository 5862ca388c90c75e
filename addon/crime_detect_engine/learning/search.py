"""Owns the choice among settings: made on inner folds, reported on outer ones that had no say in it (nested)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from crime_detect_engine.domain.types import NORMAL

from .crops import score_crops
from .datasets import Footage, Sample
from .metrics import roc_area, softmax
from .recipe import Recipe, Search, changed
from .scoring import ScoredClip, clip_arrays, read_scores, write_scores
from .stopping import usual_epoch
from .train import Report, train_network

FOUND_FILE = "found.json"


@dataclass(frozen=True, slots=True)
class Found:
    """`scored`: every fold by the settings that the other folds chose. `report` says what was tried and chosen."""

    scored: list[ScoredClip]
    report: dict[str, Any]


def list_trials(search: Search) -> list[dict[str, Any]]:
    """The settings to try: the whole grid in order, or as many different ones by lot."""
    grid = [dict(zip(search.keys, values, strict=True)) for values in product(*search.keys.values())]
    if search.method == "grid":
        return grid
    random = np.random.default_rng(search.seed)
    return [grid[i] for i in sorted(random.permutation(len(grid))[: search.trials])]


def nested_search(
    recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, report: Report, footage: Footage
) -> Found:
    """Tries all settings without each fold and without each pair of folds; what is finished in `work` is kept.

    A run without two folds serves twice: as an inner fold of either. What the whole search chose lies in `work`, for
    `settled`.
    """
    runs = _Runs(recipe, samples, data, work / "search", report, footage)
    by_fold = {fold: runs.choose({fold}) for fold in runs.folds}
    scored = [clip for fold, trial in by_fold.items() for clip in runs.scores(trial, {fold}, fold)]
    final = runs.choose(set())
    found = {
        "method": recipe.search.method,
        "keys": {key: list(values) for key, values in recipe.search.keys.items()},
        "configurations": len(runs.trials),
        "chosen": runs.trials[final],
        "chosen_by_fold": {str(fold): runs.trials[trial] for fold, trial in by_fold.items()},
    }
    (work / "search" / FOUND_FILE).write_text(json.dumps(found | {"trial": final}), encoding="utf-8")
    return Found(scored, found)


def settled(recipe: Recipe, work: Path) -> Recipe:
    """The recipe that all folds together ask for: what a search chose, and as many epochs as stopping early took."""
    runs, kept = work, work / "search" / FOUND_FILE
    if recipe.search.keys and kept.exists():
        found: Mapping[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        recipe, runs = changed(recipe, found["chosen"]), work / "search" / f"trial{found['trial']}"
    usual = usual_epoch(runs) if recipe.training.patience else None
    if usual is None:
        return recipe
    return replace(recipe, training=replace(recipe.training, patience=0, stop_after=usual))


class _Runs:
    """Trained networks by what was tried and which folds they never saw."""

    def __init__(
        self, recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, report: Report, footage: Footage
    ) -> None:
        self.trials = list_trials(recipe.search)
        self.folds = sorted({sample.fold for sample in samples if not sample.extra})
        self._recipe, self._samples, self._data = recipe, samples, data
        self._work, self._report, self._footage = work, report, footage

    def choose(self, unseen: set[int]) -> int:
        """The trial that ranks the other folds best, each scored by a run that saw neither it nor `unseen`."""
        return max(range(len(self.trials)), key=lambda trial: (self._area(trial, unseen), -trial))

    def _area(self, trial: int, unseen: set[int]) -> float:
        inner = [fold for fold in self.folds if fold not in unseen]
        clips = [clip for fold in inner for clip in self.scores(trial, unseen | {fold}, fold) if not clip.extra]
        spec = self._recipe.spec
        logits, labels = clip_arrays(spec, clips)
        normal = spec.labels.index(NORMAL)
        return float(roc_area(labels != normal, 1 - softmax(logits)[:, normal]) or 0.0)

    def scores(self, trial: int, unseen: set[int], fold: int) -> list[ScoredClip]:
        folder = self._work / f"trial{trial}" / f"fold{'-'.join(map(str, sorted(unseen)))}"
        kept = {one: folder / f"scores{one}.json" for one in unseen}
        if not all(path.exists() for path in kept.values()):
            recipe = changed(self._recipe, self.trials[trial])
            self._report(json.dumps({"trial": self.trials[trial], "without_folds": sorted(unseen)}))
            known = [sample for sample in self._samples if sample.fold not in unseen]
            network = train_network(recipe, known, self._data, folder, self._report, self._footage)
            for one, path in kept.items():
                own = [sample for sample in self._samples if sample.fold == one]
                write_scores(path, score_crops(network, recipe, own, self._footage))
        return read_scores(kept[fold])
