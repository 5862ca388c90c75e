"""The decision: what people are told of a run of scores, and what they are spared (mission rows 53-60)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from crime_detect_engine.decision.policy import PENDING_LIMIT, close_all, expire, silence_limit_s, step
from crime_detect_engine.decision.state import ALL_LABELS, ARMED, Arming, PolicyState
from crime_detect_engine.domain.types import Alert, ChangeType, Rules, Score, Severity, SuppressedBy
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
NEW, UPDATE, END = ChangeType.NEW, ChangeType.UPDATE, ChangeType.END


def score_of(index: float, p: float, label: str = "fighting", **other: float) -> Score:
    rest = 1.0 - p - sum(other.values())
    return Score(
        camera="yard",
        at=START + timedelta(seconds=index * 0.5),
        tick_s=1000.0 + index * 0.5,
        probabilities={"normal": rest, label: p, **other},
        model="m",
        took_ms=1.0,
    )


@dataclass
class Camera:
    """Feeds probabilities of one class, one every 0.5 s, and keeps what came out."""

    rules: Rules = field(default_factory=Rules)
    state: PolicyState = field(default_factory=PolicyState)
    alerts: list[Alert] = field(default_factory=list)
    index: int = 0

    def see(self, *probabilities: float, arming: Arming = ARMED, label: str = "fighting") -> list[Alert]:
        before = len(self.alerts)
        for p in probabilities:
            self.state, alerts = step(self.rules, self.state, score_of(self.index, p, label), arming)
            self.alerts += alerts
            self.index += 1
        return self.alerts[before:]

    def wait(self, seconds: float) -> None:
        """Quiet scenes: the scores go on, close to 0."""
        self.see(*[0.01] * round(seconds * 2))

    def types(self) -> list[ChangeType]:
        return [alert.type for alert in self.alerts]

    def raised(self) -> list[Alert]:
        """The alerts that make a phone ring: a new incident to notify of, or one whose notify turned on."""
        told: set[str] = set()
        rung = []
        for alert in self.alerts:
            if alert.notify and alert.incident_id not in told:
                told.add(alert.incident_id)
                rung.append(alert)
        return rung


@pytest.mark.parametrize("threshold", [0.3, 0.65, 0.79, 0.799, 0.8, 0.801, 0.99])
@pytest.mark.parametrize("delta", [-0.001, 0.0, 0.001])
def test_threshold_boundary(threshold: float, delta: float) -> None:
    """Row 54: `confidence >= threshold` alerts, anything less does not."""
    camera = Camera(Rules(threshold=threshold))
    camera.see(*[threshold + delta] * 10)
    assert [a.severity for a in camera.raised()] == ([Severity.ALERT] if delta >= 0 else [])
    assert all(a.threshold == threshold for a in camera.alerts)


@pytest.mark.parametrize("p", [0.3, 0.65, 0.79, 0.799])
def test_default_threshold_is_080(p: float) -> None:
    camera = Camera()
    camera.see(*[p] * 10)
    assert camera.raised() == []
    camera.see(*[0.8] * 3)
    assert len(camera.raised()) == 1


@pytest.mark.parametrize("p", [0.65, 0.7, 0.75])
def test_ambiguous_clip_is_logged_not_escalated(p: float) -> None:
    """Rows 55 and 60: stored once as a detection with its scores, and nobody is disturbed."""
    camera = Camera()
    camera.see(0.1, *[p] * 8, *[0.1] * 6)
    assert camera.types() == [NEW, END]
    assert {a.severity for a in camera.alerts} == {Severity.DETECTION}
    assert not any(a.notify for a in camera.alerts)
    assert camera.alerts[0].suppressed_by is None
    assert camera.alerts[-1].confidence == p
    assert sum(len(a.scores) for a in camera.alerts) == 14


def test_single_noisy_score_is_not_stored() -> None:
    camera = Camera()
    for _ in range(20):
        camera.see(0.9, *[0.05] * 6)
    assert camera.alerts == []


def test_votes_are_needed_within_the_window() -> None:
    camera = Camera(Rules(votes=3, window=5))
    camera.see(0.9, 0.1, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.9)
    assert camera.raised() == []
    camera.see(0.9, 0.9)
    assert len(camera.raised()) == 1


def test_one_vote_opens_at_once() -> None:
    camera = Camera(Rules(votes=1))
    (alert,) = camera.see(0.85)
    assert (alert.type, alert.severity, alert.notify, alert.best) == (NEW, Severity.ALERT, True, True)


def test_candidate_rises_to_alert() -> None:
    camera = Camera()
    camera.see(0.85, 0.85, 0.85)
    first, second = camera.alerts
    assert (first.type, first.severity, first.notify) == (NEW, Severity.DETECTION, False)
    assert (second.type, second.severity, second.notify) == (UPDATE, Severity.ALERT, True)
    assert first.incident_id == second.incident_id
    assert first.started_at == START


def test_severity_and_threshold_by_class() -> None:
    """Row 58."""
    camera = Camera(Rules(per_class={"fighting": 0.7}, severity={"fighting": Severity.CRITICAL}))
    camera.see(*[0.7] * 3)
    assert camera.raised()[0].severity is Severity.CRITICAL
    assert camera.raised()[0].threshold == 0.7
    other = Camera(camera.rules)
    other.see(*[0.7] * 5, label="robbery")
    assert other.raised() == []


def test_flapping_scores_are_one_incident() -> None:
    """Row 59."""
    camera = Camera()
    camera.see(*[0.95, 0.4] * 40)
    camera.see(*[0.1] * 5)
    assert camera.types()[0] is NEW
    assert camera.types()[-1] is END
    assert len({a.incident_id for a in camera.alerts}) == 1
    assert len(camera.raised()) == 1


def test_ends_after_a_whole_window_below_release() -> None:
    camera = Camera()
    camera.see(*[0.9] * 3, *[0.59] * 4, 0.6, *[0.59] * 4)
    assert END not in camera.types()
    (end,) = camera.see(0.59)
    assert end.type is END
    assert end.confidence == 0.9
    assert end.at == START + timedelta(seconds=12 * 0.5)


def test_fading_tail_is_no_second_incident() -> None:
    camera = Camera()
    camera.see(*[0.9] * 3, *[0.55] * 30)
    assert len({a.incident_id for a in camera.alerts}) == 1
    camera.see(0.2, 0.55, 0.55)
    assert len({a.incident_id for a in camera.alerts}) == 2


def test_threshold_below_release_does_not_end_what_it_opened() -> None:
    camera = Camera(Rules(threshold=0.4, release=0.6))
    camera.see(*[0.45] * 30)
    assert END not in camera.types()
    assert len(camera.raised()) == 1


def test_confidence_is_the_best_and_updates_are_few() -> None:
    """Row 53."""
    camera = Camera()
    ramp = [0.5 + i * 0.005 for i in range(99)]
    camera.see(*ramp)
    updates = [a for a in camera.alerts if a.type is UPDATE]
    confidences = [a.confidence for a in camera.alerts]
    assert confidences == sorted(confidences)
    assert len(updates) <= 25
    assert all(a.best for a in updates if a.severity is Severity.DETECTION)
    (end,) = camera.see(*[0.1] * 5)
    assert end.confidence == max(ramp)


def test_steady_incident_is_flushed_not_repeated() -> None:
    camera = Camera()
    camera.see(*[0.9] * (PENDING_LIMIT * 3))
    assert len(camera.alerts) <= 5
    assert all(len(a.scores) <= PENDING_LIMIT for a in camera.alerts)
    assert len(camera.raised()) == 1


def test_cooldown_of_the_class() -> None:
    camera = Camera(Rules(cooldown_s=60))
    camera.see(*[0.9] * 3)
    camera.wait(30)
    camera.see(*[0.95] * 3)
    camera.wait(3)
    second = camera.alerts[-1]
    assert (second.severity, second.notify, second.suppressed_by) == (Severity.ALERT, False, SuppressedBy.COOLDOWN)
    assert len(camera.raised()) == 1
    camera.see(*[0.9] * 3, label="robbery")
    assert [a.label for a in camera.raised()] == ["fighting", "robbery"]
    camera.wait(60)
    camera.see(*[0.9] * 3)
    assert len(camera.raised()) == 3


def test_suppressed_incident_does_not_renew_the_cooldown() -> None:
    camera = Camera(Rules(cooldown_s=60))
    for _ in range(4):
        camera.see(*[0.9] * 3)
        camera.wait(25)
    assert len(camera.raised()) == 2


def test_incident_that_outlasts_the_cooldown_is_told() -> None:
    """A real fight that begins in the shadow of a false alarm must not stay silent for ever."""
    camera = Camera(Rules(cooldown_s=10))
    camera.see(*[0.9] * 3)
    camera.wait(4)
    camera.see(*[0.9] * 40)
    assert len(camera.raised()) == 2
    assert camera.alerts[-1].suppressed_by is None


@pytest.mark.parametrize(
    ("arming", "reason"),
    [
        (Arming(schedule_open=False), SuppressedBy.SCHEDULE),
        (Arming(detection_on=False), SuppressedBy.SCHEDULE),
        (Arming(shadow=True), SuppressedBy.SHADOW),
        (Arming(privacy=True), SuppressedBy.PRIVACY),
    ],
)
def test_disarmed_camera_only_stores(arming: Arming, reason: SuppressedBy) -> None:
    camera = Camera(Rules(severity={"fighting": Severity.CRITICAL}))
    camera.see(*[0.95] * 10, arming=arming)
    last = camera.alerts[-1]
    assert (last.severity, last.notify, last.suppressed_by) == (Severity.DETECTION, False, reason)


@pytest.mark.parametrize("labels", [{"fighting"}, {ALL_LABELS}])
def test_snooze_stores_the_alert_silently(labels: set[str]) -> None:
    camera = Camera()
    camera.see(*[0.95] * 10, arming=Arming(snoozed=frozenset(labels)))
    last = camera.alerts[-1]
    assert (last.severity, last.notify, last.suppressed_by) == (Severity.ALERT, False, SuppressedBy.SNOOZE)


def test_snooze_of_another_class_does_not_matter() -> None:
    camera = Camera()
    camera.see(*[0.95] * 3, arming=Arming(snoozed=frozenset({"robbery"})))
    assert len(camera.raised()) == 1


def test_arming_in_the_middle_of_an_incident_tells_people() -> None:
    camera = Camera()
    camera.see(*[0.9] * 6, arming=Arming(schedule_open=False))
    assert camera.raised() == []
    (alert,) = camera.see(0.9)
    assert (alert.type, alert.severity, alert.notify, alert.suppressed_by) == (UPDATE, Severity.ALERT, True, None)


def test_disarming_in_the_middle_does_not_lower() -> None:
    camera = Camera()
    camera.see(*[0.9] * 6)
    camera.see(*[0.99] * 4, *[0.1] * 5, arming=Arming(schedule_open=False))
    assert camera.types()[-1] is END
    assert (camera.alerts[-1].severity, camera.alerts[-1].notify) == (Severity.ALERT, True)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.1, 1.1])
def test_score_of_no_meaning_is_refused(bad: float) -> None:
    camera = Camera(Rules(votes=1))
    camera.see(0.1)
    wrong = replace(score_of(5, 0.5), probabilities={"normal": 1 - bad, "fighting": bad})
    with pytest.raises(ValueError, match="score"):
        step(camera.rules, camera.state, wrong, ARMED)


@pytest.mark.parametrize("probabilities", [{}, {"normal": 1.0}, {"normal": 0.5, "fighting": 0.9}, {"fighting": 0.9}])
def test_score_that_does_not_sum_to_one_is_refused(probabilities: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="score"):
        step(Rules(votes=1), PolicyState(), replace(score_of(0, 0.5), probabilities=probabilities), ARMED)


def test_repeated_or_late_score_is_refused() -> None:
    camera = Camera()
    camera.see(0.9, 0.9)
    for index in (0, 1):
        with pytest.raises(ValueError, match="newer"):
            step(camera.rules, camera.state, score_of(index, 0.9), ARMED)


@pytest.mark.parametrize("jump_s", [-86400, -1, 3600])
def test_clock_step_changes_nothing_but_the_written_time(jump_s: float) -> None:
    def run(jump: float) -> list[Alert]:
        rules, state, out = Rules(), PolicyState(), []
        for i, p in enumerate([0.9] * 6 + [0.1] * 8 + [0.9] * 6):
            score = score_of(i, p)
            if i >= 4:
                score = replace(score, at=score.at + timedelta(seconds=jump))
            state, alerts = step(rules, state, score, ARMED)
            out += alerts
        return out

    plain, stepped = run(0), run(jump_s)
    assert [(a.type, a.severity, a.notify) for a in plain] == [(a.type, a.severity, a.notify) for a in stepped]
    assert all(a.at >= a.started_at for a in stepped)


def test_silence_ends_the_incident() -> None:
    camera = Camera()
    camera.see(*[0.9] * 4)
    last = camera.state.recent[-1]
    limit_s = silence_limit_s(camera.rules, last)
    early = expire(camera.rules, camera.state, "yard", last.at + timedelta(seconds=limit_s), last.tick_s + limit_s)
    assert early == (camera.state, ())
    late_at, late_tick_s = last.at + timedelta(hours=1), last.tick_s + 3600
    state, (end,) = expire(camera.rules, camera.state, "yard", late_at, late_tick_s)
    assert end.type is END
    assert end.at == last.at + timedelta(seconds=limit_s)
    assert state.open_incidents == ()
    assert expire(camera.rules, state, "yard", late_at, late_tick_s) == (state, ())


def test_old_votes_do_not_count_after_a_silence() -> None:
    camera = Camera()
    camera.see(0.9, 0.9)
    camera.index += 60
    camera.see(0.9)
    assert camera.raised() == []
    assert camera.types() == [NEW, END]


def test_short_gap_of_a_reconnect_keeps_the_incident() -> None:
    camera = Camera()
    camera.see(*[0.9] * 4)
    camera.index += 7
    camera.see(*[0.9] * 4)
    assert END not in camera.types()


def test_close_all_ends_and_refuses_what_is_on_its_way() -> None:
    camera = Camera()
    camera.see(*[0.9] * 4)
    at, tick_s = START + timedelta(seconds=3), 1003.0
    state, (end,) = close_all(camera.rules, camera.state, "yard", at, tick_s)
    assert (end.type, end.at, state.open_incidents) == (END, at, ())
    with pytest.raises(ValueError, match="newer"):
        step(camera.rules, state, score_of(5, 0.9), ARMED)
    camera.state, camera.index = state, 7
    camera.see(*[0.9] * 3)
    assert camera.alerts[-1].suppressed_by is SuppressedBy.COOLDOWN


def test_classes_have_their_own_incidents() -> None:
    rules, state = Rules(threshold=0.4, votes=1), PolicyState()
    state, alerts = step(rules, state, score_of(0, 0.45, robbery=0.45), ARMED)
    assert {a.label for a in alerts} == {"fighting", "robbery"}
    assert len({a.incident_id for a in alerts}) == 2
    assert {one.label for one in state.open_incidents} == {"fighting", "robbery"}


def test_rules_swapped_in_place_keep_the_votes() -> None:
    camera = Camera(Rules(threshold=0.95))
    camera.see(*[0.9] * 5)
    assert camera.raised() == []
    camera.rules = replace(camera.rules, threshold=0.85)
    camera.see(0.9)
    assert len(camera.raised()) == 1


def test_every_score_of_an_incident_is_handed_over_once() -> None:
    camera = Camera()
    values: Sequence[float] = [0.1, 0.55, 0.6, 0.9, 0.9, 0.9, 0.3, 0.95, *[0.1] * 5]
    camera.see(*values)
    seen = [s.probabilities["fighting"] for a in camera.alerts for s in a.scores]
    assert seen == values


# --- properties ----------------------------------------------------------------------------------------------------

PROBABILITIES = st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)).map(
    lambda three: tuple(part / (sum(three) or 1.0) for part in three) if sum(three) else (1.0, 0.0, 0.0)
)
ARMINGS = st.builds(
    Arming,
    schedule_open=st.booleans(),
    detection_on=st.booleans(),
    shadow=st.booleans(),
    privacy=st.booleans(),
    snoozed=st.sets(st.sampled_from(["fighting", "robbery", ALL_LABELS])).map(frozenset),
)
MOSTLY_ARMED = st.one_of(st.just(ARMED), st.just(ARMED), ARMINGS)
RULES = st.builds(
    Rules,
    threshold=st.sampled_from([0.3, 0.5, 0.7, 0.8, 0.99]),
    per_class=st.dictionaries(st.sampled_from(["fighting", "robbery"]), st.sampled_from([0.2, 0.6, 0.9])),
    release=st.sampled_from([0.1, 0.4, 0.6, 0.9]),
    log_floor=st.sampled_from([0.1, 0.5, 0.95]),
    votes=st.integers(1, 3),
    window=st.integers(3, 6),
    cooldown_s=st.sampled_from([0.0, 3.0, 60.0]),
    severity=st.dictionaries(st.just("fighting"), st.sampled_from([Severity.ALERT, Severity.CRITICAL])),
)
STEPS = st.lists(
    st.tuples(
        PROBABILITIES,
        st.sampled_from([0.5, 0.5, 0.5, 1.0, 30.0]),
        st.sampled_from([0, 0, 0, -7200, 7200]),
        MOSTLY_ARMED,
    ),
    max_size=60,
)
Steps = list[tuple[tuple[float, float, float], float, int, Arming]]


def play(rules: Rules, steps: Steps) -> list[tuple[Score, Arming, PolicyState, tuple[Alert, ...]]]:
    """Runs the steps and closes at the end; each entry is what went in and what came out."""
    state, at, tick_s, out = PolicyState(), START, 100.0, []
    for (normal, fighting, robbery), seconds, jump_s, arming in steps:
        tick_s += seconds
        at += timedelta(seconds=seconds + jump_s)
        probabilities = {"normal": normal, "fighting": fighting, "robbery": robbery}
        score = Score("yard", at, tick_s, probabilities, "m", 1.0)
        state, alerts = step(rules, state, score, arming)
        out.append((score, arming, state, alerts))
    if out:
        score, arming = out[-1][:2]
        out.append((score, arming, *close_all(rules, state, "yard", at, tick_s + 1)))
    return out


@given(RULES, STEPS)
def test_each_incident_begins_once_grows_and_ends_once(rules: Rules, steps: Steps) -> None:
    by_id: dict[str, list[Alert]] = {}
    open_by_label: dict[str, str] = {}
    for *_, alerts in play(rules, steps):
        for alert in alerts:
            by_id.setdefault(alert.incident_id, []).append(alert)
            if alert.type is NEW:
                assert alert.label not in open_by_label
                open_by_label[alert.label] = alert.incident_id
            assert open_by_label[alert.label] == alert.incident_id
            if alert.type is END:
                del open_by_label[alert.label]
    assert not open_by_label
    for story in by_id.values():
        assert [a.type for a in story] == [NEW, *[UPDATE] * (len(story) - 2), END]
        assert len({(a.label, a.started_at) for a in story}) == 1
        assert [a.confidence for a in story] == sorted(a.confidence for a in story)
        assert [a.severity for a in story] == sorted(a.severity for a in story)
        assert [a.notify for a in story] == sorted(a.notify for a in story)
        assert [a.at for a in story] == sorted(a.at for a in story)
        assert all(a.at >= a.started_at for a in story if a.type is END)
        ticks = [score.tick_s for a in story for score in a.scores]
        assert ticks == sorted(set(ticks))
        assert story[-1].confidence == max(s.probabilities[story[0].label] for a in story for s in a.scores)


@given(RULES, STEPS)
def test_nobody_is_told_without_votes_and_arming(rules: Rules, steps: Steps) -> None:
    told: set[str] = set()
    recent: list[Score] = []
    for score, arming, _, alerts in play(rules, steps):
        recent = [*recent, score][-rules.window :]
        for alert in alerts:
            assert alert.severity is not Severity.DETECTION or not alert.notify
            assert not (alert.notify and alert.suppressed_by)
            if alert.notify and alert.incident_id not in told:
                told.add(alert.incident_id)
                assert alert.confidence >= alert.threshold
                votes = [one.probabilities[alert.label] >= rules.threshold_of(alert.label) for one in recent]
                assert sum(votes) >= rules.votes
                assert arming.schedule_open
                assert arming.detection_on
                assert not arming.shadow
                assert not arming.privacy
                assert not arming.is_snoozed(alert.label)


@given(RULES, STEPS)
def test_people_are_told_of_a_class_once_a_cooldown(rules: Rules, steps: Steps) -> None:
    ends: dict[str, float] = {}
    told: set[str] = set()
    last: Score | None = None
    for score, _, _, alerts in play(rules, steps):
        for alert in alerts:
            if alert.notify and alert.type is not END and alert.incident_id not in told:
                told.add(alert.incident_id)
                assert score.tick_s - ends.get(alert.label, -1e9) >= rules.cooldown_s
            if alert.notify and alert.type is END:
                silent_s = math.inf if last is None else last.tick_s + silence_limit_s(rules, last)
                ends[alert.label] = min(score.tick_s, silent_s)
        last = score


@given(RULES, STEPS)
def test_same_input_same_decision(rules: Rules, steps: Steps) -> None:
    first, second = play(rules, steps), play(rules, steps)
    assert first == second


@given(RULES, STEPS, st.data())
def test_step_leaves_the_old_state_alone(rules: Rules, steps: Steps, data: st.DataObject) -> None:
    states = [entry[2] for entry in play(rules, steps)[:-1]]
    if not states:
        return
    state = data.draw(st.sampled_from(states))
    before = (state.recent, dict(state.tracks), state.last_tick_s)
    for entry in play(rules, steps):
        if entry[0].tick_s > (state.last_tick_s or 0):
            step(rules, state, entry[0], entry[1])
    assert (state.recent, dict(state.tracks), state.last_tick_s) == before
