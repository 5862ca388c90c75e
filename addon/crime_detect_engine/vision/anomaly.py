"""Owns the score of the unusual: how far a window lies from what one camera normally shows; NumPy only."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import voluptuous as vol
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.types import Vector
from crime_detect_engine.domain.units import parse_duration

from .checkpoint import file_digest

FORMAT = 1
WIDTH = 256
"""Numbers that describe a window: enough for the distances between windows of one camera, 512 bytes in a file."""
NINES = 6.0
"""A score of 1 is what this camera shows once in 10^6 windows or less; each sixth is a factor of ten."""
DETECTOR_FILE, MANIFEST_FILE = "detector.safetensors", "detector.json"
_Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class AnomalyOptions:
    """Whether a camera learns what is normal for it, the score that opens an incident, and how long it learns first."""

    enabled: bool = False
    threshold: float = 0.8
    learn_s: float = 86400.0


def _threshold(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.5 <= value <= 1:
        raise vol.Invalid("expected a number from 0.5 to 1")
    return float(value)


def _learn(value: object) -> float:
    try:
        learn_s = parse_duration(value)
    except ValueError:
        learn_s = 0.0
    if not 3600 <= learn_s <= 30 * 86400:
        raise vol.Invalid("expected a duration from 1h to 30d")
    return learn_s


def _enabled(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _options(value: dict[str, Any]) -> AnomalyOptions:
    given = {("learn_s" if key == "learn" else key): part for key, part in value.items() if part is not None}
    return AnomalyOptions(**given)


SCHEMA = vol.All(
    vol.Schema(
        {"enabled": vol.Maybe(_enabled), "threshold": vol.Maybe(_threshold), "learn": vol.Maybe(_learn)},
    ),
    _options,
)
"""Yields AnomalyOptions."""


def describe_window(window: NDArray[np.float32]) -> Vector:
    """Features float32 [T, D] → float32 [256 or less]: mean and deviation over time, randomly projected.

    The projection is the same in every engine, so that what one version has kept another can read.
    """
    row = np.concatenate([window.mean(0), window.std(0)])
    return row if len(row) <= WIDTH else row @ _projection(len(row))


@lru_cache(maxsize=4)
def _projection(dimensions: int) -> NDArray[np.float32]:
    """Distances survive a projection on random signs (Achlioptas 2003).

    Raw bits: only they are the same in every version of NumPy.
    """
    drawn = np.random.PCG64(dimensions).random_raw(dimensions * WIDTH // 64)
    bits = np.unpackbits(drawn.astype("<u8").view(np.uint8)).reshape(dimensions, WIDTH)
    return (bits.astype(np.float32) * 2 - 1) / np.float32(math.sqrt(WIDTH))


@dataclass(frozen=True, slots=True, eq=False)
class AnomalyDetector:
    """Two judges over whitened principal components and what their sum means at this camera.

    A one-class SVM (Schölkopf et al. 2001; radial kernel: `vectors` [S, K], `weights` [S], `gamma`) and an autoencoder
    (`layers`: weight [in, out] and bias of each layer in turn, tanh between them; its reconstruction error in logs).
    Each is brought to median 0 and spread 1 on held-out normal windows (`middle`, `spread`). `knots` are the values of
    the sum that 0 to 95 % of those windows stay below, beyond which rarity falls by e every `tail`.
    """

    centre: Vector
    components: _Rows
    vectors: _Rows
    weights: Vector
    gamma: float
    layers: tuple[_Rows, ...]
    middle: Vector
    spread: Vector
    knots: Vector
    tail: float
    version: str = ""
    key: str = ""

    def judge(self, rows: _Rows) -> NDArray[np.float64]:
        """Rows [N, W] of `describe_window` → [N, 2]: one-class SVM and autoencoder, larger is less usual."""
        inner = (rows - self.centre) @ self.components.T
        distance = (inner**2).sum(1)[:, None] - 2 * inner @ self.vectors.T + (self.vectors**2).sum(1)
        one_class = -(np.exp(-self.gamma * np.maximum(distance, 0)) @ self.weights)
        seen = inner
        for place in range(0, len(self.layers), 2):
            seen = seen @ self.layers[place] + self.layers[place + 1]
            if place + 2 < len(self.layers):
                seen = np.tanh(seen)
        error = np.log(((seen - inner) ** 2).mean(1) + 1e-9)
        judged: NDArray[np.float64] = (np.stack([one_class, error], 1).astype(np.float64) - self.middle) / self.spread
        return judged

    def exceedance(self, together: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of this camera's normal windows whose sum of both judges is as high; an exponential tail above 95 %."""
        top = float(self.knots[-1])
        within = 1 - np.interp(together, self.knots, np.linspace(0, _BODY, len(self.knots)))
        beyond = (1 - _BODY) * np.exp(-np.maximum(together - top, 0) / self.tail)
        found: NDArray[np.float64] = np.where(together > top, beyond, within)
        return found

    def scores(self, rows: _Rows) -> NDArray[np.float64]:
        """Rows [N, W] → [N] in 0..1: −log10 of the exceedance over 6."""
        rare = -np.log10(np.maximum(self.exceedance(self.judge(rows).sum(1)), 10.0 ** (-2 * NINES)))
        found: NDArray[np.float64] = np.clip(rare / NINES, 0.0, 1.0)
        return found


