"""Owns the proof of the precisions: calibrated, measured clip by clip against fp32, and refused where they decide
otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nncf", reason="nncf is only in the train environment")
pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def exported(trained: Any, samples: Any, footage: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tiny model's checkpoint and its export with the proofs of all precisions."""
    from crime_detect_engine.learning.conversion import export_files

    _, checkpoint, _ = trained
    return checkpoint, export_files(checkpoint, tmp_path_factory.mktemp("export"), samples, footage)


def test_each_precision_comes_with_figures_and_serves_only_where_they_hold(exported: Any) -> None:
    _, done = exported
    assert "int8" in done.precisions
    assert json.loads((done.folder / "precisions.json").read_text()) == done.precisions
    for proof in done.precisions.values():
        assert proof["windows"] >= 12
        alike = proof["decisions_changed"] <= 0.01 * proof["windows"]
        assert proof["passed"] is (alike and proof["accuracy"] >= proof["accuracy_in_fp32"] - 0.005)
    assert (done.folder / "cnn-int8.xml").exists() is done.precisions["int8"]["passed"]


def test_an_int8_form_that_decides_otherwise_is_removed_with_its_figures_told(
    exported: Any, samples: Any, footage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import crime_detect_engine.learning.precisions as module
    import openvino as ov
    import openvino.opset13 as ops
    from crime_detect_engine.learning.conversion import export_files

    def ruin(folder: Path, _inputs: Any) -> None:
        """Quantisation gone wrong: what is left sees nothing."""
        images = ops.parameter([-1, 32, 32, 3], np.uint8)
        brightness = ops.reduce_mean(ops.convert(images, "f32"), [1, 2, 3], keep_dims=False)
        blind = ops.matmul(ops.unsqueeze(brightness, 1), np.zeros((1, 1280), np.float32), False, False)
        ov.save_model(ov.Model([blind], [images]), folder / "cnn-int8.xml")

    monkeypatch.setattr(module, "quantise", ruin)
    checkpoint, _ = exported
    done = export_files(checkpoint, tmp_path, samples, footage)
    assert done.precisions["int8"]["passed"] is False
    assert done.precisions["int8"]["decisions_changed"] > 0
    assert not list(tmp_path.glob("cnn-int8.*"))
    assert module.passed(done.precisions).keys() == {n for n, p in done.precisions.items() if p["passed"]}


def test_calibration_sees_inputs_of_many_clips_not_many_of_one(samples: Any, footage: Any) -> None:
    from crime_detect_engine.learning.precisions import calibration_inputs

    inputs = calibration_inputs(samples, footage)
    assert inputs.shape == (3 * len(samples), 32, 32, 3)
    assert inputs.dtype == np.uint8
    assert len(np.unique(inputs.reshape(len(inputs), -1), axis=0)) > len(samples)


def test_a_proven_precision_serves_and_scores_nearly_the_same(exported: Any, samples: Any, footage: Any) -> None:
    from crime_detect_engine.vision.backends.openvino import OpenVinoBackend
    from crime_detect_engine.vision.checkpoint import write_checkpoint
    from crime_detect_engine.vision.classifier import NetworkClassifier

    checkpoint, done = exported
    folder = done.folder / "served"
    (folder / "openvino").mkdir(parents=True)
    for file in done.folder.glob("*.*"):
        if file.suffix in (".xml", ".bin"):
            (folder / "openvino" / file.name).write_bytes(file.read_bytes())
    served = write_checkpoint(folder, replace(checkpoint.spec, precisions=done.precisions))
    scores = []
    for precision in ("fp32", *(name for name, proof in done.precisions.items() if proof["passed"])):
        classifier = NetworkClassifier(served.spec, OpenVinoBackend(served, "cpu", precision))
        assert classifier.precision == precision
        windows = [classifier._backend.features(footage.compose(sample.clip)) for sample in samples]
        scores.append([one["fighting"] for one in classifier.probabilities(windows)])
    for other in scores[1:]:
        assert other == pytest.approx(scores[0], abs=0.15)


def test_quantising_leaves_stdout_to_the_answer(
    exported: Any, samples: Any, footage: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import shutil

    from crime_detect_engine.learning.precisions import calibration_inputs, quantise

    for name in ("cnn.xml", "cnn.bin"):
        shutil.copy(exported[1].folder / name, tmp_path / name)
    capfd.readouterr()
    quantise(tmp_path, calibration_inputs(samples, footage))
    assert capfd.readouterr().out == ""
