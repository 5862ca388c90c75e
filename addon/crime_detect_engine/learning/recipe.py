"""Owns the recipe: one TOML file that says how a checkpoint is made, from data to export."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.domain.types import NORMAL, VOCABULARY, ModelSpec

from .layouts import LAYOUTS

BALANCES = ("none", "class", "class+source")
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


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


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything but the pictures."""

    spec: ModelSpec
    title: str
    data: tuple[DataFolder, ...]
    augmentation: Augmentation = field(default_factory=Augmentation)
    training: Training = field(default_factory=Training)
    warm_up: WarmUp = field(default_factory=WarmUp)
    search: Search = field(default_factory=Search)
    limits: tuple[str, ...] = ()
    hierarchy: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Coarse class → the labels below it; what stands below none is a coarse class of its own."""
    text: str = ""
    """The file itself, kept beside the checkpoint."""

    @property
    def name(self) -> str:
        return self.spec.name


_MODEL = {
    vol.Required("name"): vol.Match(r"^[a-z0-9][a-z0-9_.-]{0,63}$"),
    vol.Required("version"): str,
    vol.Required("network"): str,
    vol.Required("labels"): vol.All([str], vol.Length(min=2)),
    vol.Required("feature_dim"): int,
    vol.Optional("title", default=""): str,
    vol.Optional("hidden_dim", default=128): int,
    vol.Optional("dropout", default=0.5): float,
    vol.Optional("frames", default=16): vol.All(int, vol.Range(min=1, max=50)),
    vol.Optional("min_frames", default=10): vol.All(int, vol.Range(min=1, max=50)),
    vol.Optional("fps", default=8.0): vol.Coerce(float),
    vol.Optional("size", default=224): int,
    vol.Optional("input", default="rgb"): vol.In(["rgb", "difference"]),
    vol.Optional("gain", default=2.0): vol.Coerce(float),
    vol.Optional("lag", default=1): vol.All(int, vol.Range(min=1, max=4)),
    vol.Optional("region", default="full"): vol.In(["full", "motion"]),
    vol.Optional("source_size", default=None): vol.Any(int, None),
    vol.Optional("enhance", default="none"): vol.In(["none", "clahe", "denoise", "brightness"]),
    vol.Optional("statistics", default=["mean", "deviation"]): [vol.In(["mean", "deviation", "change", "peak"])],
    vol.Optional("scale", default="unit"): vol.In(["unit", "symmetric"]),
    vol.Optional("mean", default=list(_IMAGENET_MEAN)): vol.All([vol.Coerce(float)], vol.Length(min=3, max=3)),
    vol.Optional("std", default=list(_IMAGENET_STD)): vol.All([vol.Coerce(float)], vol.Length(min=3, max=3)),
    vol.Optional("interpolation", default="bilinear"): vol.In(["bilinear", "area", "bicubic"]),
    vol.Optional("demo", default=False): bool,
}


_KINDS = {
    "bool": bool,
    "int": int,
    "float": vol.Coerce(float),
    "str": str,
    "int | None": vol.Any(int, None),
    "tuple[int, ...]": vol.All([int], vol.Coerce(tuple)),
    "tuple[str, ...]": vol.All([str], tuple),
    "tuple[float, ...]": vol.All([vol.Coerce(float)], vol.Length(min=1), tuple),
    "str | None": vol.Any(str, None),
    "dict[str, str]": {str: vol.In(VOCABULARY)},
}


def _fields(kind: type, **chosen: Collection[str]) -> dict[vol.Optional, Any]:
    """Every field of an option dataclass, checked by its annotation; `chosen` fields are one of these words."""
    kinds = {one.name: _KINDS[str(one.type)] for one in fields(kind)}
    return {vol.Optional(name): vol.In(sorted(chosen[name])) if name in chosen else kinds[name] for name in kinds}


_SEARCHED = sorted(
    f"{table}.{one.name}" for table, kind in (("augmentation", Augmentation), ("training", Training))
    for one in fields(kind) if one.name not in {"folds", "seeds", "configurations_tried"}
)  # fmt: skip

RECIPE_SCHEMA = vol.Schema(
    {
        vol.Required("model"): _MODEL,
        vol.Required("data"): vol.All([_fields(DataFolder, layout=LAYOUTS)], vol.Length(min=1)),
        vol.Optional("augmentation", default={}): _fields(Augmentation),
        vol.Optional("training", default={}): _fields(Training, balance=BALANCES, supervision=("clip", "video")),
        vol.Optional("warm_up", default={}): _fields(WarmUp),
        vol.Optional("search", default={}): {
            vol.Optional("method"): vol.In(["grid", "random"]),
            vol.Optional("trials"): vol.All(int, vol.Range(min=1)),
            vol.Optional("seed"): int,
            vol.Optional("keys"): {vol.In(_SEARCHED): vol.All(list, vol.Length(min=1))},
        },
        vol.Optional("limits", default=[]): [str],
        vol.Optional("hierarchy", default={}): {str: vol.All([str], vol.Length(min=1))},
    }
)


def read_recipe(path: Path) -> Recipe:
    """Raises ConfigError naming the file and the key."""
    try:
        text = path.read_text(encoding="utf-8")
        return parse_recipe(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, vol.Invalid, TypeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_recipe(text: str) -> Recipe:
    """Raises tomllib.TOMLDecodeError, vol.Invalid."""
    content = RECIPE_SCHEMA(tomllib.loads(text))
    model: dict[str, Any] = content["model"]
    return Recipe(
        spec=_spec(model),
        title=model["title"] or model["name"],
        data=tuple(DataFolder(**folder) for folder in content["data"]),
        augmentation=Augmentation(**content["augmentation"]),
        training=Training(**content["training"]),
        warm_up=WarmUp(**content["warm_up"]),
        search=Search(**content["search"]),
        limits=tuple(content["limits"]),
        hierarchy=_checked_hierarchy(content["hierarchy"], model["labels"]),
        text=text,
    )


def _checked_hierarchy(hierarchy: dict[str, list[str]], labels: Sequence[str]) -> dict[str, list[str]]:
    below = [label for fine in hierarchy.values() for label in fine]
    for label in below:
        if label not in labels or label == NORMAL:
            raise vol.Invalid(f"hierarchy: {label!r} is no class of incidents of this model")
        if below.count(label) > 1:
            raise vol.Invalid(f"hierarchy: {label!r} stands below two coarse classes")
    for coarse in set(hierarchy) & set(labels):
        raise vol.Invalid(f"hierarchy: {coarse!r} is a class of the model; a coarse class needs another name")
    return hierarchy


def _spec(model: Mapping[str, Any]) -> ModelSpec:
    mean, std = model["mean"], model["std"]
    return ModelSpec(
        name=model["name"], version=model["version"], network=model["network"], labels=tuple(model["labels"]),
        frames=model["frames"], fps=model["fps"], size=model["size"], input=model["input"], gain=model["gain"],
        mean=(mean[0], mean[1], mean[2]), std=(std[0], std[1], std[2]), scale=model["scale"],
        interpolation=model["interpolation"], feature_dim=model["feature_dim"], hidden_dim=model["hidden_dim"],
        temperature=1.0, min_frames=model["min_frames"], trained=False, options=_options(model),
        demo=model["demo"], lag=model["lag"], region=model["region"], source_size=model["source_size"],
        enhance=model["enhance"],
    )  # fmt: skip


def _options(model: Mapping[str, Any]) -> dict[str, Any]:
    """What the network's head is built with."""
    if model["network"] == "densenet121":
        return {"dropout": model["dropout"]}
    return {"dropout": model["dropout"], "statistics": model["statistics"]}
