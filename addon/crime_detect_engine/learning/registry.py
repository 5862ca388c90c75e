"""Owns where trained models go: a complete checkpoint folder, written beside and moved into place."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openvino
import torch
from safetensors.torch import save_file

from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import WEIGHTS_FILE, Checkpoint, read_checkpoint, write_checkpoint
from crime_detect_engine.vision.network import Network, network_tensors

from .card import write_card
from .export import export_openvino
from .recipe import Recipe


def store_model(
    recipe: Recipe, network: Network, report: Mapping[str, Any], manifest: Sequence[str], models: Path
) -> Checkpoint:
    """Writes `models/<name>/` with weights, export, recipe, report and card; replaces an older version whole.

    `manifest` holds the SHA-256 of every video the weights were trained on.
    """
    spec = replace(
        recipe.spec,
        trained=True,
        temperature=float(report.get("temperature", 1.0)),
        metrics=_headline(report),
        training={
            "start": recipe.training.start,
            "seed": recipe.training.seed,
            "epochs": recipe.training.epochs,
            "clips": sorted(manifest),
        },
    )
    models.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{spec.name}.", dir=models))
    folder.chmod(0o755)
    save_file(network_tensors(network), str(folder / WEIGHTS_FILE))
    (folder / WEIGHTS_FILE).chmod(0o644)
    worst = export_openvino(network, spec, folder / "openvino")
    complete = {**report, "parity": float(f"{worst:.1e}")}
    (folder / "recipe.toml").write_text(recipe.text, encoding="utf-8")
    (folder / "report.json").write_text(json.dumps(complete, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "card.md").write_text(write_card(recipe, spec, complete), encoding="utf-8")
    write_checkpoint(folder, spec)
    return replace_model(folder, models / spec.name)


def ship_model(checkpoint: Checkpoint, checkpoints: Path) -> Checkpoint:
    """Copies a checkpoint to where the engine ships it, with the same digests."""
    target = checkpoints / checkpoint.spec.name
    folder = Path(tempfile.mkdtemp(prefix=f".{checkpoint.spec.name}.", dir=checkpoints))
    shutil.copytree(checkpoint.folder, folder, dirs_exist_ok=True)
    folder.chmod(0o755)
    return replace_model(folder, target)


def describe_making(began: datetime, now: datetime) -> dict[str, Any]:
    """Date, hardware, versions and time of a training run, for the card."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{os.cpu_count()} CPU cores"
    return {
        "date": now.astimezone(UTC).date().isoformat(),
        "took_min": round((now - began).total_seconds() / 60),
        "hardware": device,
        "versions": f"torch {torch.__version__.split('+')[0]}, OpenVINO {openvino.__version__.split('-')[0]}",
    }


def _headline(report: Mapping[str, Any]) -> dict[str, Any]:
    whole = report.get("parts", {}).get("all")
    if not whole:
        return {}
    # With several seeds the mean of single networks: the seed that ships may have been lucky.
    after = whole["after_scaling"] | report.get("seeds", {}).get("mean", {})
    return {key: after[key] for key in ("clips", "accuracy", "balanced_accuracy", "roc_auc", "pr_auc", "brier", "ece")}


def replace_model(folder: Path, target: Path) -> Checkpoint:
    """Moves a complete folder into place; an older one is moved aside first, so none is ever half new."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    folder.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return read_checkpoint(target)


def training_clips(spec: ModelSpec) -> frozenset[str]:
    """SHA-256 of the videos a model was trained on."""
    return frozenset(spec.training.get("clips", ()))
