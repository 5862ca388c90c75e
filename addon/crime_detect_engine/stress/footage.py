"""Owns ordinary footage through the pipeline: every alert in it is false and is listed by file, time and cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.ports import Classifier
from crime_detect_engine.domain.types import Rules
from crime_detect_engine.watching import Notice, Watch, watch_file

from .rates import alarm_rates

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ordinary:
    """One file in which nothing happens that may alarm, and who judges it."""

    path: Path
    name: str
    """As the report calls it."""
    kind: str
    """The folder, or what is hard about it."""
    classifier: Classifier
    trained_on: bool = False
    procedural: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    file: Ordinary
    watch: Watch


def watch_ordinary(files: Iterable[Ordinary], rules: Rules, tell: Tell) -> tuple[list[Seen], list[dict[str, str]]]:
    """Plays each file once, copies by content left out: loops and copies are no hours. Also what could not be used."""
    seen: list[Seen] = []
    left_out: list[dict[str, str]] = []
    known: dict[str, str] = {}
    for file in files:
        digest = _digest(file.path)
        if digest in known:
            left_out.append({"file": file.name, "why": f"the same as {known[digest]}"})
            continue
        known[digest] = file.name
        try:
            seen.append(Seen(file, watch_file(file.path, file.classifier, rules)))
        except SourceError as error:
            left_out.append({"file": file.name, "why": str(error)})
            continue
        tell(f"watched {file.name}: {len(seen[-1].watch.notices)} alerts")
    return seen, left_out


def footage_section(seen: Sequence[Seen], left_out: Sequence[Mapping[str, str]], rules: Rules) -> dict[str, Any]:
    """The `footage` section of a report."""
    kinds = dict.fromkeys(one.file.kind for one in seen)
    return {
        "method": "file → sampler with motion gate and cuts → classifier → window → policy with the rules below; each "
        "file once, copies left out; an alert is an incident at alert severity, notified or not",
        "rules": rules_of(rules),
        "all": _rates(seen),
        "folders": {kind: _rates([one for one in seen if one.file.kind == kind]) for kind in kinds},
        "alerts": [alert_row(one.file.name, notice) for one in seen for notice in one.watch.notices],
        "files": [_file(one) for one in seen],
        "left_out": list(left_out),
    }


def hard_negatives_section(seen: Sequence[Seen], rules: Rules) -> dict[str, Any]:
    """The `hard_negatives` section: what looks like an incident and is none, kind by kind."""
    kinds: dict[str, Any] = {}
    for kind in dict.fromkeys(one.file.kind for one in seen):
        own = [one for one in seen if one.file.kind == kind]
        kinds[kind] = {
            "procedural": all(one.file.procedural for one in own),
            **_rates(own),
        }
    return {
        "method": "the whole pipeline as for footage; procedural kinds are drawn, not filmed, and say little of people",
        "rules": rules_of(rules),
        "kinds": kinds,
        "alerts": [
            {"kind": one.file.kind, **alert_row(one.file.name, notice)} for one in seen for notice in one.watch.notices
        ],
    }


def alert_row(name: str, notice: Notice) -> dict[str, Any]:
    since = notice.since_cut_s
    return {
        "file": name,
        "time_s": round(notice.at_s, 2),
        "label": notice.label,
        "confidence": round(notice.confidence, 4),
        "notified": notice.notify,
        "at_cut": notice.at_cut,
        "since_cut_s": None if since is None else round(since, 2),
        "moving_share": round(notice.moving_share, 4),
    }


def rules_of(rules: Rules) -> dict[str, Any]:
    return {
        name: getattr(rules, name) for name in ("threshold", "release", "log_floor", "votes", "window", "cooldown_s")
    }


def _rates(seen: Sequence[Seen]) -> dict[str, Any]:
    notices = [notice for one in seen for notice in one.watch.notices]
    values = [value for one in seen for _, value in one.watch.suspicions()]
    return {
        "files": len(seen),
        "files_trained_on": sum(one.file.trained_on for one in seen),
        **alarm_rates(len(notices), sum(one.watch.seconds for one in seen)),
        "alarms_notified": sum(notice.notify for notice in notices),
        "alarms_at_cuts": sum(notice.at_cut for notice in notices),
        "cuts": sum(len(one.watch.cuts) for one in seen),
        "windows": len(values),
        "windows_above_0.5": sum(value >= 0.5 for value in values),
        "windows_above_0.8": sum(value >= 0.8 for value in values),
        "highest": round(max(values, default=0.0), 4),
    }


def _file(one: Seen) -> dict[str, Any]:
    watch = one.watch
    return {
        "file": one.file.name,
        "kind": one.file.kind,
        "trained_on": one.file.trained_on,
        "seconds": round(watch.seconds, 1),
        "gate_open_share": round(watch.moving / watch.frames, 4) if watch.frames else 0.0,
        "cuts": len(watch.cuts),
        "windows": len(watch.scores),
        "highest": round(max((value for _, value in watch.suspicions()), default=0.0), 4),
        "alerts": len(watch.notices),
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        found = sha256()
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()
