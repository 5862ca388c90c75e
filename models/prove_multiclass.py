"""Owns the proof that many classes are learned from the order of movements: hidden scenes, and a control that fails.

`python models/prove_multiclass.py WORK --start FILE` draws the clips, trains the recipe twice and writes
models/reports/crimes-procedural.json. The control is the same network, recipe and clips, with the frames of every clip
in random order at training and at test. Everything here is drawn: nothing of it counts for real incidents.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from crime_detect_engine.analysis import analyze_file
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.types import Image
from crime_detect_engine.learning.commands import train_samples
from crime_detect_engine.learning.cutting import Clip, Cutting, Piece
from crime_detect_engine.learning.datasets import Footage, Sample, load_samples
from crime_detect_engine.learning.initialise import clip_features
from crime_detect_engine.learning.recipe import Recipe, read_recipe
from crime_detect_engine.training import ServingFootage
from crime_detect_engine.vision.checkpoint import WEIGHTS_FILE, Checkpoint
from crime_detect_engine.vision.classifier import load_classifier
from crime_detect_engine.vision.network import Network, restore_network
from datasets.crimes import FIRST_SEED, ORDERS, write_folders
from safetensors.torch import load_file

HERE = Path(__file__).parent
RECIPE = HERE / "recipes" / "crimes-procedural.toml"
REPORT = HERE / "reports" / "crimes-procedural.json"
HIDDEN_SEED = 900_000


class ShuffledFootage:
    """The same pictures in an order that the clip's own pixels draw: the control.

    Pictures, not what is composed of them: the square that follows motion remembers what moved before, so single inputs
    in another order still tell of their order.
    """

    def __init__(self, footage: Footage) -> None:
        self._footage = footage

    def cut(self, path: Path, cutting: Cutting) -> Sequence[tuple[Piece, Clip]]:
        return self._footage.cut(path, cutting)

    def compose(self, clip: Image, zoom: float = 1.0, region: str | None = None) -> Image:
        order = np.random.default_rng(zlib.crc32(clip.tobytes())).permutation(len(clip))
        return self._footage.compose(clip[order], zoom, region)


def prepare(recipe: Recipe, work: Path, options: argparse.Namespace) -> tuple[list[Sample], list[Sample]]:
    """Clips to learn from and hidden ones, drawn where they are not yet."""
    shutil.copyfile(options.start, work / "start.safetensors")
    parts = (("learn", FIRST_SEED, options.scenes), ("hidden", HIDDEN_SEED, options.hidden))
    found = []
    for name, first, count in parts:
        if not (work / name / "crimes" / "clips.csv").exists():
            write_folders(work / name / "crimes", range(first, first + count))
        samples, _ = load_samples(work / name, recipe.data[0], recipe.spec, 1, ServingFootage(recipe.spec))
        found.append(samples)
    return found[0], found[1]


def accuracy(network: Network, recipe: Recipe, samples: Sequence[Sample], footage: Footage) -> dict[str, Any]:
    """By torch, one window a clip."""
    import torch

    table = np.zeros((len(recipe.spec.labels),) * 2, int)
    for sample in samples:
        features = clip_features(network, footage.compose(sample.clip))[: recipe.spec.frames]
        with torch.inference_mode():
            logits = network.head(torch.from_numpy(features)[None], torch.ones(1, len(features)))
        table[sample.label, int(logits.argmax())] += 1
    return _figures(table)


def served(recipe: Recipe, models: Path, hidden: Path) -> dict[str, Any]:
    """By what `crime-detect analyze` does: the file is decoded, sampled and read by OpenVINO."""
    classifier, _ = load_classifier(recipe.name, "openvino", [models])
    labels = recipe.spec.labels
    table = np.zeros((len(labels),) * 2, int)
    for path in sorted((hidden / "crimes").glob("*/*.mp4")):
        answer = analyze_file(path, classifier)
        table[labels.index(path.parent.name), labels.index(answer["label"])] += 1
    classifier.close()
    return {"backend": "openvino", **_figures(table)}


def _figures(table: np.ndarray) -> dict[str, Any]:
    count, right = int(table.sum()), int(np.trace(table))
    recall = np.diag(table) / np.maximum(table.sum(1), 1)
    share = right / count
    # Wilson's interval: clips are of different scenes, so they are independent.
    z = 1.96
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return {
        "clips": count,
        "accuracy": round(share, 4),
        "interval_95": [round(float(middle - half), 4), round(float(middle + half), 4)],
        "recall": [round(float(one), 4) for one in recall],
        "confusion": table.tolist(),
    }


def trained(
    recipe: Recipe, samples: Sequence[Sample], work: Path, footage: Footage, name: str
) -> tuple[Checkpoint, Network]:
    def tell(line: str) -> None:
        sys.stderr.write(f"{name}: {line}\n")

    recipe = replace(recipe, spec=replace(recipe.spec, name=name))
    checkpoint = train_samples(recipe, samples, work, work / "models", SystemClock(), tell, footage)
    return checkpoint, restore_network(checkpoint.spec, load_file(str(checkpoint.path(WEIGHTS_FILE))))


def prove(recipe: Recipe, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    learn, hidden = prepare(recipe, work, options)
    plain = ServingFootage(recipe.spec)
    shuffled = ShuffledFootage(plain)
    _, network = trained(recipe, learn, work, plain, recipe.name)
    _, control = trained(recipe, learn, work, shuffled, f"{recipe.name}-control")
    return {
        "procedural": True,
        "says": "drawn figures: the way from clips to a served model learns order; nothing about real incidents",
        "command": "python models/prove_multiclass.py WORK --start mobilenet_v2_features.safetensors",
        "recipe": RECIPE.name,
        "labels": list(recipe.spec.labels),
        "orders": {label: list(order) for label, order in ORDERS.items()},
        "clips_learned_from": len(learn),
        "first_seed": FIRST_SEED,
        "hidden_first_seed": HIDDEN_SEED,
        "chance": round(1 / len(recipe.spec.labels), 4),
        "served": served(recipe, work / "models", work / "hidden"),
        "hidden_scenes": accuracy(network, recipe, hidden, plain),
        "same_network_on_shuffled_frames": accuracy(network, recipe, hidden, shuffled),
        "control_trained_and_tested_shuffled": accuracy(control, recipe, hidden, shuffled),
        "control_tested_in_order": accuracy(control, recipe, hidden, plain),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="an empty folder; a run that was cut off goes on there")
    parser.add_argument("--start", type=Path, required=True, help="ImageNet's MobileNetV2 features, safetensors")
    parser.add_argument("--scenes", type=int, default=480)
    parser.add_argument("--hidden", type=int, default=240)
    parser.add_argument("--out", type=Path, default=REPORT)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    recipe = read_recipe(RECIPE)
    recipe = replace(recipe, training=replace(recipe.training, start="start.safetensors"))
    report = prove(recipe, options.work, options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps({key: report[key] for key in ("served", "control_trained_and_tested_shuffled")}) + "\n")


if __name__ == "__main__":
    main()
