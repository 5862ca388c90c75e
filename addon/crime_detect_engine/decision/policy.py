"""Owns the decision: scores of one camera become incidents, as pure functions of rules, state, score and arming."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from crime_detect_engine.domain.types import NORMAL, Alert, ChangeType, Rules, Score, Severity, SuppressedBy
from crime_detect_engine.domain.ulid import ulid

from .state import Arming, OpenIncident, PolicyState, Track

SCORE_INTERVAL_S = 0.5
CANDIDATE_SCORES = 2
"""Scores at the log floor that make a stored detection: a single one is noise and would fill the store."""
UPDATE_STEP = 0.02
UPDATE_INTERVAL_S = 1.0
"""A rising confidence is told in such steps and no more often; a rising severity at once."""
PENDING_LIMIT = 120
"""Scores held back at most (a minute): then an update carries them to the store."""
SUM_TOLERANCE = 1e-3


def step(rules: Rules, state: PolicyState, score: Score, arming: Arming) -> tuple[PolicyState, tuple[Alert, ...]]:
    """One score in, alerts out. Raises ValueError for a score that no decision may rest on (NaN, wrong sum, old)."""
    _check(state, score)
    state, ended = expire(rules, state, score.camera, score.at, score.tick_s)
    recent = (*state.recent, score)[-rules.window :]
    tracks: dict[str, Track] = {}
    alerts = list(ended)
    for label in dict.fromkeys((*score.probabilities, *state.tracks)):
        if label == NORMAL:
            continue
        track, told = _follow(rules, state.tracks.get(label, Track()), label, recent, arming)
        alerts += told
        if track != Track():
            tracks[label] = track
    return PolicyState(recent, tracks, score.tick_s, score.at), tuple(alerts)


def expire(
    rules: Rules, state: PolicyState, camera: str, now_at: datetime, now_tick_s: float
) -> tuple[PolicyState, tuple[Alert, ...]]:
    """Ends what is open once no score came for a while (still scene, camera lost); before that changes nothing."""
    if not state.recent or state.last_tick_s is None or state.last_at is None:
        return state, ()
    silence_s = silence_limit_s(rules, state.recent[-1])
    end_tick_s = state.last_tick_s + silence_s
    if now_tick_s <= end_tick_s:
        return state, ()
    end_at = min(now_at, state.last_at + timedelta(seconds=silence_s))
    return close_all(rules, state, camera, end_at, end_tick_s)


def close_all(
    rules: Rules, state: PolicyState, camera: str, now_at: datetime, now_tick_s: float
) -> tuple[PolicyState, tuple[Alert, ...]]:
    """Ends every open incident now (stop, privacy, camera removed, model changed); cooldowns stay.

    A score from before this moment that is still on its way is refused by `step`.
    """
    tracks: dict[str, Track] = {}
    alerts: list[Alert] = []
    for label, track in state.tracks.items():
        tracks[label] = track
        if track.incident is not None:
            tracks[label], alert = _end(rules, track, track.incident, camera, now_at, now_tick_s, tail=False)
            alerts.append(alert)
    newest_tick_s = now_tick_s if state.last_tick_s is None else max(now_tick_s, state.last_tick_s)
    return replace(state, recent=(), tracks=tracks, last_tick_s=newest_tick_s), tuple(alerts)


def silence_limit_s(rules: Rules, last: Score) -> float:
    """Seconds without a score that end an incident: a reconnect costs a model window, then the votes start anew."""
    return rules.window * SCORE_INTERVAL_S + last.window_s


def _check(state: PolicyState, score: Score) -> None:
    values = score.probabilities.values()
    if not any(label != NORMAL for label in score.probabilities):
        raise ValueError("score without a class besides normal")
    if not all(math.isfinite(value) and 0.0 <= value <= 1.0 for value in values):
        raise ValueError("score with a probability that is not within 0..1")
    if abs(sum(values) - 1.0) > SUM_TOLERANCE:
        raise ValueError("score whose probabilities do not sum to 1")
    if not math.isfinite(score.tick_s) or (state.last_tick_s is not None and score.tick_s <= state.last_tick_s):
        raise ValueError("score that is not newer than the one before")


def _follow(
    rules: Rules, track: Track, label: str, recent: tuple[Score, ...], arming: Arming
) -> tuple[Track, tuple[Alert, ...]]:
    own = tuple(one for one in recent if track.ended_tick_s is None or one.tick_s > track.ended_tick_s)
    threshold = rules.threshold_of(label)
    voted = sum(_probability(one, label) >= threshold for one in own) >= rules.votes
    if track.incident is None:
        return _consider(rules, track, label, own, arming, voted)
    return _continue(rules, track, track.incident, own[-1], arming, voted)


def _consider(
    rules: Rules, track: Track, label: str, own: tuple[Score, ...], arming: Arming, voted: bool
) -> tuple[Track, tuple[Alert, ...]]:
    score = own[-1]
    floor = _floor(rules, label)
    if _probability(score, label) < floor:
        return (replace(track, tail=False) if track.tail else track), ()
    candidates = sum(_probability(one, label) >= floor for one in own)
    if not voted and (track.tail or candidates < CANDIDATE_SCORES):
        return track, ()
    confidence = max(_probability(one, label) for one in own)
    incident = OpenIncident(
        incident_id=ulid(score.at, score.camera, label, repr(score.tick_s)),
        label=label,
        started_at=min(_onset(own, label, floor).at, score.at),
        told_at=score.at,
        told_tick_s=score.tick_s,
        told_confidence=confidence,
        confidence=confidence,
        pending=own,
    )
    if voted:
        incident = _rise(rules, track, incident, score.tick_s, arming)
    return _tell(rules, replace(track, tail=False), incident, ChangeType.NEW, score, best=True)


def _continue(
    rules: Rules, track: Track, incident: OpenIncident, score: Score, arming: Arming, voted: bool
) -> tuple[Track, tuple[Alert, ...]]:
    probability = _probability(score, incident.label)
    best = probability > incident.confidence
    incident = replace(
        incident,
        confidence=max(probability, incident.confidence),
        below=incident.below + 1 if probability < _release(rules, incident) else 0,
        pending=(*incident.pending, score),
    )
    if incident.below >= rules.window:
        tail = probability >= _floor(rules, incident.label)
        track, alert = _end(rules, track, incident, score.camera, score.at, score.tick_s, tail=tail)
        return track, (alert,)
    risen = _rise(rules, track, incident, score.tick_s, arming) if voted else incident
    surer = best and probability >= incident.told_confidence + UPDATE_STEP
    rested = score.tick_s - incident.told_tick_s >= UPDATE_INTERVAL_S
    if risen != incident or (surer and rested) or len(incident.pending) >= PENDING_LIMIT:
        return _tell(rules, track, risen, ChangeType.UPDATE, score, best=best)
    return replace(track, incident=incident), ()


def _rise(rules: Rules, track: Track, incident: OpenIncident, tick_s: float, arming: Arming) -> OpenIncident:
    """The incident at the severity that its votes and the arming give it now; never lower than it was.

    Asked again while the votes last: when a snooze, a cooldown or a closed schedule ends in the middle of an
    incident that still goes on, people are told then.
    """
    suppressed_by = _suppression(rules, track, incident.label, tick_s, arming)
    quiet = suppressed_by in (SuppressedBy.PRIVACY, SuppressedBy.SCHEDULE, SuppressedBy.SHADOW)
    severity = Severity.DETECTION if quiet else rules.severity.get(incident.label, Severity.ALERT)
    notify = suppressed_by is None
    if incident.reached and severity <= incident.severity and notify <= incident.notify:
        return incident
    notify = notify or incident.notify
    return replace(
        incident,
        severity=max(severity, incident.severity),
        notify=notify,
        suppressed_by=None if notify else suppressed_by,
        reached=True,
    )


def _suppression(rules: Rules, track: Track, label: str, tick_s: float, arming: Arming) -> SuppressedBy | None:
    if arming.privacy:
        return SuppressedBy.PRIVACY
    if not (arming.schedule_open and arming.detection_on):
        return SuppressedBy.SCHEDULE
    if arming.shadow:
        return SuppressedBy.SHADOW
    if arming.is_snoozed(label):
        return SuppressedBy.SNOOZE
    if track.notified_end_tick_s is not None and tick_s - track.notified_end_tick_s < rules.cooldown_s:
        return SuppressedBy.COOLDOWN
    return None


def _tell(
    rules: Rules, track: Track, incident: OpenIncident, change: ChangeType, score: Score, *, best: bool
) -> tuple[Track, tuple[Alert, ...]]:
    at = max(score.at, incident.told_at)
    alert = _alert(rules, incident, change, score.camera, at, best=best)
    told = replace(
        incident, told_at=at, told_tick_s=score.tick_s, told_confidence=incident.confidence, pending=()
    )  # fmt: skip
    return replace(track, incident=told), (alert,)


def _end(
    rules: Rules, track: Track, incident: OpenIncident, camera: str, at: datetime, tick_s: float, *, tail: bool
) -> tuple[Track, Alert]:
    alert = _alert(rules, incident, ChangeType.END, camera, max(at, incident.told_at), best=False)
    notified_end_tick_s = tick_s if incident.notify else track.notified_end_tick_s
    return Track(None, ended_tick_s=tick_s, notified_end_tick_s=notified_end_tick_s, tail=tail), alert


def _alert(rules: Rules, incident: OpenIncident, change: ChangeType, camera: str, at: datetime, *, best: bool) -> Alert:
    return Alert(
        incident_id=incident.incident_id,
        camera=camera,
        type=change,
        label=incident.label,
        confidence=incident.confidence,
        threshold=rules.threshold_of(incident.label),
        severity=incident.severity,
        notify=incident.notify,
        suppressed_by=incident.suppressed_by,
        started_at=incident.started_at,
        at=at,
        scores=incident.pending,
        best=best,
    )


def _onset(own: tuple[Score, ...], label: str, floor: float) -> Score:
    """The first score of the run at or above the floor that the newest one belongs to."""
    onset = own[-1]
    for one in reversed(own):
        if _probability(one, label) < floor:
            break
        onset = one
    return onset


def _floor(rules: Rules, label: str) -> float:
    return min(rules.log_floor, rules.threshold_of(label))


def _release(rules: Rules, incident: OpenIncident) -> float:
    """A threshold below `release` pulls it down; a candidate that never reached its threshold lives by the floor."""
    release = min(rules.release, rules.threshold_of(incident.label))
    return release if incident.reached else min(release, _floor(rules, incident.label))


def _probability(score: Score, label: str) -> float:
    probabilities: Mapping[str, float] = score.probabilities
    return probabilities.get(label, 0.0)
