"""Owns the proof that training leaves a whole checkpoint, goes on where it was cut off, and measures honestly."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.domain.clock import SystemClock  # noqa: E402
from crime_detect_engine.domain.errors import InvalidInputError  # noqa: E402
from crime_detect_engine.learning.commands import (  # noqa: E402
    calibrate,
    evaluate_model,
    export,
    train_samples,
)
from crime_detect_engine.learning.cutting import SampledFrame  # noqa: E402
from crime_detect_engine.learning.datasets import Sample  # noqa: E402
from crime_detect_engine.learning.recipe import DataFolder, parse_recipe  # noqa: E402
from crime_detect_engine.learning.train import train_network  # noqa: E402
from crime_detect_engine.training import ServingFootage  # noqa: E402
from crime_detect_engine.vision.checkpoint import file_digest, read_checkpoint, write_checkpoint  # noqa: E402
from crime_detect_engine.vision.classifier import load_classifier  # noqa: E402


def test_the_checkpoint_is_whole_and_serves(trained: Any) -> None:
    models, checkpoint, _ = trained
    names = {"weights.safetensors", "recipe.toml", "report.json", "card.md"}
    assert names <= set(checkpoint.spec.sha256)
    assert checkpoint.has_openvino
    assert checkpoint.spec.training["clips"] == ["a" * 64]
    classifier, note = load_classifier("tiny", "openvino", [models])
    assert note is None
    assert sum(classifier.probabilities([np.zeros((10, 1280), np.float32)])[0].values()) == pytest.approx(1)


def test_every_clip_is_scored_once_by_a_network_that_did_not_see_its_source(trained: Any, samples: Any) -> None:
    models, checkpoint, _ = trained
    report = json.loads((checkpoint.folder / "report.json").read_text())
    assert report["parts"]["all"]["after_scaling"]["clips"] == 12
    assert report["parts"]["all"]["sources"] == 6
    assert report["extra"]["ordinary"]["videos"] == 1
    assert (models / ".work/tiny/curves.html").is_file()
    scored = [row for fold in (0, 1) for row in _scores(models, fold)]
    assert {row["path"]: row["fold"] for row in scored} == {sample.path: sample.fold for sample in samples}


def _scores(models: Path, fold: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((models / f".work/tiny/fold{fold}/scores.json").read_text())
    assert {row["fold"] for row in rows} == {fold}
    return rows


def test_the_card_carries_the_reports_figures_and_the_limits(trained: Any) -> None:
    _, checkpoint, _ = trained
    card = (checkpoint.folder / "card.md").read_text()
    report = json.loads((checkpoint.folder / "report.json").read_text())
    assert "Knows made-up noise only." in card
    assert f"| all | 12 | 6 | {report['parts']['all']['after_scaling']['accuracy']} [" in card


def test_a_finished_run_is_not_trained_again(
    trained: Any, samples: Any, recipe_text: str, tmp_path: Path, footage: Any
) -> None:
    models, checkpoint, _ = trained
    again = Path(shutil.copytree(models, tmp_path / "models"))
    lines: list[str] = []
    repeated = train_samples(parse_recipe(recipe_text), samples, again, again, SystemClock(), lines.append, footage)
    assert not [line for line in lines if "loss" in line]
    assert repeated.spec.sha256["weights.safetensors"] == checkpoint.spec.sha256["weights.safetensors"]


def test_a_run_that_was_cut_off_ends_as_it_would_have(
    samples: Any, recipe_text: str, tmp_path: Path, footage: Any
) -> None:
    recipe = parse_recipe(recipe_text.replace("epochs = 1", "epochs = 2"))
    few = samples[:4]

    def stop_after_the_first_epoch(line: str) -> None:
        if json.loads(line).get("epoch") == 1:
            raise KeyboardInterrupt

    whole = train_network(recipe, few, tmp_path, tmp_path / "whole", lambda _: None, footage)
    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        train_network(recipe, few, tmp_path, tmp_path / "cut", stop_after_the_first_epoch, footage)
    resumed = train_network(recipe, few, tmp_path, tmp_path / "cut", lines.append, footage)
    assert [json.loads(line)["epoch"] for line in lines] == [2]
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, atol=2e-3, rtol=1e-2, msg=name)


def test_all_layers_learn(samples: Any, recipe_text: str, tmp_path: Path, footage: Any) -> None:
    recipe = parse_recipe(recipe_text.replace("epochs = 1", "epochs = 1\ntrunk_lr = 0.01\nskip_lr = 0.01"))
    torch.manual_seed(recipe.training.seed)
    from crime_detect_engine.learning.train import start_network

    before = {name: value.clone() for name, value in start_network(recipe, tmp_path).named_parameters()}
    after = dict(
        train_network(recipe, samples[:4], tmp_path, tmp_path / "run", lambda _: None, footage).named_parameters()
    )
    first, last = "encoder.trunk.0.0.weight", "encoder.trunk.18.0.weight"
    for name in (first, last, "head.recurrent.weight_ih_l0", "head.skip.weight"):
        assert not torch.equal(before[name].half().float(), after[name]), name


@pytest.fixture
def fresh(tmp_path: Path, make_clip: Any) -> Any:
    """A folder of files that stand for clips, and the footage that gives their pictures."""
    for n in range(4):
        path = tmp_path / "data" / ("fighting" if n % 2 else "normal") / f"s{n // 2}_{n}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([n]))

    class MadeUp(ServingFootage):
        def frames(self, path: Path) -> Any:
            clip = make_clip(path.parent.name == "fighting", path.read_bytes()[0])
            return (SampledFrame(n, image, n == 0) for n, image in enumerate(clip))

    return tmp_path / "data", MadeUp


def test_a_model_is_measured_on_new_clips(trained: Any, fresh: Any) -> None:
    data, footage_of = fresh
    report = evaluate_model("tiny", data, DataFolder(), [trained[0]], footage_of, allow_train=False).report
    assert report["trained_on_these_clips"] == 0
    assert report["parts"]["all"]["after_scaling"]["clips"] == 4


def test_clips_it_was_trained_on_are_refused_unless_the_report_says_so(
    trained: Any, fresh: Any, tmp_path: Path
) -> None:
    data, footage_of = fresh
    models = Path(shutil.copytree(trained[0], tmp_path / "models", ignore=shutil.ignore_patterns(".work")))
    seen = file_digest(data / "normal" / "s0_0.mp4")
    spec = read_checkpoint(models / "tiny").spec
    write_checkpoint(models / "tiny", replace(spec, training={**spec.training, "clips": [seen]}))
    with pytest.raises(InvalidInputError, match=r"trained on 1 of 4 clips \(normal/s0_0\.mp4"):
        evaluate_model("tiny", data, DataFolder(), [models], footage_of, allow_train=False)
    measured = evaluate_model("tiny", data, DataFolder(), [models], footage_of, allow_train=True)
    assert measured.report["trained_on_these_clips"] == 1
    assert "was trained on" in measured.report["split"]


def test_a_users_model_can_be_calibrated_and_a_shipped_one_cannot(trained: Any, fresh: Any, tmp_path: Path) -> None:
    data, footage_of = fresh
    models = Path(shutil.copytree(trained[0], tmp_path / "models", ignore=shutil.ignore_patterns(".work")))
    temperature = calibrate("tiny", data, DataFolder(), [models], footage_of)
    assert read_checkpoint(models / "tiny").spec.temperature == temperature
    with pytest.raises(InvalidInputError, match="is shipped"):
        calibrate("default", data, DataFolder(), [models], footage_of)


def test_an_export_says_what_the_network_says(trained: Any, tmp_path: Path) -> None:
    assert export("tiny", tmp_path / "out", [trained[0]]).parity < 1e-3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["cnn.bin", "cnn.xml", "head.bin", "head.xml"]
    with pytest.raises(InvalidInputError, match="needs --out, or --data"):
        export("tiny", None, [trained[0]])


def test_a_head_starts_from_logistic_regression(
    samples: list[Sample], recipe_text: str, tmp_path: Path, footage: Any
) -> None:
    from crime_detect_engine.learning.initialise import initialise_head, settle_batch_norm
    from crime_detect_engine.learning.train import start_network

    torch.manual_seed(0)
    recipe = parse_recipe(recipe_text)
    recipe = replace(recipe, training=replace(recipe.training, initial_c=1.0))
    network = start_network(recipe, tmp_path)
    settle_batch_norm(network, samples, footage)
    assert initialise_head(network, recipe, samples, footage) == 1.0, (
        "still and flickering clips are told apart at once"
    )


def test_what_else_the_folds_are_asked_is_on_the_card_and_names_no_clip(
    trained: Any, samples: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    models = tmp_path / "models"
    shutil.copytree(trained[0], models)
    asked: list[str] = []

    def question(measured: Any) -> dict[str, Any]:
        asked.append(measured.scored[0].path)
        return {"splices": {"method": "normal clips in a row", "worst": [{"file": asked[0], "alerts": 1}]}}

    checkpoint = train_samples(
        parse_recipe(recipe_text), samples, models, models, SystemClock(), lambda _: None, footage, question=question
    )
    card = (checkpoint.folder / "card.md").read_text()
    assert "## Splices\n\nnormal clips in a row" in card
    assert Path(asked[0]).name not in card + (checkpoint.folder / "report.json").read_text()
    without = parse_recipe(recipe_text.replace("folds = 2", "folds = 0"))
    with pytest.raises(InvalidInputError, match="folds = 0"):
        train_samples(without, samples, models, models, SystemClock(), lambda _: None, footage, question=question)
