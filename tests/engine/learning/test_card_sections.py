"""Owns the proof that a card tells where a model is bad, and invents nothing that its report does not hold."""

from __future__ import annotations

from typing import Any

import pytest
from crime_detect_engine.learning.card_sections import (
    blind_spots,
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


def group(**changes: Any) -> dict[str, Any]:
    usual = {
        "clips": 60, "sources": 12, "suspicious": 30, "accuracy": 0.9, "interval_95": [0.8, 1.0], "roc_auc": 0.95,
        "missed": 3, "false": 3, "recall_at_0.8": 0.8, "specificity_at_0.8": 0.95,
    }  # fmt: skip
    return usual | changes


REPORT: dict[str, Any] = {
    "subgroups": {
        "light": {
            "dark": group(**{"recall_at_0.8": 0.4}),
            "bright": group(),
            "moonlight": group(clips=4, suspicious=2, **{"recall_at_0.8": 0.0}),
        },
        "moving area": {"large": group(**{"specificity_at_0.8": 0.6})},
    },
    "robustness": {
        "method": "before sampling",
        "conditions": {
            "low_light": {"accuracy": 0.6, "roc_auc_change": -0.12},
            "blur": {"accuracy": 0.8, "roc_auc_change": -0.01},
        },
    },
    "footage": {
        "method": "whole pipeline",
        "all": {
            "unique_hours": 2.5,
            "unique_camera_days": 0.1042,
            "alarms": 1,
            "per_day": 9.6,
            "per_day_bound_95": 45.5,
        },
        "folders": {"street": {"unique_hours": 2.5, "alarms": 1}},
        "alerts": [{"file": "cars.mp4", "time_s": 31.5, "at_cut": True}],
    },
}


def test_what_it_does_badly_is_said_with_its_figure() -> None:
    assert blind_spots(REPORT) == [
        "light, dark: finds 0.4 of 30 incidents at 0.8.",
        "moving area, large: quiet in 0.6 of 30 ordinary clips at 0.8.",
        "pictures with low light: ROC-AUC changes by -0.12.",
    ]
    assert all(spot in harm_section(REPORT) for spot in blind_spots(REPORT))


def test_two_clips_prove_nothing() -> None:
    assert not [spot for spot in blind_spots(REPORT) if "moonlight" in spot]


def test_hours_and_bound_stand_beside_the_alarms() -> None:
    text = footage_section(REPORT)
    assert "In 2.5 unique hours (0.1042 camera-days) it alarmed 1 times" in text
    assert "more than 45.5 false alarms a camera-day" in text
    assert "| cars.mp4 | 31.5 | yes |" in text


def test_a_long_list_stays_in_the_report() -> None:
    alerts = [{"file": f"{n}.mp4", "time_s": n} for n in range(40)]
    text = footage_section({"footage": {**REPORT["footage"], "alerts": alerts}})
    assert "14.mp4" in text
    assert "15.mp4" not in text
    assert "And 25 more in `report.json`." in text


def test_every_condition_has_its_row() -> None:
    text = stress_sections(REPORT)
    assert "## Robustness\n\nbefore sampling" in text
    assert "| low light | 0.6 | -0.12 |" in text


def test_seeds_are_told_as_mean_spread_and_an_average_that_does_not_ship() -> None:
    figures = dict.fromkeys(("accuracy", "balanced_accuracy", "roc_auc", "pr_auc", "brier", "ece"), 0.9)
    seeds = {
        "per_seed": {"7": figures, "8": figures},
        "mean": figures, "spread": dict.fromkeys(figures, 0.01), "interval_95": {"accuracy": [0.85, 0.94]},
        "averaged": {**figures, "accuracy": 0.93, "what": "an ensemble of 2 networks, not the one that ships"},
    }  # fmt: skip
    text = seeds_section({"seeds": seeds})
    assert "| **mean of single networks** | 0.9 [0.85, 0.94] |" in text
    assert "| averaged probabilities | 0.93 |" in text
    assert "not the one that ships" in text


@pytest.mark.parametrize(
    "section",
    [
        false_alerts_section, footage_section, harm_section, papers_section, perfect_section, seeds_section,
        stress_sections, subgroups_section, thresholds_section,
    ],
)  # fmt: skip
def test_an_older_report_gets_no_empty_section(section: Any) -> None:
    assert section({}) == ""


def test_a_precision_that_was_refused_is_told_with_what_it_changed() -> None:
    proof = {
        "windows": 400, "decisions_changed": 2, "mean_shift": 0.001, "largest_shift": 0.07, "accuracy": 0.95,
        "roc_auc": 0.99, "accuracy_in_fp32": 0.95, "roc_auc_in_fp32": 0.99, "passed": True,
    }  # fmt: skip
    text = precisions_section(
        {"precisions": {"bf16": proof, "int8": proof | {"passed": False, "decisions_changed": 40}}}
    )
    bf16, int8 = (next(line for line in text.splitlines() if line.startswith(f"| {name}")) for name in ("bf16", "int8"))
    assert "2 of 400 windows" in bf16
    assert bf16.endswith("| yes |")
    assert "40 of 400 windows" in int8
    assert int8.endswith("| **no** |")
    assert precisions_section({}) == ""


def test_what_looks_like_a_fight_and_alarmed_is_a_blind_spot() -> None:
    kinds = {
        "dancing": {"files": 3, "alarms": 2, "procedural": True},
        "own_gym": {"files": 5, "alarms": 1, "procedural": False},
        "rain": {"files": 3, "alarms": 0, "procedural": True},
    }
    spots = blind_spots({"hard_negatives": {"kinds": kinds}})
    assert spots == ["drawn dancing: alarmed 2 times in 3 files.", "own gym: alarmed 1 times in 5 files."]
