"""Owns the summary for the public: counts of a month without cases that few would make somebody known by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crime_detect_engine.domain.wire import timestamp

from .html import ENVIRONMENT, STYLE
from .periods import Period
from .sheets import csv_text

SMALL = 5
"""A count below this, other than none, is told as "<5": a neighbour who knows of one case must learn of no other."""
HIDDEN = f"<{SMALL}"
WITHHELD = "withheld"
Count = int | str


@dataclass(frozen=True, slots=True)
class PublicFigures:
    """Of one month: `labels` and `verdicts` count alerts, `logged` what stayed below the threshold.

    `watched_h` are hours for which cameras were seen, of `watched_days` days that are known; `done` counts what people
    did by kind; the rest is what is kept now. `names` are the cameras', where they are told.
    """

    period: Period
    made_at: datetime
    instance: str
    version: str
    cameras: int
    labels: Mapping[str, int]
    verdicts: Mapping[str, int]
    logged: int
    watched_h: float
    watched_days: int
    done: Mapping[str, int]
    records: int
    media_bytes: int
    oldest: datetime | None
    keeps: Mapping[str, str]
    names: tuple[str, ...] = field(default=())

    @property
    def over(self) -> bool:
        return self.made_at >= self.period.end


def told(counts: Mapping[str, int]) -> tuple[dict[str, Count], Count]:
    """Counts as they may be told, and their total.

    Where a single one is hidden the total would give it away: then the next smallest is withheld too, and where there
    is none, the total is hidden as well.
    """
    shown: dict[str, Count] = {name: HIDDEN if 0 < count < SMALL else count for name, count in counts.items()}
    total = sum(counts.values())
    hidden = [name for name, value in shown.items() if value == HIDDEN]
    others = sorted((count, name) for name, count in counts.items() if count >= SMALL)
    if len(hidden) == 1 and others:
        shown[others[0][1]] = WITHHELD
    if 0 < total < SMALL:
        return shown, HIDDEN
    return shown, total


def false_share(verdicts: Mapping[str, int]) -> float | None:
    """False ÷ judged alerts to five hundredths; None where a hidden count could be reckoned from it."""
    shown, _ = told(verdicts)
    if any(isinstance(shown.get(name, 0), str) for name in ("false_alarm", "confirmed")):
        return None
    false, real = verdicts.get("false_alarm", 0), verdicts.get("confirmed", 0)
    return round(false / (false + real) * 20) / 20 if false + real else None


def public_json(figures: PublicFigures) -> dict[str, Any]:
    labels, alerts = told(figures.labels)
    verdicts, _ = told(figures.verdicts)
    month = figures.period.first_day
    summary = {
        "schema_version": 1,
        "month": f"{month:%Y-%m}",
        "complete": figures.over,
        "instance": figures.instance,
        "version": figures.version,
        "made_at": timestamp(figures.made_at),
        "timezone": str(figures.period.zone),
        "cameras": figures.cameras,
        "hours_watched": round(figures.watched_h),
        "days_known": figures.watched_days,
        "alerts": alerts,
        "alerts_by_class": labels,
        "alerts_by_verdict": verdicts,
        "logged_below_threshold": told({"logged": figures.logged})[1],
        "false_alarm_share": false_share(figures.verdicts),
        "kept": {
            "records": told({"records": figures.records})[1],
            "media_bytes": figures.media_bytes,
            "oldest": None if figures.oldest is None else f"{figures.oldest:%Y-%m-%d}",
            "periods": dict(figures.keeps),
        },
        "done_by_people": {name: told({name: count})[1] for name, count in figures.done.items()},
    }
    return summary | ({"camera_names": list(figures.names)} if figures.names else {})


def public_csv(figures: PublicFigures) -> str:
    """What is counted, of what, how many."""
    summary = public_json(figures)
    rows: list[tuple[str, str, Any]] = [("figure", "of", "value")]
    for key, value in summary.items():
        if isinstance(value, dict):
            for name, inner in value.items():
                flat = json.dumps(inner) if isinstance(inner, dict) else inner
                rows.append((key, name, flat))
        else:
            rows.append((key, "", "; ".join(value) if isinstance(value, list) else value))
    return csv_text(rows)


def public_html(figures: PublicFigures) -> str:
    """One page that needs nothing else; everything that comes from people is escaped."""
    return ENVIRONMENT.get_template("public.html").render(
        summary=public_json(figures), period=figures.period, style=STYLE, small=SMALL, withheld=WITHHELD
    )
