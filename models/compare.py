"""Owns the comparison of inputs and temporal models: frozen features of each input, heads on them, networks of clips.

    python models/compare.py inputs --recipe models/recipes/fight-mobilenet_v2-lstm.toml --data DIR
    python models/compare.py heads --recipe models/recipes/fight-motion.toml --data DIR
    python models/compare.py clips --recipe models/recipes/fight-motion.toml --data DIR --size 80 --epochs 6

Each writes an experiment a network to `models/tried`; `python models/list_tried.py` puts them into `models/README.md`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from crime_detect_engine.learning.comparison.clips import cross_validate_clips, make_clip_network
from crime_detect_engine.learning.comparison.frozen import cross_validate_head, frozen_features
from crime_detect_engine.learning.comparison.rows import cpu_ms, describe_input, make_row, write_row
from crime_detect_engine.learning.datasets import Sample, load_samples
from crime_detect_engine.learning.recipe import Recipe, read_recipe
from crime_detect_engine.learning.scoring import ScoredClip
from crime_detect_engine.learning.train import start_network
from crime_detect_engine.training import ServingFootage
from crime_detect_engine.vision.heads import HEADS
from crime_detect_engine.vision.sequences import score_stride
from inputs import INPUTS

HERE = Path(__file__).resolve().parent
HEAD_NAMES = {
    "linear": "logistic regression on statistics, no order",
    "lstm": "LSTM", "gru": "GRU", "rnn": "plain RNN", "attention": "attention pooling",
    "tcn": "causal temporal convolutions", "transformer": "transformer encoder",
}  # fmt: skip

CLIP_NAMES = {
    "convlstm": "ConvLSTM on the 14th block of MobileNetV2 (ImageNet)",
    "cnn3d": "3D-CNN of four layers, random start",
    "video-transformer": "factorised video transformer, 3 + 2 layers, random start",
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures temporal models over the folds of a recipe.")
    kinds = parser.add_subparsers(required=True, dest="kind")
    for kind in ("inputs", "heads", "clips"):
        one = kinds.add_parser(kind)
        one.add_argument("--recipe", type=Path, required=True)
        one.add_argument("--data", type=Path, required=True)
        one.add_argument("--names", nargs="+", help="only these")
        one.add_argument("--seeds", type=int, default=3 if kind == "heads" else 1)
        one.add_argument("--epochs", type=int, default={"inputs": 0, "heads": 20, "clips": 6}[kind])
        one.add_argument("--size", type=int, help="side of the input, default that of the recipe")
        one.add_argument("--source-size", type=int, help="side of the picture it is cut from, likewise")
        one.add_argument("--out", type=Path, default=HERE / "tried")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    {"inputs": compare_inputs, "heads": compare_heads, "clips": compare_clips}[arguments.kind](arguments)


def load(arguments: argparse.Namespace) -> tuple[Recipe, list[Sample], ServingFootage]:
    """The recipe and the clips that are reported: what only trains along is left out of all comparisons."""
    recipe = read_recipe(arguments.recipe)
    size, source_size = arguments.size or recipe.spec.size, arguments.source_size or recipe.spec.source_size
    recipe = replace(recipe, spec=replace(recipe.spec, size=size, source_size=source_size))
    footage = ServingFootage(recipe.spec)
    folders = [folder for folder in recipe.data if folder.label is None]
    loaded = [
        load_samples(arguments.data, folder, recipe.spec, recipe.training.folds, footage)[0] for folder in folders
    ]
    longest: dict[str, Sample] = {}
    for sample in (sample for samples in loaded for sample in samples):
        known = longest.get(sample.path)
        if known is None or len(sample.clip) > len(known.clip):
            longest[sample.path] = sample
    return recipe, list(longest.values()), footage


def compare_inputs(arguments: argparse.Namespace) -> None:
    """Logistic regression on the statistics of frozen features: quick, and what fine-tuning starts from."""
    recipe, samples, _ = load(arguments)
    for name in arguments.names or INPUTS:
        spec = INPUTS[name].changed(recipe.spec)
        own = replace(recipe, spec=spec)
        network = start_network(own, arguments.data).eval()
        features = padded(frozen_features(network, samples, INPUTS[name].footage(spec, arguments.data)), own)
        by_seed = {0: cross_validate_head("linear", own, samples, features, seed=0, epochs=arguments.epochs)}
        pictures = torch.zeros((16, spec.size, spec.size, 3), dtype=torch.uint8)
        with torch.inference_mode():
            trunk_ms = cpu_ms(lambda network=network, pictures=pictures: network.encoder(pictures)) / 16
        follow_ms = INPUTS[name].follow_ms(spec, arguments.data)
        tell(arguments, name, own, by_seed, {
            "name": f"input-{name}",
            "architecture": f"frozen {recipe.spec.network.rsplit('-', 1)[0]} (ImageNet) + logistic regression",
            "augmentation": "none",
            "input": describe_input(spec, INPUTS[name].where),
            "ms_a_frame": round(trunk_ms + follow_ms, 2),
            "note": INPUTS[name].text,
        })  # fmt: skip


def padded(features: Sequence[Any], recipe: Recipe) -> list[Any]:
    """A clip shorter than a window is judged as if its first vector had been there before it."""
    return [np.concatenate([f[:1].repeat(max(0, recipe.spec.min_frames - len(f)), 0), f]) for f in features]


def compare_heads(arguments: argparse.Namespace) -> None:
    recipe, samples, footage = load(arguments)
    network = start_network(recipe, arguments.data).eval()
    features = padded(frozen_features(network, samples, footage), recipe)
    pictures = torch.zeros((16, recipe.spec.size, recipe.spec.size, 3), dtype=torch.uint8)
    with torch.inference_mode():
        trunk_ms = cpu_ms(lambda: network.encoder(pictures)) / 16
    for name in arguments.names or HEAD_NAMES:
        by_seed = {
            seed: cross_validate_head(name, recipe, samples, features, seed=seed, epochs=arguments.epochs)
            for seed in range(arguments.seeds)
        }
        head = HEADS[name](recipe.spec).eval()
        window, mask = torch.zeros(1, recipe.spec.frames, recipe.spec.feature_dim), torch.ones(1, recipe.spec.frames)
        with torch.inference_mode():
            head_ms = cpu_ms(lambda head=head, window=window, mask=mask: head(window, mask))
        weights = sum(p.numel() for p in head.parameters())
        tell(arguments, name, recipe, by_seed, {
            "name": f"frozen-{name}",
            "architecture": f"frozen {recipe.spec.network.rsplit('-', 1)[0]} (ImageNet) + {HEAD_NAMES[name]}",
            "augmentation": "windows only",
            "ms_a_frame": round(trunk_ms + head_ms / score_stride(recipe.spec.fps), 2),
            "note": f"{weights:,} weights in the head, {arguments.epochs} epochs; one CNN pass a new frame",
        })  # fmt: skip


def compare_clips(arguments: argparse.Namespace) -> None:
    recipe, samples, footage = load(arguments)
    for name in arguments.names or CLIP_NAMES:
        by_seed = {
            seed: cross_validate_clips(
                name, recipe, samples, arguments.data, footage, say, seed=seed, epochs=arguments.epochs
            )
            for seed in range(arguments.seeds)
        }
        network = make_clip_network(name, recipe, arguments.data).eval()
        window = torch.zeros((1, recipe.spec.frames, recipe.spec.size, recipe.spec.size, 3), dtype=torch.uint8)
        with torch.inference_mode():
            window_ms = cpu_ms(lambda network=network, window=window: network(window))
        weights = sum(p.numel() for p in network.parameters())
        tell(arguments, name, recipe, by_seed, {
            "name": name,
            "architecture": CLIP_NAMES[name],
            "augmentation": "as in the recipe",
            "ms_a_frame": round(window_ms / score_stride(recipe.spec.fps), 2),
            "note": f"{weights:,} weights, a small run of {arguments.epochs} epochs; sees every frame of a window "
            "again for every score, so it is never served",
        })  # fmt: skip


def tell(
    arguments: argparse.Namespace,
    name: str,
    recipe: Recipe,
    by_seed: Mapping[int, Sequence[ScoredClip]],
    said: Mapping[str, Any],
) -> None:
    command = f"python models/compare.py {arguments.kind} --recipe {arguments.recipe} --data DIR --names {name}"
    command += f" --seeds {arguments.seeds} --epochs {arguments.epochs}"
    command += f" --size {arguments.size}" if arguments.size else ""
    command += f" --source-size {arguments.source_size}" if arguments.source_size else ""
    timed = "torch fp32, one thread"
    row = make_row(
        recipe.spec, by_seed, {"input": describe_input(recipe.spec), **said, "timed": timed, "command": command}
    )
    write_row(arguments.out, row)
    say(f"{row['name']}: accuracy {row['accuracy']}, ROC-AUC {row['roc_auc']}, {row['ms_a_frame']} ms")


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
