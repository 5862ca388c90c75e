"""Owns the training loop: head from logistic regression, then every layer end to end; resumable, one line an epoch."""

from __future__ import annotations

import copy
import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from crime_detect_engine.domain.types import NORMAL
from crime_detect_engine.vision.network import Network, build_network, load_trunk, round_weights

from .augment import augment
from .crops import OtherRegions
from .datasets import Footage, Sample
from .folding import fold, unfold
from .initialise import initialise_head, settle_batch_norm
from .mixing import mix, mix_backgrounds, mix_time
from .objective import NETWORK_FILE, Objective, make_objective, save_network
from .order import clip_batches
from .progress import show_progress
from .quickening import quicken
from .recipe import Augmentation, Recipe, Training, augmentations
from .runs import Run, restore_run, save_run
from .soup import cook
from .stopping import METRICS_FILE, best_average, exhausted, hold_out, validate
from .warm_up import warm_up
from .weak import RankingTerms, bag_batches, bag_loss, bags_of, label_of

Report = Callable[[str], None]
STATE_FILE = "state.safetensors"
CPU_CLIPS = 2
"""Clips whose gradients are taken at once on a CPU: a third faster than a batch whose activations fit no cache."""


def train_network(
    recipe: Recipe, samples: Sequence[Sample], data: Path, out: Path, report: Report, footage: Footage
) -> Network:
    """Trains on all `samples`; continues from `out` when a run was cut off. Returns the averaged network in eval mode.

    `data` is where the recipe's start weights lie. Nothing is selected on the way: the epochs are fixed beforehand, or,
    with `patience`, one fold of the samples is held out to tell when to stop. With `soup` several such runs, which
    differ only in what is drawn at random after the start, become one network; with `soup_regions` so many for each
    region, and the start of the head is fitted to what is seen there; with `soup_augmentations` so many for each of
    these.
    """
    settings = recipe.training
    torch.set_num_threads(settings.threads)
    samples = [sample for sample in samples if sample.split != "test"]
    learned, held_out = hold_out(samples) if settings.patience else (samples, [])

    looks: list[Footage] = [OtherRegions(footage, region=region) for region in settings.soup_regions] or [footage]

    @cache
    def prepared(look: int) -> Network:
        network = _placed(recipe, data)
        _prepare(network, recipe, learned, data, report, looks[look])
        return network

    def run_once(place: int, look: int, augmentation: Augmentation, number: int) -> Network:
        folder = out / f"run{place}" if place else out
        folder.mkdir(parents=True, exist_ok=True)
        begun = (folder / STATE_FILE).exists()
        served = _placed(recipe, data) if begun else copy.deepcopy(prepared(look))
        training = replace(settings, seed=settings.seed + number)
        own = replace(recipe, training=training, augmentation=augmentation)
        objective = make_objective(recipe, learned, out, next(served.parameters()).device)
        return _train_run(served, own, objective, learned, held_out, folder, report, looks[look])

    runs = itertools.product(range(len(looks)), augmentations(recipe), range(settings.soup))
    network = cook([run_once(place, *run) for place, run in enumerate(runs)])
    round_weights(network)
    save_network(network, recipe.spec, out / NETWORK_FILE)
    return network


def _placed(recipe: Recipe, data: Path) -> Network:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.training.seed)
    network = start_network(recipe, data)
    network.to(device, memory_format=torch.channels_last)
    return network


def _train_run(
    served: Network, recipe: Recipe, objective: Objective, samples: Sequence[Sample], held_out: Sequence[Sample],
    out: Path, report: Report, footage: Footage,
) -> Network:  # fmt: skip
    network = copy.deepcopy(served)
    fold(network.encoder.trunk)
    if next(network.parameters()).device.type == "cpu":
        quicken(network.encoder.trunk)
    optimizer = _optimizer(network, recipe.training)
    run = Run(network, optimizer, {k: v.clone() for k, v in network.state_dict().items()})
    _learn_epochs(run, recipe, objective, samples, held_out, out, report, footage)
    network.load_state_dict((best_average(out) if held_out else None) or run.average)
    unfold(network.encoder.trunk, served.encoder.trunk)
    served.head.load_state_dict(network.head.state_dict())
    served.eval()
    return served


def _prepare(
    network: Network, recipe: Recipe, samples: Sequence[Sample], data: Path, report: Report, footage: Footage
) -> None:
    if recipe.training.start == "random":
        settle_batch_norm(network, samples, footage)
    if recipe.warm_up.epochs:
        warm_up(network, recipe, samples, data, footage, report)
    accuracy = initialise_head(network, recipe, samples, footage)
    report(json.dumps({"epoch": 0, "initial_train_accuracy": round(accuracy, 4)}))