_BODY = 0.95


def calibrated(knots_of: NDArray[np.float64]) -> tuple[Vector, float]:
    """`knots` and `tail` of held-out normal sums [N]: empirical up to 95 %, then the mean excess (exponential tail)."""
    knots = np.quantile(knots_of, np.linspace(0, _BODY, 96))
    knots = np.maximum.accumulate(knots + np.arange(len(knots)) * 1e-9)
    excess = knots_of[knots_of > knots[-1]] - knots[-1]
    return knots.astype(np.float32), float(max(excess.mean() if len(excess) else 0.0, 1e-3))


def write_detector(folder: Path, detector: AnomalyDetector, made: dict[str, Any]) -> None:
    """Weights first, then the manifest with their digest: a detector is whole or it is not there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"layer_{place:02}": layer for place, layer in enumerate(detector.layers)}
    for field in fields(detector):
        if field.name not in ("layers", "version", "key"):
            arrays[field.name] = np.asarray(getattr(detector, field.name), np.float32)
    partial = folder / f"{DETECTOR_FILE}.partial"
    save_file({name: np.ascontiguousarray(one, np.float32) for name, one in arrays.items()}, partial)
    manifest = {
        "format": FORMAT, "version": detector.version, "key": detector.key, "sha256": file_digest(partial), **made,
    }  # fmt: skip
    (folder / MANIFEST_FILE).unlink(missing_ok=True)
    partial.replace(folder / DETECTOR_FILE)
    written = folder / f"{MANIFEST_FILE}.partial"
    written.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    written.replace(folder / MANIFEST_FILE)


def read_detector(folder: Path, key: str) -> tuple[AnomalyDetector, dict[str, Any]] | None:
    """The detector and its manifest; None where there is none for `key`. Raises CheckpointError for an altered one."""
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT or manifest["key"] != key:
            return None
        if file_digest(folder / DETECTOR_FILE) != manifest["sha256"]:
            raise CheckpointError(f"{folder / DETECTOR_FILE} was altered or cut off; it is learned anew")
        arrays = load_file(folder / DETECTOR_FILE)
        layers = tuple(arrays.pop(name) for name in sorted(arrays) if name.startswith("layer_"))
        gamma, tail = arrays.pop("gamma").item(), arrays.pop("tail").item()
        detector = AnomalyDetector(
            **arrays, gamma=gamma, tail=tail, layers=layers, version=manifest["version"], key=key
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise CheckpointError(f"{folder} holds no detector that can be read: {error}") from error
    return detector, manifest
