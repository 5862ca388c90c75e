"""Owns the model card: Markdown generated from the report, so that no figure is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crime_detect_engine.domain.types import ModelSpec

from .card_sections import (
    false_alerts_section,
    footage_section,
    harm_section,
    papers_section,
    perfect_section,
    precisions_section,
    seeds_section,
    stress_sections,
    subgroups_section,
    thresholds_section,
)
from .recipe import Recipe, Training


def write_card(recipe: Recipe, spec: ModelSpec, report: Mapping[str, Any]) -> str:
    """The text of `card.md`. `remarks` of the report say what somebody who repeats the training should know."""
    sections = [
        f"# {recipe.title}",
        f"`{spec.name}` version {spec.version}. Classes: {', '.join(spec.labels)}. Generated from `report.json`.",
        "## What it does not know\n\n" + "\n".join(f"- {limit}" for limit in recipe.limits),
        _figures(report, spec),
        _extra(report),
        false_alerts_section(report),
        footage_section(report),
        subgroups_section(report),
        stress_sections(report),
        harm_section(report),
        "## Data\n\n" + _table(
            ("folder", "as", "source", "licence"),
            [(d.folder, d.label or "own classes", d.source, d.licence) for d in recipe.data],
        ),
        precisions_section(report),
        _making(recipe, spec, report),
        "\n".join(f"- {remark}" for remark in report.get("remarks", ())),
    ]  # fmt: skip
    return "\n\n".join(section for section in sections if section) + "\n"


def _figures(report: Mapping[str, Any], spec: ModelSpec) -> str:
    parts: Mapping[str, Any] = report.get("parts", {})
    if not parts:
        return "## Figures\n\nNot measured on real footage."
    rows = []
    for name, part in parts.items():
        after, interval = part["after_scaling"], part["interval_95"]
        rows.append(
            (name, after["clips"], part["sources"], _with(after["accuracy"], interval["accuracy"]),
             after["balanced_accuracy"], _with(after["roc_auc"], interval["roc_auc"]), after["pr_auc"])
        )  # fmt: skip
    whole = next(iter(parts.values()))
    after = whole["after_scaling"]
    heads = ("clips of", "clips", "sources", "accuracy", "balanced", "ROC-AUC", "PR-AUC")
    classes = [
        (name, *(after["per_class"][name][key] for key in ("precision", "recall", "f1", "support")))
        for name in spec.labels
    ]
    texts = (
        f"## Figures\n\n{report['split'][:1].upper()}{report['split'][1:]}; {_seeds(report)}; "
        f"{report['configurations_tried']} configurations were tried on these folds, so expect a little less on "
        "new cameras. A clip counts by its most suspicious window. Brackets: 95 % bootstrap over sources.",
        _table(heads, rows),
        _table(("class", "precision", "recall", "F1", "clips"), classes),
        f"Confusion (rows true, columns said; {', '.join(spec.labels)}): `{after['confusion']}`. By fold: "
        f"{', '.join(str(v) for v in whole['by_fold'].values())}.",
        _start(report),
        seeds_section(report),
        _calibration(whole),
        perfect_section(whole),
        thresholds_section(whole),
        papers_section(whole),
        "Clip figures do not certify a product that watches all day: see `docs/` for false alarms per camera-day.",
    )
    return "\n\n".join(text for text in texts if text)


def _seeds(report: Mapping[str, Any]) -> str:
    seeds = report.get("seeds", {}).get("per_seed", ())
    return f"{len(seeds)} seeds, here seed {next(iter(seeds))} as it ships" if seeds else "one seed"


def _start(report: Mapping[str, Any]) -> str:
    baseline = report.get("baseline")
    if not baseline:
        return ""
    return (
        f"The same folds before fine-tuning (logistic regression on frozen features of what it is served with): "
        f"accuracy {baseline['accuracy']}, ROC-AUC {baseline['roc_auc']}."
    )


def _calibration(part: Mapping[str, Any]) -> str:
    before, after = part["before_scaling"], part["after_scaling"]
    rows = [
        (name, values["brier"], values["nll"], values["ece"])
        for name, values in (("before scaling", before), ("after", after))
    ]
    rows.append(("always the base rate", after["brier_base_rate"], after["nll_base_rate"], ""))
    at = after["at_0.8"]
    return (
        _table(("calibration", "Brier", "log loss", "ECE"), rows)
        + "\n\nThe model has one temperature, which leaves the order of clips as it is; the folds have one each, "
        f"fitted on the others. By raw logits the ROC-AUC is {before['roc_auc']}."
        f"\n\nAt the default threshold 0.8 a single window finds {at['recall']} of the incidents with precision "
        f"{at['precision']} (specificity {at['specificity']}); the policy asks several windows."
    )


def _extra(report: Mapping[str, Any]) -> str:
    extra: Mapping[str, Any] = report.get("extra", {})
    if not extra:
        return ""
    rows = [(n, e["videos"], e["windows"], e["above_0.5"], e["above_0.8"]) for n, e in extra.items()]
    return (
        "## Ordinary footage, out of fold\n\nEach video was scored by the network of the fold that did not see it.\n\n"
        + _table(("footage", "videos", "windows", "≥ 0.5", "≥ 0.8"), rows)
    )


def _making(recipe: Recipe, spec: ModelSpec, report: Mapping[str, Any]) -> str:
    settings, made = recipe.training, report.get("made", {})
    return (
        f"## How it was made\n\nNetwork `{spec.network}`, input {spec.input} at {spec.size} px of the region "
        f"`{spec.region}` and {spec.fps:g} frames a second, windows of {spec.min_frames} to {spec.frames} steps. Start "
        f"weights: `{settings.start}`. Head started from logistic regression, then every layer was trained for "
        f"{settings.epochs} epochs fixed beforehand ({_runs(settings)}); the shipped weights saw all folds. "
        f"Temperature {spec.temperature} was fitted on out-of-fold logits.\n\n"
        f"Hardware: {made.get('hardware', 'not recorded')}; {made.get('took_min', '?')} minutes; "
        f"{made.get('versions', '')}; {made.get('date', '')}. Export: "
        f"largest difference of a score from torch {report.get('parity', '?')}.\n\nAgain: "
        f"`crime-detect train --recipe models/{spec.name}/recipe.toml --data DIR`."
    )


def _runs(settings: Training) -> str:
    last = settings.seed + settings.soup - 1
    seeds = f"seeds {settings.seed} to {last}" if settings.soup > 1 else f"seed {settings.seed}"
    each = [f"the regions {', '.join(settings.soup_regions)}"] if settings.soup_regions else []
    if changes := settings.soup_augmentations:
        said = (_changes(one) for one in changes)
        each.append(f"the augmentation {'; '.join(said)}")
    if each:
        return f"mean weights of {seeds}, each with {' and '.join(each)}"
    return f"mean weights of {seeds}" if settings.soup > 1 else seeds


def _changes(changes: Mapping[str, Any]) -> str:
    return f"with {' and '.join(f'{key} {value}' for key, value in changes.items())}" if changes else "as in the recipe"


def _table(heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [heads, tuple("--" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def _with(value: Any, interval: Any) -> str:
    return f"{value} [{interval[0]}, {interval[1]}]" if interval else str(value)