def _learn_epochs(
    run: Run, recipe: Recipe, objective: Objective, samples: Sequence[Sample], held_out: Sequence[Sample], out: Path,
    report: Report, footage: Footage,
) -> None:  # fmt: skip
    settings = recipe.training
    if (out / STATE_FILE).exists():
        restore_run(run, out / STATE_FILE)
    last = min(settings.epochs, settings.stop_after or settings.epochs)
    while run.epoch < last and not (held_out and exhausted(out, settings.patience)):
        found = train_one_epoch(run, recipe, samples, footage, objective)
        if held_out:
            found |= validate(run, recipe, held_out, out, footage)
        save_run(run, out / STATE_FILE)
        line = json.dumps(found)
        with (out / METRICS_FILE).open("a", encoding="utf-8") as metrics:
            metrics.write(line + "\n")
        report(line)


def start_network(recipe: Recipe, data: Path) -> Network:
    start = recipe.training.start
    network = build_network(recipe.spec, pretrained=start == "imagenet")
    if start not in ("imagenet", "random"):
        load_trunk(network, data / start)
    return network


def train_one_epoch(
    run: Run, recipe: Recipe, samples: Sequence[Sample], footage: Footage, objective: Objective
) -> dict[str, Any]:
    """One pass over the main samples and this epoch's share of the extra ones."""
    settings = recipe.training
    # Randomness depends on seed and epoch alone, so that a resumed run is the run it would have been.
    random = np.random.default_rng((settings.seed, run.epoch))
    torch.manual_seed(settings.seed * 1000 + run.epoch)
    weak = settings.supervision == "video"
    batches = bag_batches(recipe, samples, random) if weak else clip_batches(recipe, samples, random)
    run.network.train()
    losses, right = [], 0
    for number, batch in enumerate(batches, 1):
        _schedule(run, settings, len(batches) * settings.epochs)
        if weak:
            loss, hits = _learn_bags(run, recipe, batch, footage, random)
        else:
            loss, hits = _learn(run, recipe, batch, footage, random, objective)
        _average(run, settings.average_decay)
        show_progress(f"epoch {run.epoch + 1}/{settings.epochs}", number, len(batches))
        run.step += 1
        losses.append(loss)
        right += hits
    run.epoch += 1
    return {
        "epoch": run.epoch,
        "loss": round(float(np.mean(losses)), 4),
        "train_accuracy": round(right / sum(len(bags_of(batch)) if weak else len(batch) for batch in batches), 4),
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
    run: Run, recipe: Recipe, batch: Sequence[Sample], footage: Footage, random: np.random.Generator,
    objective: Objective,
) -> tuple[float, int]:  # fmt: skip
    clips, targets = _draw(recipe, batch, footage, random)
    network, optimizer = run.network, run.optimizer
    device = next(network.parameters()).device
    step = recipe.training.micro_batch or (CPU_CLIPS if device.type == "cpu" else len(clips))
    optimizer.zero_grad(set_to_none=True)
    total, right = 0.0, 0
    for start in range(0, len(clips), step):
        own = clips[start : start + step]
        with torch.no_grad():
            said = [forward_clips(teacher, own) for teacher in objective.teachers]
        logits = forward_clips(network, own)
        wanted = objective.soften(targets[start : start + step].to(device), said)
        loss = objective.loss(logits, wanted) * (len(own) / len(clips))
        loss.backward()
        total += float(loss.detach())
        right += int((logits.argmax(1) == wanted.argmax(1)).sum())
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    return total, right


def _learn_bags(
    run: Run, recipe: Recipe, batch: Sequence[Sample], footage: Footage, random: np.random.Generator
) -> tuple[float, int]:
    """The same for pieces of whole videos, of which only the videos' labels are believed."""
    settings, options = recipe.training, recipe.augmentation
    unmixed = replace(recipe, augmentation=replace(options, mixup=0.0, time_mix=0.0))
    bags, normal = bags_of(batch), recipe.spec.labels.index(NORMAL)
    clips, _ = _draw(unmixed, [piece for bag in bags for piece in bag], footage, random)
    logits = forward_clips(run.network, clips).split([len(bag) for bag in bags])
    terms = RankingTerms(settings.smoothness, settings.sparsity)
    loss, right = bag_loss(logits, [label_of(bag, normal) for bag in bags], normal, terms)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    return float(loss.detach()), right


def _draw(
    recipe: Recipe, batch: Sequence[Sample], footage: Footage, random: np.random.Generator
) -> tuple[list[Any], Tensor]:
    """The composed inputs of a batch, randomly changed, and their targets [N, C]."""
    spec, options = recipe.spec, recipe.augmentation
    frames = int(random.integers(spec.min_frames, spec.frames + 1)) + (spec.lag if spec.input == "difference" else 0)
    pictures, looks = [], []
    for sample in batch:
        pictures.append(augment(sample.clip, frames, options, random))
        zoom = float(np.exp(random.uniform(-options.zoom, options.zoom)))
        looks.append((zoom, str(random.choice(options.regions)) if options.regions else None))
    pictures = mix_backgrounds(pictures, options.background, random)
    clips = [footage.compose(clip, *look) for clip, look in zip(pictures, looks, strict=True)]
    targets = functional.one_hot(torch.tensor([s.label for s in batch]), len(spec.labels)).float()
    clips, targets = mix(clips, targets, options.mixup, random)
    return mix_time(clips, targets, options.time_mix, random)


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
