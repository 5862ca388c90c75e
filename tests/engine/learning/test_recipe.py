"""Owns the proof that a recipe says everything or is refused by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.learning.recipe import parse_recipe, read_recipe

RECIPES = Path(__file__).resolve().parents[3] / "models" / "recipes"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_projects_recipes_are_valid_and_named_after_their_model(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.limits, "a card must say what the model does not know"
    assert recipe.text == path.read_text()


def test_defaults_are_those_of_imagenet(recipe_text: str) -> None:
    spec = parse_recipe(recipe_text).spec
    assert (spec.mean, spec.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert not spec.trained


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('input = "difference"', 'input = "thermal"', "input"),
        ("epochs = 1", "epoch = 1", "epoch"),
        ("epochs = 1", 'epochs = "many"', "epochs"),
        ("epochs = 1", 'epochs = 1\nsupervision = "video"\nclass_weights = true', "supervision"),
        ("epochs = 1", "epochs = 1\nsoup = 0", "soup"),
        ("epochs = 1", "epochs = 1\nsoup = 2\npatience = 3", "soup"),
        ("epochs = 1", 'epochs = 1\nsoup_regions = ["motion", "elsewhere"]', "full.*motion.*peak.*soup_regions"),
        ("epochs = 1", 'epochs = 1\nsoup_regions = ["peak", "peak"]', "soup_regions"),
        ("epochs = 1", 'epochs = 1\nsoup_regions = ["peak"]\nteachers = ["a"]', "soup_regions: without teachers"),
        (
            "epochs = 1",
            "epochs = 1\nsoup_augmentations = [{}, {nights = 0.2}]",
            r"soup_augmentations.*\[1\]",
        ),
        ("epochs = 1", "epochs = 1\nsoup_augmentations = [{}]\npatience = 3", "soup_augmentations: with a fixed"),
        ("[training]", '[augmentation]\nregions = ["elsewhere"]\n[training]', "full.*motion.*peak.*regions"),
        (
            "epochs = 1",
            'epochs = 1\nsoup_regions = ["peak"]\nsoup_augmentations = [{regions = ["full"]}]',
            "augmentation.regions: without training.soup_regions",
        ),
        ('name = "tiny"', 'name = "../tiny"', "name"),
        ("[training]", "[training", "line"),
        ('labels = ["normal", "fighting"]', 'labels = ["normal"]', "labels"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, recipe_text: str, old: str, new: str, words: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(recipe_text.replace(old, new))
    with pytest.raises(ConfigError, match=rf"wrong\.toml: .*{words}"):
        read_recipe(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_recipe(tmp_path / "none.toml")
