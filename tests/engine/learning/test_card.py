"""A card says what its report says, and nothing of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from crime_detect_engine.learning.card import write_card
from crime_detect_engine.learning.recipe import read_recipe
from crime_detect_engine.vision.checkpoint import read_checkpoint

MODELS = Path(__file__).resolve().parents[3] / "models"
FINISHED = sorted(path.parent for path in MODELS.glob("*/model.json"))


@pytest.mark.parametrize("folder", FINISHED, ids=lambda folder: folder.name)
def test_the_card_in_the_tree_is_the_one_its_report_gives(folder: Path) -> None:
    spec = read_checkpoint(folder).spec
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    card = write_card(read_recipe(folder / "recipe.toml"), spec, report)
    assert card == (folder / "card.md").read_text(encoding="utf-8")
    for remark in report["remarks"]:
        assert remark in card


def test_a_report_without_measurements_claims_none() -> None:
    folder = FINISHED[0]
    spec = replace(read_checkpoint(folder).spec, name="new-one")
    card = write_card(read_recipe(folder / "recipe.toml"), spec, {})
    assert "Not measured on real footage" in card
    assert "accuracy" not in card.split("## How it was made")[0].split("## Figures")[1]


def test_it_says_which_regions_the_averaged_runs_followed() -> None:
    folder = next(folder for folder in FINISHED if folder.name == "fight-lite")
    recipe = read_recipe(folder / "recipe.toml")
    both = replace(recipe, training=replace(recipe.training, soup=3, soup_regions=("motion", "peak")))
    first = recipe.training.seed
    said = f"mean weights of seeds {first} to {first + 2}, each with the regions motion, peak"
    assert said in write_card(both, read_checkpoint(folder).spec, {})


def test_it_says_what_the_averaged_runs_learned_from() -> None:
    folder = next(folder for folder in FINISHED if folder.name == "fight-lite")
    recipe = read_recipe(folder / "recipe.toml")
    changes = ({}, {"night": 0.2, "noise": 8.0})
    runs = replace(recipe.training, seed=7, soup=2, soup_regions=(), soup_augmentations=changes)
    said = "mean weights of seeds 7 to 8, each with the augmentation as in the recipe; with night 0.2 and noise 8.0"
    assert said in write_card(replace(recipe, training=runs), read_checkpoint(folder).spec, {})
