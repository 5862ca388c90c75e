"""Owns the training loop: head from logistic regression, then every layer end to end; resumable, one line an epoch."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from crime_detect_engine.vision.network import Network, build_network, load_trunk, round_weights

from .augment import augment
from .datasets import Footage, Sample
from .folding import fold, unfold
from .initialise import initialise_head, settle_batch_norm
from .quickening import quicken
from .recipe import Recipe, Training

Report = Callable[[str], None]


@dataclass(slots=True)
class Run:
    """Everything that changes while a network learns; `average` is the moving average that is kept at the end."""

    network: Network
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    epoch: int = 0
    step: int = 0


def train_network(
    recipe: Recipe, samples: Sequence[Sample], data: Path, out: Path, report: Report, footage: Footage
) -> Network:
    """Trains on all `samples`; continues from `out` when a run was cut off. Returns the averaged network in eval mode.

    `data` is where the recipe's start weights lie. Nothing is selected on the way: the epochs are fixed beforehand.
    """
    settings = recipe.training
    torch.set_num_threads(settings.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    state_file = out / "state.safetensors"
    network = start_network(recipe, data)
    network.to(device, memory_format=torch.channels_last)
    resumed = state_file.exists()
    if not resumed:
        if settings.start == "random":
            settle_batch_norm(network, samples, footage)
        accuracy = initialise_head(network, recipe, samples, footage)
        report(json.dumps({"epoch": 0, "initial_train_accuracy": round(accuracy, 4)}))
    served, network = network, copy.deepcopy(network)
    fold(network.encoder.trunk)
    if device.type == "cpu":
        quicken(network.encoder.trunk)
    run = Run(network, _optimizer(network, settings), {k: v.clone() for k, v in network.state_dict().items()})
    if resumed:
        _restore(run, state_file)
    with (out / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
        while run.epoch < settings.epochs:
            line = json.dumps(train_one_epoch(run, recipe, samples, footage))
            _save(run, state_file)
            metrics.write(line + "\n")
            metrics.flush()
            report(line)
    network.load_state_dict(run.average)
    unfold(network.encoder.trunk, served.encoder.trunk)
    served.head.load_state_dict(network.head.state_dict())
    round_weights(served)
    served.eval()
    return served


def start_network(recipe: Recipe, data: Path) -> Network:
    start = recipe.training.start
    network = build_network(recipe.spec, pretrained=start == "imagenet")
    if start not in ("imagenet", "random"):
        load_trunk(network, data / start)
    return network


def train_one_epoch(run: Run, recipe: Recipe, samples: Sequence[Sample], footage: Footage) -> dict[str, Any]:
    """One pass over the main samples and this epoch's share of the extra ones."""
    settings = recipe.training
    # Randomness depends on seed and epoch alone, so that a resumed run is the run it would have been.
    random = np.random.default_rng((settings.seed, run.epoch))
    torch.manual_seed(settings.seed * 1000 + run.epoch)
    order = _epoch_order(recipe, samples, random)
    steps = math.ceil(len(order) / settings.batch)
    run.network.train()
    losses, right = [], 0
    for start in range(0, len(order), settings.batch):
        batch = [samples[i] for i in order[start : start + settings.batch]]
        _schedule(run, settings, steps * settings.epochs)
        loss, hits = _learn(run, recipe, batch, footage, random)
        _average(run, settings.average_decay)
        run.step += 1
        losses.append(loss)
        right += hits
    run.epoch += 1
    return {
        "epoch": run.epoch,
        "loss": round(float(np.mean(losses)), 4),
        "train_accuracy": round(right / len(order), 4),
    }


def forward_clips(network: Network, clips: Sequence[np.ndarray[Any, np.dtype[np.uint8]]]) -> Tensor:
    """Logits of composed clips of different lengths; only real frames go through the CNN."""
    device = next(network.parameters()).device
    images = torch.from_numpy(np.concatenate(clips)).to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        features = network.encoder(images)
    lengths = [len(clip) for clip in clips]
    windows = pad_sequence(list(features.float().split(lengths)), batch_first=True)
    mask = pad_sequence([torch.ones(n, device=device) for n in lengths], batch_first=True)
    logits: Tensor = network.head(windows, mask)
    return logits


