"""Owns the options of a recipe's tables, with the defaults that mean what recipes without them always meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class DataFolder:
    """One folder of clips below `--data`. `label` set: every video below it is of that class (hard negatives)."""

    folder: str = "."
    groups: str | None = None
    label: str | None = None
    clips_per_epoch: int | None = None
    licence: str = "unknown"
    source: str = ""
    layout: str = "folders"
    """How the folder says what its videos are; see layouts/."""
    classes: dict[str, str] = field(default_factory=dict)
    """Classes of the set → ours, where they differ from the usual ones."""
    partial: bool = False
    """Videos that the set lists may be missing."""
    pieces_per_video: int | None = None
    """Bounds what is kept of a long training video: so many pieces of its incidents, so many of the rest."""


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strengths of the random changes to a clip; probabilities are per clip."""

    flip: float = 0.5
    min_scale: float = 0.75
    brightness: float = 0.25
    contrast: float = 0.25
    gamma: float = 0.3
    noise: float = 4.0
    dropout: float = 0.1
    speed: float = 1.25
    splice: float = 0.15
    mixup: float = 0.3
    reverse: float = 0.0
    """Plays the clip backwards."""
    negative: float = 0.0
    """Bright becomes dark: what moves may be either before its background."""
    grey: float = 0.0
    """As infrared cameras see."""
    zoom: float = 0.2
    """Of the region that follows motion: its side is changed by up to this factor's exponential."""
    regions: tuple[str, ...] = ()
    """Each clip is seen in one of these, drawn anew each time; none: in the model's own."""
    blur: float = 0.0
    """A soft lens."""
    compression: float = 0.0
    """The blocks of a cheap encoder: JPEG of quality 8 to 40."""
    rescale: float = 0.0
    """Fewer pixels: shrunk up to three times and enlarged again."""
    night: float = 0.0
    """Infrared at night: grey, dark and grainy."""
    colour: float = 0.0
    """How far saturation and hue may move, 0 to 1."""
    background: float = 0.0
    """Another clip's still background under the movement."""
    time_mix: float = 0.0
    """A stretch of time of another clip, its label by the length (CutMix over time)."""


@dataclass(frozen=True, slots=True)
class Training:
    """The loop's settings. `start` is a safetensors file below `--data`, `imagenet` (torchvision) or `random`."""

    start: str = "imagenet"
    seed: int = 7
    seeds: tuple[int, ...] = ()
    """Further seeds that the folds are measured with; the shipped weights have `seed`."""
    epochs: int = 6
    soup: int = 1
    """Runs from the same start, with the seeds from `seed` on, whose weights are averaged: see soup.py."""
    soup_regions: tuple[str, ...] = ()
    """As many runs for each of these regions, all averaged; the model is served with its own. None: that alone."""
    soup_augmentations: tuple[dict[str, Any], ...] = ()
    """As many runs with each of these changes of `[augmentation]`, all averaged. None: with it as it stands."""
    batch: int = 8
    trunk_lr: float = 1e-4
    first_layer_factor: float = 0.25
    recurrent_lr: float = 1e-3
    skip_lr: float = 2e-5
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    warmup: float = 0.1
    average_decay: float = 0.97
    initial_c: float = 0.003
    extra_weight: float = 0.3
    threads: int = 2
    balance: str = "none"
    """Whether classes (`class`), and sources within them (`class+source`), are drawn equally often."""
    supervision: str = "clip"
    """`video`: labels hold for whole videos, of which some piece shows the incident; see weak.py."""
    bag_pieces: int = 16
    """Of a video at once, with labels of videos."""
    smoothness: float = 8e-5
    sparsity: float = 8e-5
    hierarchy_weight: float = 0.0
    """Of the loss between the coarse classes of `[hierarchy]`."""
    folds: int = 4
    configurations_tried: int = 1
    micro_batch: int = 0
    """Clips whose gradients are taken at once, summed over the batch; 0: what suits the device."""
    patience: int = 0
    """Stops when one held-out fold of the training clips got no better for so many epochs; 0: never."""
    stop_after: int = 0
    """Ends after so many epochs of the schedule; 0: at its end."""
    class_weights: bool = False
    """Every class weighs the same, however many clips it has."""
    teachers: tuple[str, ...] = ()
    """Folders of finished runs with the same folds: their mean answer is learned beside the labels."""
    teacher_share: float = 0.7
    test_zooms: tuple[float, ...] = (1.0,)
    """Regions of these sizes are averaged where the folds are scored. A live camera looks once."""


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Learning from clips without their labels, before the head starts: was it played as filmed, and how fast."""

    epochs: int = 0
    lr: float = 1e-4
    batch: int = 8
    frames: int = 8
    folders: tuple[str, ...] = ()
    """Folders of further videos below `--data`; they must hold none that the folds are measured on."""


@dataclass(frozen=True, slots=True)
class Search:
    """Choosing among settings, on inner folds only. `keys`: `training.…` or `augmentation.…` → the values to try."""

    method: str = "grid"
    trials: int = 8
    seed: int = 0
    keys: dict[str, list[Any]] = field(default_factory=dict)
