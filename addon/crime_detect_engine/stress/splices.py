"""Owns long splices: ordinary clips in a row with incidents between them, and as many cuts that lead to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from crime_detect_engine.domain.ports import Classifier, RawFrame
from crime_detect_engine.domain.types import NORMAL, ModelSpec, Rules
from crime_detect_engine.sources.file import FileSource, probe_duration
from crime_detect_engine.watching import AT_CUT_S, Notice, watch

from .footage import rules_of
from .frames import Retimed
from .rates import alarm_rates

LEAST_S = 6.0
"""A shorter clip is played to and fro until it is so long: two seconds after a cut cannot fill the votes."""
LONGEST_S = 120.0
_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_SAME_CUT_S = 0.4
"""A cut found so close after a splice is that splice."""


@dataclass(frozen=True, slots=True)
class Piece:
    path: Path
    label: str


@dataclass(frozen=True, slots=True)
class Span:
    """One piece in its splice; `unique_s` is its own length, without what was played again."""

    piece: Piece
    start_s: float
    end_s: float
    unique_s: float


@dataclass(frozen=True, slots=True)
class Spliced:
    """What the pipeline made of one splice."""

    spans: tuple[Span, ...]
    notices: tuple[Notice, ...]
    cuts: tuple[float, ...]
    """As the sampler found them."""


def plan_splices(pieces: Sequence[Piece], seed: int = 0) -> list[list[Piece]]:
    """Rounds of normal, normal, incident, normal, normal, incident, …: each incident once over all rounds.

    So there are as many cuts between normal clips as from one to an incident. Every round plays the same number of
    normal clips, in another order.
    """
    random = np.random.default_rng(seed)
    ordered = sorted(pieces, key=lambda piece: (str(piece.path), piece.label))
    normal = [piece for piece in ordered if piece.label == NORMAL]
    incidents = [piece for piece in ordered if piece.label != NORMAL]
    incidents = [incidents[i] for i in random.permutation(len(incidents))]
    size = min(len(incidents), len(normal) // 2)
    rounds = []
    for start in range(0, len(incidents) if size else 0, max(size, 1)):
        calm = iter([normal[i] for i in random.permutation(len(normal))])
        rounds.append(
            [one for incident in incidents[start : start + size] for one in (next(calm), next(calm), incident)]
        )
    return rounds


def play_splice(pieces: Sequence[Piece], classifier: Classifier, rules: Rules) -> Spliced:
    """One long stream whose source says nothing of its cuts. Raises SourceError for a piece that cannot be read."""
    spans: list[Span] = []
    found = watch(_splice(pieces, spans.append), classifier, rules, camera="splice")
    return Spliced(tuple(spans), tuple(found.notices), tuple(found.cuts))


def _splice(pieces: Sequence[Piece], done: Callable[[Span], None]) -> Iterator[RawFrame]:
    now_s = 0.0
    for piece in pieces:
        start_s = now_s
        unique_s = min(probe_duration(piece.path), LONGEST_S)
        for offset_s, raw in _frames(piece.path, unique_s):
            now_s = start_s + offset_s
            yield Retimed(raw, now_s, _START)
        done(Span(piece, start_s, now_s, unique_s))
        now_s += 0.04


def _frames(path: Path, length_s: float) -> Iterator[tuple[float, RawFrame]]:
    frames = FileSource(path).frames()
    if length_s >= LEAST_S:
        for raw in frames:
            if raw.stream_s > LONGEST_S:
                return
            yield raw.stream_s, raw
        return
    kept = list(frames)
    yield from _to_and_fro(kept)


def _to_and_fro(frames: Sequence[RawFrame]) -> Iterator[tuple[float, RawFrame]]:
    """Forwards, backwards, forwards, … without a jump, up to LEAST_S."""
    steps = [after.stream_s - before.stream_s for before, after in pairwise(frames)]
    at_s, index, direction = 0.0, 0, 1
    yield at_s, frames[0]
    while at_s < LEAST_S and steps:
        if not 0 <= index + direction < len(frames):
            direction = -direction
        at_s += max(steps[min(index, index + direction)], 0.001)
        index += direction
        yield at_s, frames[index]


def splices_section(spliced: Sequence[Spliced], spec: ModelSpec, rules: Rules) -> dict[str, Any]:
    """The `splices` section of a report."""
    late_s = rules.window * 0.5
    told: list[dict[str, Any]] = []
    alarms: list[dict[str, Any]] = []
    for one in spliced:
        events, false = _judge(one, late_s)
        told += events
        alarms += false
    delays = sorted(event["delay_s"] for event in told if event["delay_s"] is not None)
    spans = [span for one in spliced for span in one.spans]
    unique = {span.piece.path: span.unique_s for span in spans if span.piece.label == NORMAL}
    plays = sum(span.piece.label == NORMAL for span in spans) / max(1, len(unique))
    rates = alarm_rates(len(alarms) / max(plays, 1.0), sum(unique.values()))
    return {
        "method": f"normal, normal, incident, and again; clips shorter than {LEAST_S:g} s are played to and fro, "
        "without a jump; the source says nothing of its cuts. An alert up to "
        f"{late_s:g} s after an incident is its own. Normal clips are played in every round: false alarms are averaged "
        "over their plays, hours count once",
        "rules": rules_of(rules),
        "rounds": len(spliced),
        "cuts": _cuts(spliced),
        "event_recall": _ratio(sum(event["delay_s"] is not None for event in told), len(told)),
        "events": {"played": len(told), "told": len(delays), "preceded_by_an_alarm": sum(e["preceded"] for e in told)},
        "delay_s": {
            "median": _quantile(delays, 0.5),
            "p95": _quantile(delays, 0.95),
            "least_possible": round(spec.min_frames / spec.fps + (rules.votes - 1) * 0.5, 2),
        },
        "false_alarms": {
            **rates,
            "listed": len(alarms),
            "at_cuts": sum(alarm["at_cut"] for alarm in alarms),
            "away_from_cuts": sum(not alarm["at_cut"] for alarm in alarms),
        },
        "false_alarms_listed": alarms,
        "missed": sorted(event["file"] for event in told if event["delay_s"] is None),
    }


def _judge(one: Spliced, late_s: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events with their delay (None where missed), and false alarms with the clip that they fell into."""
    events, mine = [], set()
    for span in (span for span in one.spans if span.piece.label != NORMAL):
        hits = [n for n in one.notices if span.start_s <= n.at_s <= span.end_s + late_s]
        mine |= {id(hit) for hit in hits}
        before = [n for n in one.notices if span.start_s - late_s <= n.at_s < span.start_s]
        delay_s = round(hits[0].at_s - span.start_s, 2) if hits else None
        events.append({"file": _name(span.piece), "delay_s": delay_s, "preceded": not hits and bool(before)})
    alarms = []
    for notice in (notice for notice in one.notices if id(notice) not in mine):
        span = max((s for s in one.spans if s.start_s <= notice.at_s), key=lambda s: s.start_s)
        since_s = notice.at_s - span.start_s
        alarms.append(
            {
                "file": _name(span.piece),
                "time_s": round(since_s, 2),
                "label": notice.label,
                "confidence": round(notice.confidence, 4),
                "at_cut": since_s <= AT_CUT_S and span is not one.spans[0],
                "moving_share": round(notice.moving_share, 4),
            }
        )
    return events, alarms


def _cuts(spliced: Sequence[Spliced]) -> dict[str, Any]:
    kinds: dict[str, list[bool]] = {"normal_to_normal": [], "normal_to_incident": [], "incident_to_normal": []}
    extra = 0
    for one in spliced:
        starts = [span.start_s for span in one.spans[1:]]
        extra += sum(all(not 0 <= cut - start <= _SAME_CUT_S for start in starts) for cut in one.cuts)
        for before, span in pairwise(one.spans):
            names = ["normal" if s.piece.label == NORMAL else "incident" for s in (before, span)]
            found = any(0 <= cut - span.start_s <= _SAME_CUT_S for cut in one.cuts)
            kinds["_to_".join(names)].append(found)
    return {
        **{name: len(found) for name, found in kinds.items()},
        "found_share": _ratio(sum(map(sum, kinds.values())), sum(map(len, kinds.values()))),
        "found_elsewhere": extra,
    }


def _name(piece: Piece) -> str:
    return f"{piece.path.parent.name}/{piece.path.name}"


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _quantile(values: Sequence[float], share: float) -> float | None:
    return round(float(np.quantile(values, share)), 2) if values else None