def _learn(
    run: Run, recipe: Recipe, batch: Sequence[Sample], footage: Footage, random: np.random.Generator
) -> tuple[float, int]:
    spec, settings, options = recipe.spec, recipe.training, recipe.augmentation
    network, optimizer = run.network, run.optimizer
    frames = int(random.integers(spec.min_frames, spec.frames + 1)) + (spec.lag if spec.input == "difference" else 0)
    clips = [
        footage.compose(
            augment(s.clip, frames, options, random), float(np.exp(random.uniform(-options.zoom, options.zoom)))
        )
        for s in batch
    ]
    targets = functional.one_hot(torch.tensor([s.label for s in batch]), len(spec.labels)).float()
    clips, targets = mix(clips, targets, options.mixup, random)
    logits = forward_clips(network, clips)
    targets = targets.to(logits.device)
    loss = functional.cross_entropy(logits, targets, label_smoothing=settings.label_smoothing)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return float(loss.detach()), int((logits.argmax(1) == targets.argmax(1)).sum())


def mix(clips: list[Any], targets: Tensor, probability: float, random: Any) -> tuple[list[Any], Tensor]:
    """Mixup: blends each clip with another of the batch over their common length, labels likewise."""
    if random.random() >= probability:
        return clips, targets
    share = float(random.beta(0.4, 0.4))
    share = max(share, 1 - share)
    order = random.permutation(len(clips))
    mixed = []
    for clip, other in zip(clips, (clips[i] for i in order), strict=True):
        length = min(len(clip), len(other))
        blend = share * clip[:length].astype(np.float32) + (1 - share) * other[:length]
        mixed.append(np.rint(blend).astype(np.uint8))
    return mixed, share * targets + (1 - share) * targets[torch.from_numpy(order)]


def _epoch_order(recipe: Recipe, samples: Sequence[Sample], random: Any) -> list[int]:
    chosen = [i for i, s in enumerate(samples) if not s.extra]
    for folder in recipe.data:
        if folder.label is None:
            continue
        extra = [i for i, s in enumerate(samples) if s.extra and s.origin == folder.folder]
        count = min(len(extra), folder.clips_per_epoch or len(extra))
        chosen += [int(i) for i in random.choice(extra, count, replace=False)] if extra else []
    return [int(i) for i in random.permutation(chosen)]


def _optimizer(network: Network, settings: Training) -> torch.optim.Optimizer:
    """Learning rates rise from the first layer of the trunk to its last; the skip moves least, it starts fitted."""
    layers = list(network.encoder.trunk.parameters())
    groups = []
    for i, parameter in enumerate(layers):
        depth = i / max(1, len(layers) - 1)
        rate = settings.trunk_lr * (settings.first_layer_factor + (1 - settings.first_layer_factor) * depth)
        groups.append({"params": [parameter], "lr": rate, "base_lr": rate})
    for name, parameter in network.head.named_parameters():
        rate = settings.skip_lr if name.startswith("skip") else settings.recurrent_lr
        groups.append({"params": [parameter], "lr": rate, "base_lr": rate})
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)


def _schedule(run: Run, settings: Training, total: int) -> None:
    """Linear warm-up, then a half cosine to zero."""
    warmup = max(1.0, settings.warmup * total)
    progress = max(0.0, (run.step - warmup) / max(1.0, total - warmup))
    factor = min((run.step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))
    for group in run.optimizer.param_groups:
        group["lr"] = group["base_lr"] * factor


def _average(run: Run, decay: float) -> None:
    decay = min(decay, (run.step + 1) / (run.step + 10))
    with torch.no_grad():
        for name, value in run.network.state_dict().items():
            if value.dtype.is_floating_point:
                run.average[name].lerp_(value, 1 - decay)


def _save(run: Run, path: Path) -> None:
    tensors = {f"network.{k}": v for k, v in run.network.state_dict().items()}
    tensors |= {f"average.{k}": v for k, v in run.average.items()}
    for index, state in run.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in state.items()}
    tensors["progress"] = torch.tensor([run.epoch, run.step])
    partial = path.with_suffix(".partial")
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}, str(partial))
    partial.replace(path)


def _restore(run: Run, path: Path) -> None:
    tensors = load_file(str(path), device=str(next(run.network.parameters()).device))
    run.epoch, run.step = (int(v) for v in tensors.pop("progress"))
    run.network.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("network.")})
    run.average = {k[8:]: v for k, v in tensors.items() if k.startswith("average.")}
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    saved = run.optimizer.state_dict()
    run.optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
