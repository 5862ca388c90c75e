"""Owns the proof of a precision: an export serves in bf16 or int8 only where its decisions hold on real clips."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import NORMAL, ModelSpec
from crime_detect_engine.vision.backends.precision import has_bf16
from crime_detect_engine.vision.checkpoint import INT8_FILES
from crime_detect_engine.vision.network import Network

from .datasets import Footage, Sample
from .metrics import figures, softmax
from .scoring import ScoredClip, clip_arrays, score_clips

CALIBRATION_CLIPS, INPUTS_A_CLIP = 100, 3
THRESHOLDS = (0.5, 0.8)
ALLOWED_CHANGED, ALLOWED_LOSS = 0.01, 0.005
"""Share of the windows that may fall on the other side of a threshold, and what accuracy and AUC may lose."""


def prove_precisions(
    network: Network, spec: ModelSpec, folder: Path, wanted: Sequence[str], samples: Sequence[Sample], footage: Footage
) -> dict[str, dict[str, Any]]:
    """Figures by precision of the export in `folder`, each with `passed`; an int8 form that does not pass is removed.

    int8 is quantised here, calibrated on inputs of `samples`. All precisions are measured on all `samples` against
    fp32: the network may have seen these clips, so that what is proven is that it decides alike, not how well.
    Raises InvalidInputError where the processor cannot compute bf16 and it is asked for.
    """
    if "bf16" in wanted and not has_bf16():
        raise InvalidInputError("this processor cannot compute bf16, so that it cannot be proven here")
    exact = _score(network, spec, folder, "fp32", samples, footage)
    found = {}
    for precision in wanted:
        if precision == "int8":
            quantise(folder, calibration_inputs(samples, footage))
        found[precision] = _compare(spec, exact, _score(network, spec, folder, precision, samples, footage))
        if precision == "int8" and not found[precision]["passed"]:
            for name in INT8_FILES:
                (folder / Path(name).name).unlink()
    return found


def passed(proofs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What `ModelSpec.precisions` holds: the precisions that passed, with their figures."""
    return {name: dict(proof) for name, proof in proofs.items() if proof["passed"]}


def calibration_inputs(samples: Sequence[Sample], footage: Footage) -> NDArray[np.uint8]:
    """uint8 [N, S, S, 3]: a few composed inputs of clips spread evenly over `samples`."""
    chosen = [samples[at] for at in np.linspace(0, len(samples) - 1, min(CALIBRATION_CLIPS, len(samples)), dtype=int)]
    composed = (footage.compose(sample.clip) for sample in chosen)
    return np.concatenate(
        [clip[:: max(1, len(clip) // INPUTS_A_CLIP)][:INPUTS_A_CLIP] for clip in composed if len(clip)]
    )


def quantise(folder: Path, inputs: NDArray[np.uint8]) -> None:
    """Writes `cnn-int8` (xml + bin) beside `cnn` by post-training quantisation; the head stays as it is.

    Raises InvalidInputError where nncf is absent.
    """
    if find_spec("nncf") is None:
        raise InvalidInputError("int8 needs nncf, not installed here: pip install 'crime-detect[train]'")
    import nncf  # several seconds, and only here

    model = ov.Core().read_model(folder / "cnn.xml")
    dataset = nncf.Dataset([inputs[at : at + 1] for at in range(len(inputs))])
    # Its progress goes to stdout, which is what a command answers with: JSON, for one.
    with redirect_stdout(sys.stderr):
        quantised = nncf.quantize(model, dataset, subset_size=len(inputs))
    ov.save_model(quantised, folder / "cnn-int8.xml", compress_to_fp16=False)


class ExportedEncoder(nn.Module):  # type: ignore[misc]
    """The exported frame encoder in one precision, where a Network expects its own: uint8 [N, S, S, 3] → [N, D]."""

    def __init__(self, folder: Path, precision: str) -> None:
        super().__init__()
        name = "cnn-int8.xml" if precision == "int8" else "cnn.xml"
        hint = "bf16" if precision == "bf16" else "f32"
        settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 1}
        self._compiled = ov.Core().compile_model(folder / name, "CPU", settings)

    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(np.array(self._compiled([images.cpu().numpy()])[0], np.float32))


def _score(
    network: Network, spec: ModelSpec, folder: Path, precision: str, samples: Sequence[Sample], footage: Footage
) -> list[ScoredClip]:
    return score_clips(Network(ExportedEncoder(folder, precision), network.head), spec, samples, footage)


def _compare(spec: ModelSpec, exact: Sequence[ScoredClip], other: Sequence[ScoredClip]) -> dict[str, Any]:
    suspicion, changed_suspicion = _suspicion(spec, exact), _suspicion(spec, other)
    shift = np.abs(suspicion - changed_suspicion)
    changed = np.zeros(len(shift), bool)
    for threshold in THRESHOLDS:
        changed |= (suspicion >= threshold) != (changed_suspicion >= threshold)
    before, after = _quality(spec, exact), _quality(spec, other)
    loses = [old - new for old, new in zip(before.values(), after.values(), strict=True) if old is not None]
    return {
        "windows": len(shift),
        "decisions_changed": int(changed.sum()),
        "mean_shift": round(float(shift.mean()), 5),
        "largest_shift": round(float(shift.max()), 4),
        **after,
        **{f"{name}_in_fp32": value for name, value in before.items()},
        "passed": bool(changed.mean() <= ALLOWED_CHANGED and max(loses, default=0.0) <= ALLOWED_LOSS),
    }


def _suspicion(spec: ModelSpec, scored: Sequence[ScoredClip]) -> NDArray[np.float64]:
    """1 − P(normal) of every window of every clip, at the model's temperature."""
    logits = np.array([window for clip in scored for window in clip.windows])
    found: NDArray[np.float64] = 1 - softmax(logits, spec.temperature)[:, spec.labels.index(NORMAL)]
    return found


def _quality(spec: ModelSpec, scored: Sequence[ScoredClip]) -> dict[str, Any]:
    logits, labels = clip_arrays(spec, scored)
    whole = figures(labels, softmax(logits, spec.temperature), spec.labels)
    return {"accuracy": whole["accuracy"], "roc_auc": whole["roc_auc"]}
