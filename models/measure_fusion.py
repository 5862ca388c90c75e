"""Owns the question whether persons in view help a model: its out-of-fold scores with and without them.

    python models/measure_fusion.py --recipe models/recipes/fight-mobilenet_v2-lstm.toml --run DIR --data DIR

`--run` is the folder in which `crime-detect evaluate` kept the scores of every fold. The clips last two seconds, so
here nobody was in view means: in none of the looks at the clip. Writes models/reports/fusion.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from crime_detect_engine.decision.fusion import Facts, FusionOptions, fuse
from crime_detect_engine.domain.ports import Detector
from crime_detect_engine.domain.scene import PERSON
from crime_detect_engine.domain.types import NORMAL, Score
from crime_detect_engine.learning.metrics import interval_over_groups, roc_area
from crime_detect_engine.learning.recipe import read_recipe
from crime_detect_engine.learning.scoring import ScoredClip, read_run
from crime_detect_engine.scene_watch import LOOK_SIZE
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.vision.detectors import DEFAULT_NAME, load_detector
from numpy.typing import NDArray

Array = NDArray[Any]
AT = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Path(__file__).resolve().parent
LOOKS_A_SECOND = 2.0
FLOORS = (0.15, 0.25, 0.4, 0.5)
THRESHOLDS = (0.5, 0.8)
WEIGHTS = {
    "held back by 1": FusionOptions(True, no_person=-1.0, person_in_region=0.0),
    "held back by 2": FusionOptions(True, no_person=-2.0, person_in_region=0.0),
    "held back by 4": FusionOptions(True, no_person=-4.0, person_in_region=0.0),
    "raised by 0.5": FusionOptions(True, no_person=0.0, person_in_region=0.5),
    "held back by 2, raised by 0.5": FusionOptions(True, no_person=-2.0, person_in_region=0.5),
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip: what the model says of it, calibrated, and how sure the detector was of its surest person a look."""

    path: str
    group: str
    fight: bool
    suspicion: float
    persons: tuple[float, ...]


def persons_in(path: Path, detector: Detector) -> tuple[float, ...]:
    """The confidence of the surest person at each look."""
    found: list[float] = []
    due_s: float | None = None
    for raw in FileSource(path).frames():
        if due_s is not None and raw.stream_s < due_s:
            continue
        due_s = raw.stream_s + 1.0 / LOOKS_A_SECOND
        scale = LOOK_SIZE / max(raw.width, raw.height)
        size = (max(2, round(side * scale / 2) * 2) for side in (raw.width, raw.height))
        seen = detector.detect([raw.rgb(*size, "area")])[0]
        found.append(max((one.confidence for one in seen if one.label == PERSON), default=0.0))
    return tuple(found)


def suspicion(clip: ScoredClip, labels: Sequence[str], temperature: float) -> float:
    """The calibrated probability that something is wrong in the clip's most suspicious window."""
    normal = list(labels).index(NORMAL)
    logits = np.array(clip.worst(normal)) / temperature
    odds = np.exp(logits - logits.max())
    return float(1.0 - odds[normal] / odds.sum())


def weighed(clip: Clip, options: FusionOptions, floor: float) -> float:
    """The suspicion with the persons that were found at least that surely."""
    found = sum(sure >= floor for sure in clip.persons)
    facts = Facts(looked=True, person_age_s=0.0 if found else None, looking_s=1e9, in_region=found)
    score = Score("clip", AT, 0.0, {NORMAL: 1.0 - clip.suspicion, "incident": clip.suspicion}, "model", 0.0)
    return fuse(options, score, facts)[0].probabilities["incident"]


def figures(clips: Sequence[Clip], values: Sequence[float]) -> dict[str, Any]:
    fights = np.array([clip.fight for clip in clips])
    scores = np.array(values)
    row: dict[str, Any] = {"roc_auc": round(roc_area(fights, scores), 4)}
    for threshold in THRESHOLDS:
        told = scores >= threshold
        row[f"at {threshold}"] = {
            "accuracy": round(float((told == fights).mean()), 4),
            "recall": round(float(told[fights].mean()), 4),
            "false_alarms": int((told & ~fights).sum()),
        }
    return row


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--recipe", "--run", "--data"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--detector", default=DEFAULT_NAME)
    asked = parser.parse_args(arguments)
    recipe = read_recipe(asked.recipe)
    shipped = json.loads((HERE / recipe.spec.name / "model.json").read_text())
    detector = load_detector(asked.detector, "cpu", (asked.data / "detectors",))
    clips = []
    for scored in (one for one in read_run(asked.run) if not one.extra):
        fight = shipped["labels"][scored.label] != NORMAL
        value = suspicion(scored, shipped["labels"], shipped["temperature"])
        clips.append(Clip(scored.path, scored.group, fight, value, persons_in(asked.data / scored.path, detector)))
    report = build(clips, asked.detector, shipped)
    target = HERE / "reports" / "fusion.json"
    target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(report, indent=1) + "\n")
    return 0


def build(clips: Sequence[Clip], detector: str, shipped: dict[str, Any]) -> dict[str, Any]:
    plain = [clip.suspicion for clip in clips]
    fights = np.array([clip.fight for clip in clips])
    variants = []
    for floor in FLOORS:
        for name, options in WEIGHTS.items():
            values = [weighed(clip, options, floor) for clip in clips]
            row = {"rule": name, "person_confidence": floor, **figures(clips, values)}
            row["auc_gain_95"] = gain(clips, fights, np.array(plain), np.array(values))
            variants.append(row)
    seen = {str(floor): share_with_person(clips, floor) for floor in FLOORS}
    return {
        "model": shipped["name"],
        "version": shipped["version"],
        "detector": detector,
        "looks_a_second": LOOKS_A_SECOND,
        "clips": len(clips),
        "method": "out-of-fold scores at the shipped temperature; the rules of decision/fusion.py on each clip",
        "clips_with_a_person": seen,
        "without": figures(clips, plain),
        "with": variants,
    }


def gain(clips: Sequence[Clip], fights: Array, plain: Array, values: Array) -> list[float] | None:
    """The 95 % interval of the gain in area over resampled source videos."""

    def difference(chosen: Array) -> float:
        return roc_area(fights[chosen], values[chosen]) - roc_area(fights[chosen], plain[chosen])

    found = interval_over_groups([clip.group for clip in clips], difference)
    return None if found is None else list(found)


def share_with_person(clips: Sequence[Clip], floor: float) -> dict[str, float]:
    """The share of clips in which a person is found at that confidence in one look or more."""
    return {
        name: round(float(np.mean([max(c.persons) >= floor for c in clips if c.fight is fight])), 4)
        for name, fight in (("fighting", True), ("normal", False))
    }


if __name__ == "__main__":
    sys.exit(main())
