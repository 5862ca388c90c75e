"""That nobody can be known by the summary for everybody, and that it says what it counts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.analytics.periods import period_of
from crime_detect_engine.analytics.public import (
    HIDDEN,
    WITHHELD,
    PublicFigures,
    false_share,
    public_csv,
    public_html,
    public_json,
    told,
)
from crime_detect_engine.domain.reporting import ReportKind

OCTOBER = period_of(ReportKind.PUBLIC, date(2026, 10, 14), ZoneInfo("Europe/Amsterdam"))
DONE = {"erasures_for_people_in_the_picture": 1}


def figures(**changes: object) -> PublicFigures:
    values = {
        "period": OCTOBER, "made_at": datetime(2026, 11, 1, 6, tzinfo=UTC), "instance": "home", "version": "1",
        "cameras": 2, "labels": {"fighting": 12, "robbery": 1, "vandalism": 7}, "logged": 40,
        "verdicts": {"confirmed": 7, "false_alarm": 13, "none": 0}, "watched_h": 1480.4, "watched_days": 31,
        "done": DONE, "keeps": {"clips": "7d"}, "records": 60, "media_bytes": 123_000_000,
        "oldest": datetime(2026, 8, 3, tzinfo=UTC),
    }  # fmt: skip
    return PublicFigures(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counts", "shown", "total"),
    [
        ({"a": 0, "b": 5}, {"a": 0, "b": 5}, 5),
        ({"a": 12, "b": 1, "c": 7}, {"a": 12, "b": HIDDEN, "c": WITHHELD}, 20),
        ({"a": 12, "b": 1, "c": 2}, {"a": 12, "b": HIDDEN, "c": HIDDEN}, 15),
        ({"a": 3}, {"a": HIDDEN}, HIDDEN),
        ({"a": 3, "b": 0}, {"a": HIDDEN, "b": 0}, HIDDEN),
        ({}, {}, 0),
    ],
)
def test_small_counts_are_hidden_and_cannot_be_reckoned(counts: dict[str, int], shown: object, total: object) -> None:
    assert told(counts) == (shown, total)


def test_a_hidden_count_follows_from_nothing_that_is_told() -> None:
    """Whoever subtracts what is told from the total learns of two classes together, never of one."""
    for rare in range(1, 5):
        for other in (0, 3, 5, 9):
            shown, total = told({"rare": rare, "other": other, "often": 30})
            hidden = [name for name, value in shown.items() if isinstance(value, str)]
            assert shown["rare"] == HIDDEN
            assert len(hidden) >= 2 or isinstance(total, str)


def test_the_share_of_false_alarms_tells_no_small_count() -> None:
    assert false_share({"confirmed": 6, "false_alarm": 12}) == 0.65
    assert false_share({"confirmed": 2, "false_alarm": 12}) is None
    assert false_share({"confirmed": 12, "false_alarm": 1}) is None
    assert false_share({"confirmed": 0, "false_alarm": 8}) == 1.0
    assert false_share({"none": 9}) is None
    given_away = {"confirmed": 6, "false_alarm": 12, "none": 2}
    assert told(given_away)[0] == {"confirmed": WITHHELD, "false_alarm": 12, "none": HIDDEN}
    assert false_share(given_away) is None, "with it the withheld count, and then the hidden one, could be reckoned"


def test_all_forms_tell_the_same() -> None:
    summary = public_json(figures())
    assert summary["month"] == "2026-10"
    assert summary["complete"] is True
    assert (summary["alerts"], summary["hours_watched"], summary["days_known"]) == (20, 1480, 31)
    assert summary["done_by_people"] == {"erasures_for_people_in_the_picture": HIDDEN}
    assert summary["kept"]["oldest"] == "2026-08-03"
    assert json.dumps(summary)
    lines = public_csv(figures()).splitlines()
    assert lines[0] == "figure,of,value"
    assert "alerts_by_class,robbery,<5" in lines
    page = public_html(figures())
    assert "October 2026" in page
    assert "&lt;5" in page
    assert "about 65 %" in page
    assert "<script" not in page


def test_names_of_cameras_are_told_only_where_that_is_wanted() -> None:
    assert "camera_names" not in public_json(figures())
    named = figures(names=("<b>Yard</b>",))
    assert public_json(named)["camera_names"] == ["<b>Yard</b>"]
    assert "&lt;b&gt;Yard" in public_html(named)


def test_a_month_that_goes_on_says_so() -> None:
    early = figures(made_at=datetime(2026, 10, 20, tzinfo=UTC))
    assert public_json(early)["complete"] is False
    assert "not over" in public_html(early)
