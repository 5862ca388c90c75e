"""Owns early stopping: one fold of the training samples tells when; it is never the fold that is reported."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file
from torch import Tensor

from crime_detect_engine.domain.errors import InvalidInputError

from .datasets import Footage, Sample
from .metrics import softmax
from .recipe import Recipe
from .runs import Run
from .scoring import clip_arrays, score_clips

METRICS_FILE = "metrics.jsonl"
BEST_FILE = "best.safetensors"


def hold_out(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """What is learned, and the fold that tells when to stop: the one after the fold that is missing, else the last.

    Raises InvalidInputError when there is no fold to spare.
    """
    folds = sorted({sample.fold for sample in samples if not sample.extra})
    if len(folds) < 2:
        raise InvalidInputError("early stopping (patience) needs two folds or more to train on: raise `folds`")
    missing = next((n for n in range(folds[-1] + 1) if n not in folds), None)
    chosen = folds[-1] if missing is None else min(folds, key=lambda fold: (fold < missing, fold))
    own = [sample for sample in samples if sample.fold == chosen and not sample.extra]
    return [sample for sample in samples if sample.fold != chosen], own


def validate(run: Run, recipe: Recipe, held_out: Sequence[Sample], out: Path, footage: Footage) -> dict[str, Any]:
    """The averaged network's loss on what is held out; keeps its weights in `out` while they are the best so far."""
    learning = {name: value.clone() for name, value in run.network.state_dict().items()}
    run.network.load_state_dict(run.average)
    run.network.eval()
    logits, labels = clip_arrays(recipe.spec, score_clips(run.network, recipe.spec, held_out, footage))
    run.network.load_state_dict(learning)
    said = softmax(logits)[np.arange(len(labels)), labels]
    loss = round(float(-np.log(np.clip(said, 1e-12, None)).mean()), 5)
    if loss < min(_losses(out), default=np.inf):
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in run.average.items()}, str(out / BEST_FILE)
        )
    accuracy = float((logits.argmax(1) == labels).mean())
    return {"validation_loss": loss, "validation_accuracy": round(accuracy, 4)}


def exhausted(out: Path, patience: int) -> bool:
    """Whether the loss has not fallen for `patience` epochs."""
    losses = _losses(out)
    return bool(losses) and len(losses) - 1 - int(np.argmin(losses)) >= patience


def best_average(out: Path) -> dict[str, Tensor] | None:
    """The weights that `validate` kept."""
    path = out / BEST_FILE
    return load_file(str(path)) if path.exists() else None


def best_epoch(out: Path) -> int | None:
    """Counted from 1; None for a run without validation."""
    losses = _losses(out)
    return int(np.argmin(losses)) + 1 if losses else None


def usual_epoch(work: Path) -> int | None:
    """The median of the best epochs of a run's folds: how long to train when no fold is left to tell."""
    epochs = [epoch for folder in sorted(work.glob("fold*")) if (epoch := best_epoch(folder)) is not None]
    return round(float(np.median(epochs))) if epochs else None


def _losses(out: Path) -> list[float]:
    path = out / METRICS_FILE
    if not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row["validation_loss"] for row in rows if "validation_loss" in row]
