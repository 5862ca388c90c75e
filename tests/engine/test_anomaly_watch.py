"""Owns the tests of the second score in the flow: its own incidents, told to nobody unless asked; what is learned."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.anomaly_watch import MARGIN_S, AnomalyWatch, anomaly_metrics, anomaly_rules
from crime_detect_engine.domain.ports import CameraRuntime
from crime_detect_engine.domain.types import ANOMALY, ChangeType, Rules, Severity, SuppressedBy
from crime_detect_engine.vision.anomaly import AnomalyOptions
from crime_detect_engine.vision.sequences import SlidingWindow

from tests.fakes import NOON, plain_detector, told_frame

CALM, ODD, FIGHT = 0.05, 0.3, 0.95
NORMAL_WINDOW = np.array([CALM, 0.0], np.float32)
"""Mean and deviation of a calm window of the ScriptedClassifier's one feature."""


def watched(line: Any, **rules: Any) -> AnomalyWatch:
    options = AnomalyOptions(enabled=True)
    line.anomaly = AnomalyWatch(options, anomaly_rules(options, Rules(cooldown_s=0.0, **rules)))
    line.anomaly.detector = plain_detector(NORMAL_WINDOW)
    return line.anomaly


async def test_the_unusual_is_an_incident_of_its_own_that_nobody_is_told_of(make_flow):
    flow = make_flow()
    line = flow.add()
    watched(line)
    await flow.feed(CALM, 32)
    assert flow.alerts == []
    await flow.feed(ODD, 32)
    await flow.feed(CALM, 64)
    assert {alert.label for alert in flow.alerts} == {ANOMALY}
    assert flow.told()[0] == "new"
    assert flow.told()[-1] == "end"
    assert {alert.severity for alert in flow.alerts} == {Severity.DETECTION}
    assert flow.alerts[-1].suppressed_by is SuppressedBy.SHADOW
    assert not any(alert.notify for alert in flow.alerts)
    assert line.view(flow.clock.now(), flow.clock.tick_s())["active"] is False


async def test_severity_makes_it_an_alert(make_flow):
    flow = make_flow()
    watched(flow.add(), severity={ANOMALY: Severity.CRITICAL})
    await flow.feed(CALM, 32)
    await flow.feed(ODD, 32)
    assert max(alert.severity for alert in flow.alerts) is Severity.CRITICAL
    assert any(alert.notify for alert in flow.alerts)


async def test_a_snooze_of_the_unusual_leaves_fights_alone(make_flow):
    flow = make_flow()
    snoozed = {ANOMALY: NOON + timedelta(days=1)}
    watched(flow.add(runtime=CameraRuntime(snoozed_labels=snoozed)), severity={ANOMALY: Severity.ALERT})
    await flow.feed(CALM, 32)
    await flow.feed(FIGHT, 32)
    told = {alert.label: alert.notify for alert in flow.alerts}
    assert told == {"fighting": True, ANOMALY: False}


async def test_privacy_ends_it_and_forgets_the_score(make_flow):
    flow = make_flow()
    line = flow.add()
    watch = watched(line)
    await flow.feed(CALM, 32)
    await flow.feed(ODD, 32)
    await flow.pipeline.pause("yard")
    assert (flow.alerts[-1].type, flow.alerts[-1].label) == (ChangeType.END, ANOMALY)
    assert watch.score is None


async def test_a_camera_that_has_learned_nothing_has_no_second_score(make_flow):
    flow = make_flow()
    line = flow.add()
    watch = watched(line)
    watch.detector = None
    await flow.feed(CALM, 40)
    state = line.view(flow.clock.now(), flow.clock.tick_s())["anomaly"]
    assert (state["state"], state["score"], state["version"]) == ("learning", None, None)
    assert flow.alerts == []


async def test_the_state_shows_the_score_while_it_says_something_of_now(make_flow):
    flow = make_flow()
    line = flow.add()
    watch = watched(line)
    await flow.feed(CALM, 32)
    await flow.feed(ODD, 32)
    state = line.view(flow.clock.now(), flow.clock.tick_s())["anomaly"]
    assert (state["state"], state["threshold"]) == ("watching", 0.8)
    assert state["score"] > 0.9
    assert state["version"] == watch.detector.version
    flow.clock.advance(60)
    assert line.view(flow.clock.now(), flow.clock.tick_s())["anomaly"]["score"] is None


# --- what is learned ----------------------------------------------------------------------------------------------


def observed(small_spec: Any, seconds: float, watch: AnomalyWatch | None = None) -> AnomalyWatch:
    """A watch that has seen that much, frame by frame."""
    options = AnomalyOptions(enabled=True)
    watch = watch or AnomalyWatch(options, anomaly_rules(options, Rules()))
    windows = SlidingWindow(small_spec)
    for step in range(int(seconds * 8)):
        frame = told_frame("yard", step / 8, CALM)
        window = windows.push(frame, np.full(1, CALM, np.float32))
        if window is not None:
            watch.observe(frame, window, 2.0)
    return watch


def settled_s(watch: AnomalyWatch, now_s: float) -> list[float]:
    return [(at - NOON).total_seconds() for at, _ in watch.settled(NOON + timedelta(seconds=now_s))]


def test_windows_that_overlap_are_learned_once_and_only_when_nothing_followed(small_spec):
    watch = observed(small_spec, 100)
    found = settled_s(watch, 2 * MARGIN_S + 50)
    assert len(found) == pytest.approx(25, abs=2)
    assert max(found) <= 50
    assert len(settled_s(watch, 1000)) == pytest.approx(25, abs=2), "the rest, later"


def test_nothing_around_an_incident_is_learned(small_spec):
    watch = observed(small_spec, 300)
    watch.exclude(NOON + timedelta(seconds=100), NOON + timedelta(seconds=120))
    found = settled_s(watch, 1000)
    assert [at for at in found if 100 - MARGIN_S <= at <= 120 + MARGIN_S] == []
    assert min(found) < 10
    assert max(found) > 290


async def test_an_incident_of_the_model_is_not_learned_but_the_unusual_itself_is(make_flow):
    """What the place shows again and again becomes its normal; what the model calls a fight never does."""
    flow = make_flow()
    watch = watched(flow.add())
    await flow.feed(CALM, 32)
    await flow.feed(ODD, 24)
    later = flow.clock.now() + timedelta(hours=1)
    unusual = watch.settled(later)
    assert max(float(row[0]) for _, row in unusual) > 0.2
    await flow.feed(CALM, 40)
    await flow.feed(FIGHT, 32)
    await flow.feed(CALM, 40)
    assert watch.settled(later) == []


def test_a_confirmed_incident_is_to_be_forgotten_once(small_spec):
    watch = observed(small_spec, 60)
    watch.confirm(NOON, NOON + timedelta(seconds=5))
    margin = timedelta(seconds=MARGIN_S)
    assert list(watch.take_confirmed()) == [(NOON - margin, NOON + timedelta(seconds=5) + margin)]
    assert list(watch.take_confirmed()) == []
    assert settled_s(watch, 1000) == []


def test_figures_are_there_for_prometheus(small_spec):
    watch = observed(small_spec, 10)
    watch.trainings, watch.refusals = 3, 1
    samples = {
        (one.name, *one.labels.values()): one.value
        for metric in anomaly_metrics({"yard": watch})
        for one in metric.samples
    }
    assert samples["crime_detect_anomaly_trainings_total", "yard", "promoted"] == 2
    assert samples["crime_detect_anomaly_trainings_total", "yard", "refused"] == 1
    assert samples["crime_detect_anomaly_ready", "yard"] == 0
