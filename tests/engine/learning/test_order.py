"""Owns the proof that an epoch draws what the recipe's balance says, and the same again for the same numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.learning.datasets import Sample
from crime_detect_engine.learning.order import epoch_order
from crime_detect_engine.learning.recipe import Recipe, parse_recipe

EXTRA = '[[data]]\nfolder = "hard"\nlabel = "normal"\nclips_per_epoch = 3\n\n[training]'


@pytest.fixture
def uneven() -> list[Sample]:
    """40 normal clips, 37 of them of one source; 8 fights of two sources; 10 hard negatives."""
    clip = np.zeros((1, 1, 1, 3), np.uint8)
    rows = [(0, "street" if n < 37 else f"s{n}", "", False) for n in range(40)]
    rows += [(1, "bar" if n else "yard", "", False) for n in range(8)] + [(0, "h", "hard", True) for _ in range(10)]
    return [
        Sample(f"{n}.mp4", clip, label, group, 0, origin, extra) for n, (label, group, origin, extra) in enumerate(rows)
    ]


def recipe_of(text: str, balance: str) -> Recipe:
    return parse_recipe(text.replace("[training]", f'{EXTRA}\nbalance = "{balance}"'))


def drawn(recipe: Recipe, samples: list[Sample], *, key: tuple[int, int] = (7, 0)) -> list[int]:
    return epoch_order(recipe, samples, np.random.default_rng(key))


def test_without_balance_every_clip_comes_once(recipe_text: str, uneven: list[Sample]) -> None:
    order = drawn(recipe_of(recipe_text, "none"), uneven)
    assert sorted(i for i in order if i < 48) == list(range(48))
    assert len([i for i in order if i >= 48]) == 3, "a one-label folder gives its share"


def test_balanced_classes_come_equally_often_and_none_of_their_clips_is_left_out(
    recipe_text: str, uneven: list[Sample]
) -> None:
    order = [i for i in drawn(recipe_of(recipe_text, "class"), uneven) if i < 48]
    assert Counter(uneven[i].label for i in order) == {0: 24, 1: 24}
    assert Counter(order[n] for n in range(48) if order[n] >= 40) == dict.fromkeys(range(40, 48), 3)


def test_balanced_sources_come_equally_often_within_their_class(recipe_text: str, uneven: list[Sample]) -> None:
    order = [i for i in drawn(recipe_of(recipe_text, "class+source"), uneven) if i < 48]
    assert Counter(uneven[i].group for i in order) == {"street": 6, "s37": 6, "s38": 6, "s39": 6, "bar": 12, "yard": 12}


@pytest.mark.parametrize("balance", ["none", "class", "class+source"])
def test_the_order_follows_from_seed_and_epoch(recipe_text: str, uneven: list[Sample], balance: str) -> None:
    recipe: Any = recipe_of(recipe_text, balance)
    assert drawn(recipe, uneven) == drawn(recipe, uneven)
    assert drawn(recipe, uneven) != drawn(recipe, uneven, key=(7, 1))
    seen = {i for epoch in range(40) for i in drawn(recipe, uneven, key=(7, epoch))}
    assert seen == set(range(58)), "over the epochs every clip takes its turn"
