"""Owns one experiment of the table of what was tried: figures of pooled out-of-fold scores, never typed by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from crime_detect_engine.domain.clock import cpu_s
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.learning.evaluate import part_report
from crime_detect_engine.learning.scoring import ScoredClip
from crime_detect_engine.learning.seeds import pool_seeds


def make_row(spec: ModelSpec, by_seed: Mapping[int, Sequence[ScoredClip]], said: Mapping[str, Any]) -> dict[str, Any]:
    """Means over the seeds with their interval over sources; `said` is what no score tells (architecture, note, …)."""
    if len(by_seed) > 1:
        pooled = pool_seeds(spec, by_seed)
        figures, interval = pooled["mean"], pooled["interval_95"]
    else:
        part = part_report(spec, next(iter(by_seed.values())))
        figures, interval = part["after_scaling"], part["interval_95"]
    return {
        **said,
        "accuracy": figures["accuracy"],
        "roc_auc": figures["roc_auc"],
        "interval": {key: interval[key] for key in ("accuracy", "roc_auc")},
        "seeds": list(by_seed),
    }


def describe_input(spec: ModelSpec, around: str | None = None) -> str:
    """`around` for a square that follows something else than `spec` says."""
    around = around or {"full": None, "motion": "the motion", "peak": "the busiest place"}[spec.region]
    where = f"around {around} of {spec.picture_size} px" if around else "of the whole picture"
    gain = " with gain by contrast" if spec.input == "difference" and spec.gain_rule == "contrast" else ""
    return f"{spec.input}{gain} {where}, {spec.size} px, {spec.frames} frames at {spec.fps:g}/s"


def cpu_ms(work: Callable[[], object], repeats: int = 3) -> float:
    """The least CPU time of some runs, in milliseconds; the first run is not counted."""
    work()
    found = []
    for _ in range(repeats):
        before = cpu_s()
        work()
        found.append(1000 * (cpu_s() - before))
    return min(found)


def write_row(folder: Path, row: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{row['name']}.json"
    path.write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
