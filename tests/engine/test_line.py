"""Owns the tests of one camera's state as people see it."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from crime_detect_engine.decision.state import ALL_LABELS, OpenIncident, PolicyState, Track
from crime_detect_engine.domain.ports import CameraRuntime
from crime_detect_engine.domain.types import Rules, Score, Severity
from crime_detect_engine.line import discrete, running_snooze, snoozed_labels
from crime_detect_engine.rule_judge import RuleJudge
from crime_detect_engine.scene_watch import NOBODY_LOOKS

from tests.fakes import NOON


def test_a_snooze_ends_by_itself():
    runtime = CameraRuntime(snoozed_until=NOON, snoozed_labels={"fire": NOON + timedelta(hours=1), "arson": NOON})
    assert running_snooze(runtime, NOON - timedelta(seconds=1)) == NOON
    assert running_snooze(runtime, NOON) is None
    assert snoozed_labels(runtime, NOON) == {"fire"}
    assert snoozed_labels(runtime, NOON - timedelta(seconds=1)) == {"fire", "arson", ALL_LABELS}
    assert snoozed_labels(CameraRuntime(), NOON) == set()


def test_shadow_ends_at_its_time(make_line):
    line = make_line(rules=Rules(shadow_until=NOON))
    assert line.arming(NOON - timedelta(seconds=1)).shadow
    assert not line.arming(NOON).shadow


def test_a_score_is_shown_only_while_it_says_something_about_now(make_line):
    line = make_line()
    line.score = Score("yard", NOON, 10.0, {"normal": 0.3, "fighting": 0.7}, "m", 5.0)
    assert line.view(NOON, 11.0)["confidence"] == 0.7
    view = line.view(NOON, 60.0)
    assert (view["label"], view["confidence"]) == ("normal", 0.0)


def test_the_delay_is_that_of_the_slow_frames(make_line):
    line = make_line()
    assert line.view(NOON, 0.0)["latency_ms"] is None
    line.latency_s.extend([0.1] * 90 + [2.0] * 10)
    assert line.p95_latency_s() == 2.0


@pytest.mark.parametrize(
    ("key", "at_once"), [("state", True), ("privacy", True), ("fps", False), ("confidence", False)]
)
def test_what_is_told_at_once_and_what_may_wait(make_line, key, at_once):
    view = make_line().view(NOON, 0.0)
    assert (discrete(view) != discrete({**view, key: "another"})) is at_once


def test_what_is_told_of_now_comes_with_its_own_threshold(make_line):
    """A person in a zone at 40 % is beyond that rule's threshold, whatever the model's is."""
    line = make_line(rules=Rules(threshold=0.8))
    found = OpenIncident("i", "trespassing", NOON, NOON, 0.0, 0.5, 0.5, Severity.ALERT, True, reached=True)
    judge = RuleJudge("yard", "gate", "trespassing", Rules(threshold=0.35))
    judge.state = PolicyState(tracks={"trespassing": Track(found)})
    line.scene = SimpleNamespace(judges=(judge,), view=lambda _: NOBODY_LOOKS)
    view = line.view(NOON, 0.0)
    assert (view["active"], view["label"], view["confidence"], view["threshold"]) == (True, "trespassing", 0.5, 0.35)
