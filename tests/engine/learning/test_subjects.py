"""Owns the proof that a fold's network comes back as it was, judges its own fold only, and serves in the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.domain.errors import InvalidInputError  # noqa: E402
from crime_detect_engine.learning.recipe import DataFolder, parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import read_scores, score_clips  # noqa: E402
from crime_detect_engine.learning.subjects import Material, fold_subjects, model_subject  # noqa: E402
from crime_detect_engine.vision.classifier import load_classifier  # noqa: E402

from tests.rig.videos import scene, write_video  # noqa: E402


def test_the_networks_of_the_folds_score_as_they_did(
    trained: Any, samples: Any, footage: Any, recipe_text: str
) -> None:
    models, _, _ = trained
    run = models / ".work" / "tiny"
    subjects = fold_subjects(parse_recipe(recipe_text), models, run, 1.5, footage, print)
    assert [(one.fold, one.spec.temperature) for one in subjects] == [(0, 1.5), (1, 1.5)]
    for subject in subjects:
        own = [sample for sample in samples if subject.may_judge(sample.fold)]
        before = {clip.path: clip.windows for clip in read_scores(run / f"fold{subject.fold}" / "scores.json")}
        assert before.keys() == {sample.path for sample in own}
        for clip in score_clips(subject.network, subject.spec, own, footage):
            assert np.allclose(clip.windows, before[clip.path], atol=1e-4)


def test_folds_that_are_gone_are_named(trained: Any, footage: Any, recipe_text: str, tmp_path: Path) -> None:
    (tmp_path / "fold0").mkdir()
    for run in (tmp_path, tmp_path / "fold0"):
        with pytest.raises(InvalidInputError, match="fold"):
            fold_subjects(parse_recipe(recipe_text), tmp_path, run, 1.0, footage, print)


def test_a_subject_serves_like_the_exported_model(trained: Any) -> None:
    models, checkpoint, _ = trained
    served = load_classifier("tiny", "openvino", [models])[0]
    subject = model_subject(checkpoint)
    assert subject.known == {"a" * 64}
    window = np.random.default_rng(0).random((12, 1280)).astype(np.float32)
    here, there = (one.probabilities([window])[0] for one in (subject.classifier(), served))
    assert here == pytest.approx(there, abs=1e-3)


def test_material_deals_clips_as_training_does(tmp_path: Path) -> None:
    for name in ("normal/a_1", "normal/a_2", "normal/b_1", "fighting/a_3", "fighting/c_1", "street/walk"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_video(tmp_path / f"{name}.mp4", [scene(n) for n in range(3)])
    material = Material(tmp_path, (DataFolder(), DataFolder(folder="street", label="normal")), folds=2)
    clips = list(material.clips(("normal", "fighting")))
    folds = {clip.file.path: clip.fold for clip in clips}
    assert folds["normal/a_1.mp4"] == folds["normal/a_2.mp4"] == folds["fighting/a_3.mp4"]
    assert len(set(folds.values())) == 2
    assert [clip.folder for clip in clips if clip.extra] == ["street"]
    assert sum(clip.normal for clip in clips) == 4
