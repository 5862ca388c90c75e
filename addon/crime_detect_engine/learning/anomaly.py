"""Owns learning what is normal for one camera, without labels: run as a niced process of its own, without torch."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.svm import OneClassSVM

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.vision.anomaly import AnomalyDetector, calibrated, write_detector

Rows = NDArray[np.float32]
ROWS_FILE = "training.npz"
COMPONENTS = 32
NU = 0.05
"""Share of the training windows that may lie outside: what crept in unseen does not stretch what is normal."""
BLOCK_S = 600.0
"""Windows of ten minutes stay together: neighbours on both sides of a split would flatter it."""
FEWEST_ROWS = 500
MOST_ROWS = 6000
"""Windows to fit on: the one-class SVM takes their square in time."""
CHECK_RATE = 0.01
"""The false-alarm quantile that a detector is held to on windows that neither fitted nor calibrated it."""
CHECK_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """How a detector behaves on normal windows it never saw: share of them above its own 1 % quantile."""

    windows: int
    above: float
    allowed: float

    @property
    def passed(self) -> bool:
        return self.above <= self.allowed


def fit(rows: Rows, at_s: NDArray[np.float64], version: str = "", key: str = "") -> tuple[AnomalyDetector, Check]:
    """Learns from rows [N, W] of `describe_window` seen at `at_s` (seconds since 1970).

    Blocks of ten minutes are dealt out: three of five fit, one calibrates, one checks. Raises InvalidInputError for
    too few rows or blocks.
    """
    part = np.floor(at_s / BLOCK_S).astype(np.int64) % 5
    fitting, calibrating, checking = rows[part < 3], rows[part == 3], rows[part == 4]
    if len(rows) < FEWEST_ROWS or min(len(fitting), len(calibrating), len(checking)) < FEWEST_ROWS // 10:
        raise InvalidInputError(f"{len(rows)} windows of too few ten minutes are not enough to learn from")
    detector = calibrate(fit_judges(fitting), calibrating)
    above = float((detector.exceedance(detector.judge(checking).sum(1)) <= CHECK_RATE).mean())
    # With few windows chance alone may double the share: three deviations of a binomial are granted.
    chance = 3 * np.sqrt(CHECK_RATE * (1 - CHECK_RATE) / len(checking))
    check = Check(len(checking), above, float(CHECK_FACTOR * CHECK_RATE + chance))
    return replace(detector, version=version, key=key), check


def fit_judges(rows: Rows, seed: int = 0) -> AnomalyDetector:
    """One-class SVM and autoencoder on normal rows [N, W]; not yet calibrated."""
    generator = np.random.default_rng(seed)
    if len(rows) > MOST_ROWS:
        rows = rows[generator.choice(len(rows), MOST_ROWS, replace=False)]
    rows = rows.astype(np.float64)
    components = min(COMPONENTS, rows.shape[1], len(rows) - 1)
    analysis = PCA(components, svd_solver="full").fit(rows)
    spread = np.sqrt(np.maximum(analysis.explained_variance_, 1e-12))
    whitening = analysis.components_ / spread[:, None]
    inner = (rows - analysis.mean_) @ whitening.T
    gamma = 1 / _median_distance(inner, generator)
    machine = OneClassSVM(nu=NU, gamma=gamma, cache_size=64).fit(inner)
    wide, narrow = max(2, components), max(1, components // 4)
    network = MLPRegressor(
        hidden_layer_sizes=(wide, narrow, wide), activation="tanh", alpha=1e-3, max_iter=200, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the epochs are the regularisation
        network.fit(inner, inner)
    layers = [part for pair in zip(network.coefs_, network.intercepts_, strict=True) for part in pair]
    return AnomalyDetector(
        centre=analysis.mean_.astype(np.float32),
        components=whitening.astype(np.float32),
        vectors=machine.support_vectors_.astype(np.float32),
        weights=machine.dual_coef_[0].astype(np.float32),
        gamma=gamma,
        layers=tuple(layer.astype(np.float32) for layer in layers),
        middle=np.zeros(2, np.float32),
        spread=np.ones(2, np.float32),
        knots=np.linspace(0, 1, 96, dtype=np.float32),
        tail=1.0,
    )


def calibrate(detector: AnomalyDetector, rows: Rows) -> AnomalyDetector:
    """Learns from normal rows [N, W] that fitted nothing what the judges say of the usual."""
    judged = replace(detector, middle=np.zeros(2, np.float32), spread=np.ones(2, np.float32)).judge(rows)
    low, middle, high = np.quantile(judged, (0.25, 0.5, 0.75), axis=0)
    spread = np.maximum(high - low, 1e-6)
    knots, tail = calibrated(((judged - middle) / spread).sum(1))
    return replace(
        detector, middle=middle.astype(np.float32), spread=spread.astype(np.float32), knots=knots, tail=tail
    )  # fmt: skip


def _median_distance(rows: NDArray[np.float64], generator: np.random.Generator) -> float:
    """Of squared distances between rows [N, K]: the width of the kernel that suits them."""
    one, other = generator.integers(len(rows), size=(2, 4000))
    return float(max(np.median(((rows[one] - rows[other]) ** 2).sum(1)), 1e-6))


def main(arguments: Sequence[str]) -> int:
    """`FOLDER VERSION KEY`: fits on FOLDER/training.npz; a detector that behaves is written beside it.

    Prints one JSON object: `promoted`, and why not or how it was checked.
    """
    os.nice(19)
    folder, version, key = Path(arguments[0]), arguments[1], arguments[2]
    with np.load(folder / ROWS_FILE, allow_pickle=False) as kept:
        rows, at_s = kept["rows"].astype(np.float32), kept["at_s"]
    try:
        detector, check = fit(rows, at_s, version, key)
    except InvalidInputError as error:
        answer = {"promoted": False, "reason": str(error)}
    else:
        figures = {"rows": len(rows), "held_out": check.windows, "above": check.above, "allowed": check.allowed}
        answer = {"promoted": check.passed, **figures}
        if check.passed:
            write_detector(folder, detector, figures)
        else:
            answer["reason"] = (
                f"{check.above:.1%} of held-out normal windows pass its 1 % quantile, {check.allowed:.1%} may"
            )
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
