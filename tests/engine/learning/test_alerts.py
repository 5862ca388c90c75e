"""Owns the proof that every false alert is found with its clip and time, and published as a count only."""

from __future__ import annotations

import json
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.alerts import alert_counts, false_alerts  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402

QUIET, LOUD = (2.0, -2.0), (-2.0, 2.0)
CLIPS = [
    ScoredClip("a.mp4", 0, "a", 0, "youtube", False, (QUIET, LOUD), (2.0, 2.5)),
    ScoredClip("b.mp4", 1, "b", 1, "youtube", False, (LOUD,), (2.0,)),
    ScoredClip("c.mp4", 0, "c", 1, "youtube", False, (QUIET,), (2.0,)),
    ScoredClip("street.mp4", 0, "street", 0, "ordinary", True, (QUIET,) * 3 + (LOUD,), (2.0, 2.5, 3.0, 55.5)),
]


@pytest.fixture
def spec(recipe_text: str) -> Any:
    return parse_recipe(recipe_text).spec


def test_each_window_is_listed_with_clip_and_time_and_fights_are_no_false_alerts(spec: Any) -> None:
    found = {(alert.path, alert.at_s) for alert in false_alerts(spec, CLIPS, 0.8, rescale=False)}
    assert found == {("a.mp4", 2.5), ("street.mp4", 55.5)}
    assert false_alerts(spec, CLIPS, 0.99, rescale=False) == []


def test_the_report_counts_them_by_what_the_clips_show_and_names_none(spec: Any) -> None:
    shows = {clip.path: {"light": "dark" if clip.path == "a.mp4" else "bright"} for clip in CLIPS}
    report = alert_counts(spec, CLIPS, 0.8, shows, rescale=False)
    part = report["parts"]["ordinary"]
    assert (part["windows"], part["windows_with_an_alert"], part["clips_with_an_alert"]) == (4, 1, 1)
    assert part["minutes"] == pytest.approx(55.5 / 60, abs=1e-3)
    normal = report["parts"]["normal clips, out of fold"]
    assert (normal["clips"], normal["clips_with_an_alert_show"]) == (2, {"light": {"dark": 1}})
    assert "mp4" not in json.dumps(report)


def test_scores_of_an_older_run_have_no_times_and_do_not_fail(spec: Any) -> None:
    old = [ScoredClip(c.path, c.label, c.group, c.fold, c.origin, c.extra, c.windows) for c in CLIPS]
    assert {alert.at_s for alert in false_alerts(spec, old, 0.8, rescale=False)} == {None}
    assert alert_counts(spec, old, 0.8)["parts"]["ordinary"]["minutes"] is None
