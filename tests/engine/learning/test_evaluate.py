"""Owns the proof that pooled figures come from every fold and seed, each kept where it was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.card import write_card  # noqa: E402
from crime_detect_engine.learning.evaluate import build_report, cross_validate_seeds, read_scores  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip, write_scores  # noqa: E402
from crime_detect_engine.learning.subgroups import groups_of  # noqa: E402


@pytest.fixture
def recipe(recipe_text: str) -> Any:
    return parse_recipe(recipe_text.replace("folds = 2", "folds = 2\nseed = 7\nseeds = [7, 8]"))


@pytest.fixture
def by_seed(recipe: Any, samples: Any, footage: Any, tmp_path: Path) -> Any:
    """Folds that were trained before: seed 7 is right everywhere, seed 8 wrong in its first clip."""
    for folder, wrong in ((tmp_path, ()), (tmp_path / "seed8", ("0.mp4",))):
        for fold in (0, 1):
            clips = [
                ScoredClip(
                    s.path, s.label, s.group, s.fold, s.origin, s.extra,
                    ((0.0, 3.0 if (s.label == 1) != (s.path in wrong) else -3.0),), (2.5,),
                )
                for s in samples
                if s.fold == fold
            ]  # fmt: skip
            (folder / f"fold{fold}").mkdir(parents=True)
            write_scores(folder / f"fold{fold}" / "scores.json", clips)
    lines: list[str] = []
    found = cross_validate_seeds(recipe, samples, tmp_path, tmp_path, lines.append, footage)
    assert lines == [], "nothing was trained again"
    return found


def test_each_seed_is_read_from_its_own_folder_and_the_one_that_ships_comes_first(by_seed: Any) -> None:
    assert list(by_seed) == [7, 8]
    assert [clip.windows[0][1] for seed in (7, 8) for clip in by_seed[seed] if clip.path == "0.mp4"] == [-3.0, 3.0]


def test_a_report_has_all_that_a_card_shows(by_seed: Any, samples: Any, recipe: Any) -> None:
    report = build_report(recipe.spec, by_seed[7], by_seed=by_seed, groups=groups_of(samples))
    part = report["parts"]["all"]
    assert part["after_scaling"]["accuracy"] == 1.0
    assert part["by_fold"] == {"0": 1.0, "1": 1.0}
    assert report["seeds"]["mean"]["accuracy"] == pytest.approx((1 + 11 / 12) / 2, abs=1e-4)
    assert sum(found["clips"] for found in report["subgroups"]["light"].values()) == 12
    assert report["false_alerts"]["parts"]["ordinary"]["clips"] == 1
    card = write_card(recipe, recipe.spec, {**report, "configurations_tried": 2})
    for heading in ("### Seeds", "### Thresholds", "As paper S3", "## Errors by what", "## Who may be harmed"):
        assert heading in card


def test_scores_already_scaled_are_left_as_they_are(by_seed: Any, recipe: Any) -> None:
    spec = replace(recipe.spec, temperature=1.7)
    report = build_report(spec, by_seed[8], rescale=False)
    part = report["parts"]["all"]
    assert part["before_scaling"] == part["after_scaling"]
    assert report["temperature"] == 1.7


def test_older_score_files_still_count(by_seed: Any, recipe: Any, tmp_path: Path) -> None:
    old = tmp_path / "fold0" / "scores.json"
    text = old.read_text().replace(', "ends_s": [2.5]', "")
    old.write_text(text)
    assert "ends_s" not in text
    assert {clip.ends_s for clip in read_scores(old)} == {()}
