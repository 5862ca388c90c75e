"""Owns the parts of a model card that newer reports can fill: seeds, thresholds, subgroups, footage, blind spots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .tables import Table, cell, readable, tables

_LONG = 15
"""Rows from which a table stays in the report."""
_FEW = 10
"""Clips below which a group's recall is not held against anybody."""


def seeds_section(report: Mapping[str, Any]) -> str:
    seeds: Mapping[str, Any] | None = report.get("seeds")
    if not seeds:
        return ""
    keys = ("accuracy", "balanced_accuracy", "roc_auc", "pr_auc", "brier", "ece")
    rows = [(f"seed {seed}", *(cell(found[key]) for key in keys)) for seed, found in seeds["per_seed"].items()]
    interval = seeds["interval_95"]
    mean = [cell(seeds["mean"][key]) + (f" {cell(interval[key])}" if interval.get(key) else "") for key in keys]
    rows.append(("**mean of single networks**", *mean))
    rows.append(("standard deviation", *(cell(seeds["spread"][key]) for key in keys)))
    rows.append(("averaged probabilities", *(cell(seeds["averaged"][key]) for key in keys)))
    table = Table("", ("", *(readable(key) for key in keys)), tuple(rows))
    return f"### Seeds\n\n{table.markdown()}\n\nThe last row is {seeds['averaged']['what']}."


def thresholds_section(part: Mapping[str, Any]) -> str:
    thresholds: Mapping[str, Any] | None = part.get("thresholds")
    if not thresholds:
        return ""
    points = thresholds["most_f1"]
    (sweep,) = tables(thresholds["sweep"])
    text = f"### Thresholds\n\n{sweep.markdown()}\n\n"
    if "nested" in points:
        nested = points["nested"]
        text += (
            f"Most F1: each fold's threshold chosen on the other folds ({cell(list(nested['thresholds'].values()))}) "
            f"gives F1 {cell(nested['f1'])} with precision {cell(nested['precision'])} and recall "
            f"{cell(nested['recall'])}. "
        )
    return text + (
        f"On all folds the best is {cell(points['all_folds']['threshold'])}: the threshold to set, and an F1 of "
        f"{cell(points['all_folds']['f1'])} that is chosen on what it is measured on."
    )


def papers_section(part: Mapping[str, Any]) -> str:
    papers: Mapping[str, Any] | None = part.get("papers")
    if not papers:
        return ""
    third, fourth = papers["S3"], papers["S4"]
    return (
        f"As paper S3 reports, at {cell(third['threshold'])}: accuracy {cell(third['accuracy'])}, precision "
        f"{cell(third['precision'])}, recall {cell(third['recall'])}, F1 {cell(third['f1'])}, MSE of the probabilities "
        f"{cell(third['mse_of_probabilities'])}. As paper S4 does, at {cell(fourth['threshold'])}: false alarm rate "
        f"(false ÷ true alerts) {cell(fourth['false_alarm_rate'])}, sensitivity {cell(fourth['sensitivity'])}, "
        f"specificity {cell(fourth['specificity'])}."
    )


def perfect_section(part: Mapping[str, Any]) -> str:
    perfect: Mapping[str, Any] | None = part.get("ece_of_a_perfect_model")
    if not perfect:
        return ""
    return (
        f"ECE over sources: {cell(part['interval_95']['ece'])}. A perfectly calibrated model would show "
        f"{cell(perfect['mean'])} on as many clips by chance, and up to {cell(perfect['high_95'])} in 95 of 100 cases."
    )


def precisions_section(report: Mapping[str, Any]) -> str:
    proofs: Mapping[str, Any] | None = report.get("precisions")
    if not proofs:
        return ""
    heads = ("precision", "decisions changed", "mean shift", "largest shift", "accuracy", "ROC-AUC", "served")
    rows = tuple(
        (
            name, f"{proof['decisions_changed']} of {proof['windows']} windows", cell(proof["mean_shift"]),
            cell(proof["largest_shift"]), f"{cell(proof['accuracy'])} ({cell(proof['accuracy_in_fp32'])} in fp32)",
            f"{cell(proof['roc_auc'])} ({cell(proof['roc_auc_in_fp32'])})", "yes" if proof["passed"] else "**no**",
        )
        for name, proof in proofs.items()
    )  # fmt: skip
    return (
        "## Precisions\n\nAgainst fp32 on the clips it was made from: whether it decides alike, not how well it does "
        "on new ones.\n\n" + Table("", heads, rows).markdown()
    )


def subgroups_section(report: Mapping[str, Any]) -> str:
    subgroups: Mapping[str, Any] | None = report.get("subgroups")
    if not subgroups:
        return ""
    heads = ("", "", "clips", "sources", "accuracy", "ROC-AUC", "missed", "false", "recall at 0.8", "specificity")
    rows = tuple(
        (
            name, group, cell(found["clips"]), cell(found["sources"]),
            f"{cell(found['accuracy'])} {cell(found['interval_95'])}", cell(found["roc_auc"]), cell(found["missed"]),
            cell(found["false"]), cell(found["recall_at_0.8"]), cell(found["specificity_at_0.8"]),
        )
        for name, groups in subgroups.items()
        for group, found in groups.items()
    )  # fmt: skip
    return (
        "## Errors by what a clip shows\n\nMeasured in the clips' own pictures; nobody labelled light, crowd or size "
        "of persons. Places that move stand for crowd, moving area for size.\n\n" + Table("", heads, rows).markdown()
    )


