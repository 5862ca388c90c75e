"""Owns the proof of the training options: what a recipe asks for happens, and what it does not ask for stays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.domain.errors import InvalidInputError  # noqa: E402
from crime_detect_engine.learning.objective import NETWORK_FILE, read_network  # noqa: E402
from crime_detect_engine.learning.recipe import Recipe, parse_recipe  # noqa: E402
from crime_detect_engine.learning.train import train_network  # noqa: E402
from crime_detect_engine.training import ServingFootage  # noqa: E402


def asking(text: str, **training: Any) -> Recipe:
    recipe = parse_recipe(text)
    return replace(recipe, training=replace(recipe.training, **training))


def weights(network: Any) -> dict[str, Any]:
    return {name: value for name, value in network.state_dict().items() if value.dtype.is_floating_point}


def quiet(_: str) -> None: ...


@pytest.fixture
def four(samples: list[Any]) -> list[Any]:
    """Clips of three folds."""
    return [replace(sample, fold=n // 2 % 3) for n, sample in enumerate(samples[:6])]


def test_gradients_of_few_clips_at_a_time_are_those_of_the_batch(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    still = recipe_text.replace("hidden_dim = 8", "hidden_dim = 8\ndropout = 0.0") + "\n[augmentation]\nmixup = 0.0\n"
    found = [
        train_network(asking(still, micro_batch=micro), four, tmp_path, tmp_path / f"by{micro}", quiet, footage)
        for micro in (1, 4)
    ]
    first, second = (weights(network) for network in found)
    for name, value in first.items():
        torch.testing.assert_close(second[name], value, atol=2e-3, rtol=2e-2, msg=name)


def test_a_run_leaves_a_network_that_can_teach_the_same_fold(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    teacher = tmp_path / "teacher" / "fold0"
    first = train_network(asking(recipe_text), four, tmp_path, teacher, quiet, footage)
    spec, kept = read_network(teacher / NETWORK_FILE)
    assert spec == parse_recipe(recipe_text).spec
    for name, value in weights(first).items():
        torch.testing.assert_close(weights(kept)[name], value)
    pupil = asking(recipe_text, teachers=(str(tmp_path / "teacher"),), teacher_share=1.0, seed=8)
    taught = train_network(pupil, four, tmp_path, tmp_path / "pupil" / "fold0", quiet, footage)
    assert not torch.equal(taught.head.skip.weight, first.head.skip.weight)
    with pytest.raises(InvalidInputError, match=r"fold1.*a teacher is the folder of a finished run"):
        train_network(pupil, four, tmp_path, tmp_path / "pupil" / "fold1", quiet, footage)


def test_training_stops_when_the_held_out_fold_gets_no_better(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter([0.5, 0.4, 0.6, 0.7, 0.1])
    scored: list[int] = []

    def losses(_network: Any, spec: Any, samples: Any, _footage: Any) -> Any:
        scored.extend({sample.fold for sample in samples})
        share = np.exp(-next(told))
        from crime_detect_engine.learning.scoring import ScoredClip

        odds = float(np.log(share / (1 - share)))
        windows = {0: ((odds, 0.0),), 1: ((0.0, odds),)}
        return [ScoredClip(s.path, s.label, s.group, s.fold, "", False, windows[s.label]) for s in samples]

    monkeypatch.setattr("crime_detect_engine.learning.stopping.score_clips", losses)
    recipe = asking(recipe_text, epochs=9, patience=2)
    without = [sample for sample in four if sample.fold != 0]
    train_network(recipe, without, tmp_path, tmp_path / "fold0", quiet, footage)
    lines = [json.loads(line) for line in (tmp_path / "fold0" / "metrics.jsonl").read_text().splitlines()]
    assert [line["validation_loss"] for line in lines] == [0.5, 0.4, 0.6, 0.7]
    assert set(scored) == {1}, "the fold after the one that is reported tells when to stop"


def test_warming_up_moves_the_trunk_before_the_head_starts(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    lines: list[str] = []
    recipe = parse_recipe(recipe_text + "\n[warm_up]\nepochs = 1\nbatch = 3\nframes = 4\n")
    recipe = replace(recipe, training=replace(recipe.training, epochs=0))
    warm = train_network(recipe, four, tmp_path, tmp_path / "warm", lines.append, footage)
    cold = train_network(
        replace(recipe, warm_up=replace(recipe.warm_up, epochs=0)), four, tmp_path, tmp_path / "cold", quiet, footage
    )
    assert "warm_up_epoch" in json.loads(lines[0])
    assert not torch.equal(next(iter(weights(warm).values())), next(iter(weights(cold).values())))


def test_a_model_of_single_pictures_is_trained_found_and_asked(
    four: list[Any], recipe_text: str, tmp_path: Path
) -> None:
    from crime_detect_engine.analysis import analyze_file
    from crime_detect_engine.domain.clock import SystemClock
    from crime_detect_engine.learning.commands import train_samples
    from crime_detect_engine.photos import find_photo_model
    from crime_detect_engine.vision.classifier import load_classifier

    text = recipe_text.replace("mobilenet_v2-lstm", "densenet121").replace("1280", "1024")
    text = text.replace('input = "difference"', "frames = 1\nmin_frames = 1").replace("folds = 2", "folds = 0")
    recipe = parse_recipe(text)
    footage: Any = ServingFootage(recipe.spec)
    train_samples(recipe, four, tmp_path, tmp_path, SystemClock(), quiet, footage)
    assert find_photo_model([tmp_path]) == "tiny"
    cv2.imwrite(str(tmp_path / "a.jpg"), four[1].clip[0])
    answer = analyze_file(tmp_path / "a.jpg", load_classifier("tiny", "cpu", [tmp_path])[0])
    assert len(answer["windows"]) == 1
    assert "note" not in answer, "one picture is all it needs"


def test_a_soup_is_the_mean_of_runs_that_began_alike(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    starts: list[str] = []
    whole = train_network(asking(recipe_text, soup=2), four, tmp_path, tmp_path / "s", starts.append, footage)
    assert sum("initial_train_accuracy" in line for line in starts) == 1, "one start for both"
    alone = train_network(asking(recipe_text), four, tmp_path, tmp_path / "alone", quiet, footage)
    served = weights(whole)
    found = [read_run(tmp_path / "s" / name) for name in ("", "run1")]
    for name in ("head.skip.weight", "head.recurrent.weight_hh_l0"):
        first, second = (tensors[f"average.{name}"] for tensors in found)
        assert not torch.equal(first, second)
        torch.testing.assert_close(served[name], (first + second) / 2, atol=1e-3, rtol=1e-2)
        torch.testing.assert_close(first, weights(alone)[name], atol=1e-3, rtol=1e-2)


def test_a_soup_of_regions_is_the_mean_of_runs_that_followed_each(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    recipe = asking(recipe_text, soup=2, soup_regions=("full", "peak"))
    starts: list[str] = []
    whole = weights(train_network(recipe, four, tmp_path, tmp_path / "s", starts.append, footage))
    assert sum("initial_train_accuracy" in line for line in starts) == 2, "one start for each region"
    found = [read_run(tmp_path / "s" / name) for name in ("", "run1", "run2", "run3")]
    # What a run of the region alone comes to, its second seed included.
    for first, region in ((0, "full"), (2, "peak")):
        alone = parse_recipe(recipe_text.replace('input = "difference"', f'input = "difference"\nregion = "{region}"'))
        alone = replace(alone, training=replace(recipe.training, soup_regions=()))
        train_network(alone, four, tmp_path, tmp_path / region, quiet, ServingFootage(alone.spec))
        for n, name in enumerate(("", "run1")):
            for key, value in read_run(tmp_path / region / name).items():
                torch.testing.assert_close(found[first + n][key], value, msg=f"{region} {name} {key}")
    for name in ("head.skip.weight", "head.recurrent.weight_hh_l0"):
        parts = [tensors[f"average.{name}"] for tensors in found]
        assert not torch.equal(parts[0], parts[2])
        torch.testing.assert_close(whole[name], sum(parts) / 4, atol=1e-3, rtol=1e-2)


def test_a_soup_of_augmentations_is_the_mean_of_runs_that_were_changed_by_each(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    recipe = asking(recipe_text, soup=2, soup_augmentations=({}, {"noise": 60.0}))
    starts: list[str] = []
    whole = weights(train_network(recipe, four, tmp_path, tmp_path / "s", starts.append, footage))
    assert sum("initial_train_accuracy" in line for line in starts) == 1, "one start for all"
    found = [read_run(tmp_path / "s" / name) for name in ("", "run1", "run2", "run3")]
    for first, noise in ((0, recipe.augmentation.noise), (2, 60.0)):
        alone = asking(recipe_text, soup=2)
        alone = replace(alone, augmentation=replace(alone.augmentation, noise=noise))
        train_network(alone, four, tmp_path, tmp_path / str(noise), quiet, footage)
        for n, name in enumerate(("", "run1")):
            for key, value in read_run(tmp_path / str(noise) / name).items():
                torch.testing.assert_close(found[first + n][key], value, msg=f"{noise} {name} {key}")
    name = "head.skip.weight"
    parts = [tensors[f"average.{name}"] for tensors in found]
    assert not torch.equal(parts[0], parts[2])
    torch.testing.assert_close(whole[name], sum(parts) / 4, atol=1e-3, rtol=1e-2)


def test_clips_are_seen_in_the_regions_that_are_asked_for(four: list[Any], recipe_text: str, tmp_path: Path) -> None:
    seen: list[str | None] = []

    class Watched(ServingFootage):
        def compose(self, clip: Any, zoom: float = 1.0, region: Any = None) -> Any:
            seen.append(region)
            return super().compose(clip, zoom, region)

    text = recipe_text.replace('input = "difference"', 'input = "difference"\nregion = "peak"')
    for regions in ((), ("full", "motion")):
        recipe = parse_recipe(text)
        recipe = replace(recipe, augmentation=replace(recipe.augmentation, regions=regions))
        seen.clear()
        footage: Any = Watched(recipe.spec)
        train_network(recipe, four, tmp_path, tmp_path / str(len(regions)), quiet, footage)
        assert {one for one in seen if one} == set(regions)


def test_a_soup_that_was_cut_off_goes_on_where_it_was(
    four: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    whole = train_network(asking(recipe_text, soup=2), four, tmp_path, tmp_path / "whole", quiet, footage)
    train_network(asking(recipe_text), four, tmp_path, tmp_path / "cut", quiet, footage)
    resumed = train_network(asking(recipe_text, soup=2), four, tmp_path, tmp_path / "cut", quiet, footage)
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(resumed)[name], value)


def read_run(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(str(folder / "state.safetensors"))
