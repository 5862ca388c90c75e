"""From a set laid out like UCF-Crime to a served model that tells classes apart by thresholds of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.rig.scripts import load_script

pytest.importorskip("torch", reason="torch is only in the train environment")

RECIPE = """
limits = ["Knows drawn figures only."]

[model]
name = "stand-in"
version = "1"
network = "mobilenet_v2_320-lstm"
labels = ["normal", "robbery", "vandalism"]
feature_dim = 320
hidden_dim = 8
frames = 12
min_frames = 8
fps = 4
size = 32
input = "difference"

[[data]]
layout = "ucf-crime"

[training]
start = "random"
epochs = 1
batch = 4
folds = 0
threads = 1
"""


@pytest.fixture(scope="module")
def crimes() -> Any:
    return load_script("models/datasets/crimes.py")


@pytest.fixture(scope="module")
def stand_in(crimes: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three videos a class, the third of each in the test list."""
    folder: Path = tmp_path_factory.mktemp("ucf-crime")
    crimes.write_ucf_crime(folder, range(7, 16), ("normal", "robbery", "vandalism"), (64, 48))
    return folder


@pytest.fixture(scope="module")
def models(stand_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from crime_detect_engine.cli import main

    folder: Path = tmp_path_factory.mktemp("trained")
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE)
    assert main(["train", "--recipe", str(recipe), "--data", str(stand_in), "--out", str(folder)]) == 0
    return folder


def test_the_official_test_videos_never_train(models: Path, stand_in: Path) -> None:
    from crime_detect_engine.vision.checkpoint import file_digest, find_checkpoint

    spec = find_checkpoint("stand-in", [models]).spec
    assert spec.labels == ("normal", "robbery", "vandalism")
    listed = {
        name: {file_digest(stand_in / line) for line in (stand_in / name).read_text().split()}
        for name in ("Anomaly_Train.txt", "Anomaly_Test.txt")
    }
    assert len(listed["Anomaly_Train.txt"]) == 6
    assert set(spec.training["clips"]) == listed["Anomaly_Train.txt"]


def test_each_class_is_told_at_its_own_threshold(models: Path, stand_in: Path) -> None:
    from crime_detect_engine.domain.types import NORMAL, Rules
    from crime_detect_engine.vision.classifier import load_classifier
    from crime_detect_engine.watching import watch_file

    classifier, _ = load_classifier("stand-in", "openvino", [models])
    path = stand_in / "Robbery" / "Robbery003_x264.mp4"
    scores = watch_file(path, classifier).scores
    highest = {
        label: max(score.probabilities[label] for score in scores)
        for label in classifier.spec.labels
        if label != NORMAL
    }
    assert scores
    rules = Rules(threshold=0.99, release=0.001, votes=1, window=1, cooldown_s=0.0)
    for told, silent in (("robbery", "vandalism"), ("vandalism", "robbery")):
        per_class = {told: highest[told] * 0.999, silent: min(1.0, highest[silent] * 1.001)}
        notices = watch_file(path, classifier, replace(rules, per_class=per_class)).notices
        assert {notice.label for notice in notices} == {told}
    classifier.close()