def false_alerts_section(report: Mapping[str, Any]) -> str:
    alerts: Mapping[str, Any] | None = report.get("false_alerts")
    if not alerts:
        return ""
    plain = {name: {k: v for k, v in p.items() if not isinstance(v, Mapping)} for name, p in alerts["parts"].items()}
    shown = [table.markdown() for table in tables(plain)]
    return f"## False alerts of single windows, from {cell(alerts['threshold'])} up\n\n" + "\n\n".join(shown)


def footage_section(report: Mapping[str, Any]) -> str:
    """Alerts of the whole pipeline; hours are unique, and the bound is what so few hours leave open."""
    footage: Mapping[str, Any] | None = report.get("footage")
    if not footage:
        return ""
    keys = ("unique_hours", "alarms", "per_unique_minute", "per_hour", "per_day", "per_day_bound_95")
    parts = {"all": footage["all"], **footage.get("folders", {})}
    rates = tables({name: {key: part.get(key) for key in keys} for name, part in parts.items()})
    whole = footage["all"]
    texts = [
        "## Ordinary footage through the whole pipeline",
        str(footage.get("method", "")),
        *(table.markdown() for table in rates),
        f"In {cell(whole['unique_hours'])} unique hours ({cell(whole['unique_camera_days'])} camera-days) it alarmed "
        f"{cell(whole['alarms'])} times. With 95 % confidence that excludes only more than "
        f"{cell(whole['per_day_bound_95'])} false alarms a camera-day (3/D for D camera-days without any).",
        _limited("Alerts", footage.get("alerts", ())),
    ]
    return "\n\n".join(text for text in texts if text)


def stress_sections(report: Mapping[str, Any]) -> str:
    """Robustness, splices, small perturbations and hard negatives, as their parts are built."""
    texts = []
    for name in ("robustness", "splices", "adversarial", "hard_negatives"):
        section = report.get(name)
        if not section:
            continue
        texts += [f"## {readable(name).capitalize()}", str(section.get("method", ""))]
        rest = {key: value for key, value in section.items() if key not in ("method", "rules")}
        for table in tables(rest):
            texts.append(_shortened(table))
    return "\n\n".join(text for text in texts if text)


def blind_spots(report: Mapping[str, Any]) -> list[str]:
    """What the figures say it does badly: groups of clips below one half, and pictures that cost it a lot."""
    spots = []
    for name, groups in report.get("subgroups", {}).items():
        for group, found in groups.items():
            recall, quiet = found["recall_at_0.8"], found["specificity_at_0.8"]
            if recall is not None and recall < 0.5 and found["suspicious"] >= _FEW:
                spots.append(f"{name}, {group}: finds {cell(recall)} of {found['suspicious']} incidents at 0.8.")
            if quiet is not None and quiet < 0.8 and found["clips"] - found["suspicious"] >= _FEW:
                ordinary = found["clips"] - found["suspicious"]
                spots.append(f"{name}, {group}: quiet in {cell(quiet)} of {ordinary} ordinary clips at 0.8.")
    for name, found in report.get("robustness", {}).get("conditions", {}).items():
        change = found.get("roc_auc_change")
        if change is not None and change <= -0.05:
            spots.append(f"pictures with {readable(name)}: ROC-AUC changes by {cell(change)}.")
    for kind, found in report.get("hard_negatives", {}).get("kinds", {}).items():
        if found["alarms"]:
            drawn = "drawn " if found["procedural"] else ""
            spots.append(f"{drawn}{readable(kind)}: alarmed {cell(found['alarms'])} times in {found['files']} files.")
    return spots


def harm_section(report: Mapping[str, Any]) -> str:
    if "subgroups" not in report:
        return ""
    spots = blind_spots(report)
    listed = "\n".join(f"- {spot}" for spot in spots) or "- None stood out in these figures; they are few."
    return (
        "## Blind spots\n\nWhere the figures of this report are bad:\n\n" + listed + "\n\n"
        "## Who may be harmed by its errors\n\n"
        "- A false alarm points at people who did nothing: who play, dance, hug, exercise, work or hurry before a "
        "camera, and are then watched, confronted or reported. A person has to look before anybody acts.\n"
        "- A missed incident leaves somebody without help. It may never be the only safeguard.\n"
        "- Its errors are not spread evenly: whoever lives or works in one of the blind spots bears more of them.\n"
        "- Age, sex, skin colour, dress and disability of the people in the clips were not labelled: no figure here "
        "says for whom it errs more, and nobody may conclude that it does not."
    )


def _limited(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join(_shortened(table) for table in tables(list(rows), title)) if rows else ""


def _shortened(table: Table) -> str:
    if len(table.rows) <= _LONG:
        return table.markdown()
    left = len(table.rows) - _LONG
    return f"{Table(table.title, table.heads, table.rows[:_LONG]).markdown()}\n\nAnd {left} more in `report.json`."
