"""Owns the recipe: one TOML file that says how a checkpoint is made, from data to export."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.domain.types import NORMAL, REGIONS, VOCABULARY, ModelSpec

from .layouts import LAYOUTS
from .options import Augmentation, DataFolder, Search, Training, WarmUp

__all__ = [
    "Augmentation", "DataFolder", "Recipe", "Search", "Training", "WarmUp", "augmentations", "changed", "parse_recipe",
    "read_recipe",
]  # fmt: skip

BALANCES = ("none", "class", "class+source")
_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


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
    vol.Optional("gain_rule", default="fixed"): vol.In(["fixed", "contrast"]),
    vol.Optional("lag", default=1): vol.All(int, vol.Range(min=1, max=4)),
    vol.Optional("region", default="full"): vol.In(REGIONS),
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
    "tuple[str, ...]": vol.All([str], vol.Coerce(tuple)),
    "tuple[float, ...]": vol.All([vol.Coerce(float)], vol.Length(min=1), vol.Coerce(tuple)),
    "str | None": vol.Any(str, None),
    "dict[str, str]": {str: vol.In(VOCABULARY)},
    "tuple[dict[str, Any], ...]": [dict],
}


def _fields(kind: type, **chosen: Collection[str]) -> dict[vol.Optional, Any]:
    """Every field of an option dataclass, checked by its annotation; `chosen` fields are (lists of) these words."""
    checks: dict[vol.Optional, Any] = {}
    for one in fields(kind):
        check = _KINDS[str(one.type)]
        if one.name in chosen:
            word = vol.In(sorted(chosen[one.name]))
            check = vol.All([word], vol.Coerce(tuple)) if one.type == "tuple[str, ...]" else word
        checks[vol.Optional(one.name)] = check
    return checks


_AUGMENTATION = _fields(Augmentation, regions=REGIONS)
_TRAINING = _fields(Training, balance=BALANCES, supervision=("clip", "video"), soup_regions=REGIONS) | {
    vol.Optional("soup_augmentations"): vol.All([_AUGMENTATION], vol.Coerce(tuple))
}


_SEARCHED = sorted(
    f"{table}.{one.name}" for table, kind in (("augmentation", Augmentation), ("training", Training))
    for one in fields(kind) if one.name not in {"folds", "seeds", "configurations_tried"}
)  # fmt: skip

RECIPE_SCHEMA = vol.Schema(
    {
        vol.Required("model"): _MODEL,
        vol.Required("data"): vol.All([_fields(DataFolder, layout=LAYOUTS)], vol.Length(min=1)),
        vol.Optional("augmentation", default={}): _AUGMENTATION,
        vol.Optional("training", default={}): _TRAINING,
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
    recipe = Recipe(
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
    if recipe.training.soup < 1 or (recipe.training.soup > 1 and recipe.training.patience):
        raise vol.Invalid("training.soup: at least 1, and with several runs a fixed number of epochs (patience = 0)")
    training = recipe.training
    if len(set(training.soup_regions)) != len(training.soup_regions):
        raise vol.Invalid("training.soup_regions: each once")
    if training.soup_regions and (training.teachers or training.patience):
        raise vol.Invalid("training.soup_regions: without teachers and patience, which look at one region")
    if training.soup_augmentations and training.patience:
        raise vol.Invalid("training.soup_augmentations: with a fixed number of epochs (patience = 0)")
    if training.soup_regions and any(one.regions for one in augmentations(recipe)):
        raise vol.Invalid("augmentation.regions: without training.soup_regions, which name the region of a whole run")
    if training.supervision == "video" and (training.teachers or training.class_weights or recipe.hierarchy):
        raise vol.Invalid('training.supervision: "video" learns without teachers, class_weights and [hierarchy]')
    for key, values in recipe.search.keys.items():
        for value in values:
            changed(recipe, {key: value})
    return recipe


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


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other settings, `training.batch` and the like. Raises vol.Invalid."""
    tables: dict[str, dict[str, Any]] = {"augmentation": {}, "training": {}}
    for key, value in values.items():
        table, _, name = key.partition(".")
        tables[table][name] = value
    return replace(
        recipe,
        augmentation=replace(recipe.augmentation, **vol.Schema(_AUGMENTATION)(tables["augmentation"])),
        training=replace(recipe.training, **vol.Schema(_TRAINING)(tables["training"])),
    )


def augmentations(recipe: Recipe) -> tuple[Augmentation, ...]:
    """What clips are changed by, one for each group of runs that are averaged."""
    changes = recipe.training.soup_augmentations or ({},)
    return tuple(replace(recipe.augmentation, **one) for one in changes)


def _spec(model: Mapping[str, Any]) -> ModelSpec:
    mean, std = model["mean"], model["std"]
    return ModelSpec(
        name=model["name"], version=model["version"], network=model["network"], labels=tuple(model["labels"]),
        frames=model["frames"], fps=model["fps"], size=model["size"], input=model["input"], gain=model["gain"],
        mean=(mean[0], mean[1], mean[2]), std=(std[0], std[1], std[2]), scale=model["scale"],
        interpolation=model["interpolation"], feature_dim=model["feature_dim"], hidden_dim=model["hidden_dim"],
        temperature=1.0, min_frames=model["min_frames"], trained=False, options=_options(model),
        demo=model["demo"], lag=model["lag"], gain_rule=model["gain_rule"], region=model["region"],
        source_size=model["source_size"], enhance=model["enhance"],
    )  # fmt: skip


def _options(model: Mapping[str, Any]) -> dict[str, Any]:
    """What the network's head is built with."""
    if model["network"] == "densenet121":
        return {"dropout": model["dropout"]}
    return {"dropout": model["dropout"], "statistics": model["statistics"]}
