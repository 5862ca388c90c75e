"""Owns the tests of how the unusual is measured: no fight is learned from, no source stands on both sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from crime_detect_engine.learning.anomaly_report import Windows, leave_sources_out, on_footage, with_own_normals

SOURCES, NORMAL, ODD, WIDTH = 8, 6, 2, 12


def drawn(*, shift: float, of_source: float = 0.0) -> Windows:
    """Each source has its own look of strength `of_source`; unusual clips lie `shift` off in one direction."""
    random = np.random.default_rng(0)
    direction = np.ones(WIDTH) / np.sqrt(WIDTH)
    rows, clips, sources, odd = [], [], [], []
    for source in range(SOURCES):
        look = random.standard_normal(WIDTH) * of_source
        for clip in range(NORMAL + ODD):
            for _ in range(2):
                unusual = clip >= NORMAL
                rows.append(look + random.standard_normal(WIDTH) * 0.5 + shift * unusual * direction)
                clips.append(f"{source}-{clip}")
                sources.append(f"s{source}")
                odd.append(unusual)
    flags = np.array(odd)
    return Windows(np.array(rows, np.float32), np.array(clips), np.array(sources), flags, flags.astype(float))


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crime_detect_engine.learning.metrics.RESAMPLES", 100)
    monkeypatch.setattr("crime_detect_engine.learning.anomaly_report.FOLDS", 4)


def test_what_is_off_is_found_and_what_is_not_is_not() -> None:
    found, nothing = leave_sources_out(drawn(shift=6.0)), leave_sources_out(drawn(shift=0.0))
    assert (found["clips"], found["unusual"], found["sources"]) == (SOURCES * (NORMAL + ODD), SOURCES * ODD, SOURCES)
    assert found["together"]["roc_auc"] > 0.95
    low, high = nothing["together"]["interval_95"]
    assert low < 0.5 < high
    assert found["movement_unlearned"]["roc_auc"] == 1.0


def test_a_camera_that_knows_its_own_look_is_better_off() -> None:
    windows = drawn(shift=3.0, of_source=1.0)
    stranger, own = leave_sources_out(windows), with_own_normals(windows)
    assert own["one_class"]["roc_auc"] > stranger["one_class"]["roc_auc"]
    elsewhere = replace(windows, rows=np.where(windows.odd[:, None], windows.rows * 50, windows.rows))
    assert with_own_normals(elsewhere)["together"]["roc_auc"] == 1.0, "nothing unusual is ever learned from"


def test_footage_is_judged_by_what_came_before() -> None:
    random = np.random.default_rng(1)
    rows = random.standard_normal((600, WIDTH)).astype(np.float32)
    steady = on_footage(rows, np.arange(600) * 0.5)
    assert steady["windows_learned"] == 360
    assert steady["share_of_windows_scored_as_rare_as"]["once_in_10"] == pytest.approx(0.1, abs=0.15)
    rows[400:] += 3
    changed = on_footage(rows, np.arange(600) * 0.5)
    assert changed["share_of_windows_scored_as_rare_as"]["once_in_1000"] > 0.5
