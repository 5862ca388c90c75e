"""Owns the page of a report: the figures with pictures, mistakes and alerts. It shows people, so it stays local."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from crime_detect_engine.domain.types import NORMAL

from .alerts import false_alerts
from .curves import curves_picture, write_curves
from .datasets import Footage, Sample
from .evaluate import DEFAULT_THRESHOLD, Measured, calibrated
from .pictures import (
    confusion_picture,
    picture_uri,
    pr_picture,
    reliability_picture,
    roc_picture,
    strip,
    subgroup_picture,
    sweep_picture,
)
from .scoring import ScoredClip, clip_arrays
from .subgroups import groups_of
from .tables import Table, cell, tables

MISTAKES = 24
_PAGES = Path(__file__).parent / "pages"
_SHOWN = {
    "model", "version", "split", "configurations_tried", "trained_on_these_clips", "temperature", "parts", "subgroups",
    "false_alerts", "remarks", "seed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    uri: str
    caption: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """A clip with the frames it was judged by: as the camera showed them, and as the network saw them."""

    path: str
    label: str
    said: str
    sure: str
    shows: str
    strips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    mistakes: Sequence[Mistake] = ()


def write_page(folder: Path, measured: Measured, footage: Footage | None = None) -> Path:
    """Writes `MODEL.report.html` (one file, nothing beside it is needed) and the training curves as PNG.

    `footage` composes what the network saw of a mistake; without it only the camera's own frames are shown.
    """
    report = measured.report
    groups = groups_of(measured.samples)
    sections = [
        _figures(measured),
        _thresholds(measured),
        _calibration(measured),
        *([_subgroups(report["subgroups"])] if report.get("subgroups") else []),
        _mistakes(measured, groups, footage),
        _alerts(measured, groups),
        *_others(report, folder),
        *_curves(measured, folder),
    ]
    target = folder / f"{report['model']}.report.html"
    page = _environment().get_template("report.html")
    text = page.render(
        title=f"{report['model']} {report['version']}: report",
        json_name=f"{report['model']}.json",
        report=report,
        contents=[section.name for section in sections],
        sections=sections,
    )
    target.write_text(text, encoding="utf-8")
    return target


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["anchor"] = lambda name: re.sub(r"\W+", "-", name.lower())
    return environment


def _figures(measured: Measured) -> Section:
    parts: Mapping[str, Any] = measured.report["parts"]
    suspicious, suspicion = _binary(measured)
    keys = ("clips", "accuracy", "balanced_accuracy", "roc_auc", "pr_auc")
    summary = {
        name: {
            "sources": part["sources"],
            **{key: part["after_scaling"][key] for key in keys},
            **{f"{key} 95 %": part["interval_95"].get(key) for key in ("accuracy", "roc_auc", "pr_auc")},
        }
        for name, part in parts.items()
    }
    after = parts["all"]["after_scaling"]
    pictures = [Picture(confusion_picture(after["confusion"], measured.spec.labels), "Confusion, all clips")]
    if suspicious.any() and not suspicious.all():
        pictures += [
            Picture(roc_picture(suspicious, suspicion, DEFAULT_THRESHOLD), f"ROC, area {after['roc_auc']}"),
            Picture(pr_picture(suspicious, suspicion, DEFAULT_THRESHOLD), f"Precision and recall, {after['pr_auc']}"),
        ]
    found = [*tables(summary), *tables(after["per_class"], "By class"), *tables(parts["all"]["by_fold"], "By fold")]
    text = "A clip counts by its most suspicious window. Intervals are bootstrapped over sources."
    return Section("Figures", text, pictures, found)


def _thresholds(measured: Measured) -> Section:
    part = measured.report["parts"]["all"]
    points = part["thresholds"]["most_f1"]
    chosen = {"most F1": points["all_folds"]["threshold"], "default": DEFAULT_THRESHOLD}
    text = (
        "The point of most F1 of each fold is chosen on the other folds (nested); chosen on all folds it is the "
        "threshold to set and too good a figure."
    )
    found = [
        *tables(part["thresholds"]["sweep"], "Sweep"),
        *tables({name: _one_row(point) for name, point in points.items()}, "Most F1"),
        *tables(part["papers"], "As S3 and S4 report"),
    ]
    return Section("Thresholds", text, [Picture(sweep_picture(*_binary(measured), chosen), "All clips")], found)


def _one_row(point: Mapping[str, Any]) -> dict[str, Any]:
    """With the thresholds of all folds in one cell."""
    by_fold = point.get("thresholds")
    chosen = list(by_fold.values()) if by_fold else point["threshold"]
    return {"threshold": chosen, **{k: v for k, v in point.items() if not k.startswith("threshold")}}


def _calibration(measured: Measured) -> Section:
    part = measured.report["parts"]["all"]
    before, after = part["before_scaling"], part["after_scaling"]
    perfect = part["ece_of_a_perfect_model"]
    keys = ("brier", "nll", "ece")
    rows = {"before scaling": {k: before[k] for k in keys}, "after": {k: after[k] for k in keys}}
    rows["always the base rate"] = {"brier": after["brier_base_rate"], "nll": after["nll_base_rate"]}
    text = (
        f"ECE interval over sources {cell(part['interval_95']['ece'])}. A perfectly calibrated model would show "
        f"{perfect['mean']} on as many clips by chance alone, and up to {perfect['high_95']} in 95 of 100 cases."
    )
    picture = Picture(reliability_picture(before["reliability"], after["reliability"]), "Reliability")
    return Section("Calibration", text, [picture], [*tables(rows), *tables(after["reliability"], "Bins, after")])


def _subgroups(subgroups: Mapping[str, Any]) -> Section:
    text = (
        "Measured in the clips' own pictures: nobody labelled light, crowd or size of persons. Places that move stand "
        "for crowd, moving area for size."
    )
    found = [table for name, groups in subgroups.items() for table in tables(groups, name)]
    return Section("Errors by what a clip shows", text, [Picture(subgroup_picture(subgroups), "Accuracy")], found)


def _mistakes(measured: Measured, groups: Mapping[str, Mapping[str, str]], footage: Footage | None) -> Section:
    clips = [clip for clip in measured.scored if not clip.extra]
    probabilities = calibrated(measured.spec, clips, rescale=measured.rescale)
    said, labels = probabilities.argmax(1), np.array([clip.label for clip in clips])
    wrong = np.flatnonzero(said != labels)
    worst = wrong[np.argsort(-probabilities[wrong].max(1))][:MISTAKES]
    names = measured.spec.labels
    found = []
    for row in worst:
        clip = clips[row]
        shows = ", ".join(f"{name}: {group}" for name, group in groups.get(clip.path, {}).items())
        found.append(
            Mistake(
                clip.path, names[clip.label], names[said[row]], f"{probabilities[row].max():.2f}", shows,
                _strips(clip, measured.samples, footage),
            )
        )  # fmt: skip
    text = f"{len(wrong)} of {len(clips)} clips are wrong; the surest {len(found)} of them, surest first."
    return Section("Worst mistakes", text, mistakes=found)


def _strips(clip: ScoredClip, samples: Sequence[Sample], footage: Footage | None) -> tuple[str, ...]:
    own = [sample for sample in samples if sample.path == clip.path and sample.label == clip.label]
    if not own:
        return ()
    longest = max(own, key=lambda sample: len(sample.clip)).clip
    return (strip(longest), *((strip(footage.compose(longest)),) if footage else ()))


def _alerts(measured: Measured, groups: Mapping[str, Mapping[str, str]]) -> Section:
    alerts = false_alerts(measured.spec, measured.scored, DEFAULT_THRESHOLD, groups, rescale=measured.rescale)
    rows = tuple(
        (
            alert.part, alert.path, cell(alert.at_s), cell(alert.suspicion),
            ", ".join(f"{name}: {group}" for name, group in alert.shows.items()),
        )
        for alert in alerts
    )  # fmt: skip
    counts = {
        part: {key: value for key, value in found.items() if not isinstance(value, Mapping)}
        for part, found in measured.report["false_alerts"]["parts"].items()
    }
    text = f"Every window of an ordinary clip from {DEFAULT_THRESHOLD:g} up; the policy asks several windows in a row."
    heads = ("footage", "clip", "window ends at (s)", "suspicion", "shows")
    return Section("False alerts", text, tables=[*tables(counts), Table("By clip and time", heads, rows)])


def _others(report: Mapping[str, Any], folder: Path) -> list[Section]:
    """Whatever else is in the report, as tables; the heat maps that a part of it names by `overlay`."""
    return [
        Section(name.replace("_", " ").capitalize(), pictures=_overlays(value, folder), tables=tables(value))
        for name, value in report.items()
        if name not in _SHOWN and value
    ]


def _overlays(section: Any, folder: Path) -> list[Picture]:
    values = section.values() if isinstance(section, Mapping) else ()
    rows = [row for value in values if isinstance(value, list) for row in value if isinstance(row, Mapping)]
    files = {str(row["overlay"]): row for row in rows if row.get("overlay")}
    return [
        Picture(picture_uri(folder / file), f"{row.get('file', file)}, {row.get('label', '')} {cell(row.get('score'))}")
        for file, row in files.items()
        if (folder / file).is_file()
    ]


def _curves(measured: Measured, folder: Path) -> list[Section]:
    picture = curves_picture(measured.runs)
    if picture is None:
        return []
    name = f"{measured.report['model']}.curves.png"
    write_curves(measured.runs, folder / name)
    return [Section("Training curves", f"Also in {name}.", [Picture(picture, "One line a fold")])]


def _binary(measured: Measured) -> tuple[Any, Any]:
    """Whether each clip is suspicious, and how suspicious it was found."""
    clips = [clip for clip in measured.scored if not clip.extra]
    normal = measured.spec.labels.index(NORMAL)
    labels = clip_arrays(measured.spec, clips)[1]
    return labels != normal, 1 - calibrated(measured.spec, clips, rescale=measured.rescale)[:, normal]
