"""Owns the proof of `evaluate --stress`: every section is there for a trained model, measured on what it may judge."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.domain.errors import InvalidInputError  # noqa: E402
from crime_detect_engine.learning.evaluate import Measured  # noqa: E402
from crime_detect_engine.learning.recipe import DataFolder  # noqa: E402
from crime_detect_engine.learning.scoring import score_clips  # noqa: E402
from crime_detect_engine.learning.subjects import Material, model_subject  # noqa: E402
from crime_detect_engine.stress.command import footage_under, stress  # noqa: E402

from tests.rig.videos import write_video  # noqa: E402


@pytest.fixture(scope="module")
def data(make_clip: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Still and flickering clips of two and a half seconds, and two drawn hard negatives."""
    root = tmp_path_factory.mktemp("data")
    for n in range(6):
        label = n % 2
        write(root / ("normal", "fighting")[label] / f"s{n}_1.mp4", make_clip(label, n))
    write(root / "hard" / "rain" / "1.mp4", make_clip(0, 50))
    write(root / "hard" / "hug" / "1.mp4", make_clip(0, 51))
    (root / "hard" / "procedural.json").write_text(json.dumps({"kinds": ["rain"]}))
    return root


def write(path: Path, clip: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    large = np.kron(clip, np.ones((1, 3, 3, 1), np.uint8))
    write_video(path, list(large), 8)


@pytest.fixture(scope="module")
def report(trained: Any, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    models, checkpoint, _ = trained
    out = tmp_path_factory.mktemp("reports")
    return ask(models, checkpoint, data, out, "all"), out


def ask(models: Path, checkpoint: Any, data: Path, out: Path, wanted: str) -> dict[str, Any]:
    subject = model_subject(checkpoint)
    clean = footage_under(subject.spec, "clean")
    samples = Material(data, (DataFolder(),)).samples(subject.spec, clean)
    scored = score_clips(subject.network, subject.spec, samples, clean)
    arguments = Namespace(
        stress=wanted, model="tiny", data=data, groups=None, layout="folders", split=None, report=out, recipe=None,
        footage=[data / "hard"], hard_negatives=data / "hard",
    )  # fmt: skip
    return stress(arguments, Measured({}, subject.spec, scored, samples), [models], lambda _: None)


def test_every_section_is_there_and_can_be_written(report: Any) -> None:
    sections, _ = report
    assert list(sections) == ["robustness", "footage", "splices", "occlusion", "adversarial", "hard_negatives"]
    assert json.loads(json.dumps(sections)).keys() == sections.keys()
    assert all(section["method"] for section in sections.values())


def test_robustness_compares_every_condition_with_the_clean_clips(report: Any) -> None:
    conditions = report[0]["robustness"]["conditions"]
    assert next(iter(conditions)) == "clean"
    assert conditions["clean"]["accuracy_change"] == conditions["clean"]["decisions_changed"] == 0
    assert {one["clips"] + one["clips_lost"] for one in conditions.values()} == {6}
    assert conditions["clean"]["interval_95"]["accuracy"] is not None
    for one in conditions.values():
        assert one["accuracy_change"] == pytest.approx(one["accuracy"] - conditions["clean"]["accuracy"], abs=1e-3)


def test_footage_and_hard_negatives_are_told_apart(report: Any) -> None:
    footage, hard = report[0]["footage"], report[0]["hard_negatives"]
    assert footage["folders"]["normal clips"]["files"] == 3
    # The same files given twice count once.
    assert len(footage["left_out"]) == 2
    assert "hard" in footage["folders"]
    assert all("unique_hours" in kind for kind in hard["kinds"].values())


def test_the_splice_holds_all_incidents(report: Any) -> None:
    splices = report[0]["splices"]
    assert splices["events"]["played"] == 3
    assert splices["cuts"]["normal_to_normal"] == splices["cuts"]["normal_to_incident"]


def test_explained_decisions_have_their_picture_beside_the_report(report: Any) -> None:
    sections, out = report
    for row in sections["occlusion"]["decisions"]:
        assert (out / row["overlay"]).read_bytes()[:4] == b"\x89PNG"
        assert len(row["drops"]) == row["grid"] == 8


def test_perturbations_are_counted(report: Any) -> None:
    found = report[0]["adversarial"]
    assert found["clips"] == 6
    assert found["epsilons"].keys() == {"1", "2", "4"}
    assert all(0 <= one["flipped_share"] <= 1 for level in found["epsilons"].values() for one in level.values())


def test_a_section_that_is_none_is_refused(trained: Any, data: Path, tmp_path: Path) -> None:
    models, checkpoint, _ = trained
    with pytest.raises(InvalidInputError, match="magic"):
        ask(models, checkpoint, data, tmp_path, "magic,footage")
