"""The figures of a report are those that somebody would count by hand."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from crime_detect_engine.analytics.periods import period_of
from crime_detect_engine.analytics.report import MAX_LISTED, MAX_PICTURES, Place, ReportBuilder, report_json
from crime_detect_engine.domain.reporting import ReportKind, ReportQuery
from crime_detect_engine.domain.types import IncidentSource, Severity, SuppressedBy, Verdict

NIGHT = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
LOGGED = {"severity": Severity.DETECTION, "notify": False, "confidence": 0.6}


def test_everything_is_counted_by_camera_class_severity_hour_and_verdict(incident, report) -> None:
    found = [
        incident(verdict=Verdict.CONFIRMED),
        incident(camera="shed", verdict=Verdict.FALSE_ALARM, severity=Severity.CRITICAL),
        incident(label="robbery", notify=False, suppressed_by=SuppressedBy.COOLDOWN),
        incident(started_at=NIGHT + timedelta(hours=3), source=IncidentSource.MANUAL, notify=False),
        incident(**LOGGED),
    ]
    told = report_json(report(found, before=found[:1]))
    assert told["totals"] == {
        "incidents": 5, "alerts": 4, "critical": 1, "notified": 2, "confirmed": 1, "false_alarms": 1,
    }  # fmt: skip
    assert told["before"]["alerts"] == 1
    assert told["by_camera"][0] == {"camera": "yard", "name": "Yard", "incidents": 4, "alerts": 3, "false_alarms": 0}
    assert told["by_label"] == {"fighting": 4, "robbery": 1}
    assert told["by_severity"] == {"alert": 3, "critical": 1, "detection": 1}
    assert told["by_verdict"] == {"none": 2, "confirmed": 1, "false_alarm": 1}
    assert told["not_notified"] == {"below_threshold": 1, "cooldown": 1, "reported_by_a_person": 1}
    assert {hour: count for hour, count in enumerate(told["by_hour"]) if count} == {2: 4, 5: 1}
    assert [slot["alerts"] for slot in told["timeline"]][:6] == [0, 0, 3, 0, 0, 1]
    assert told["timeline"][2]["logged"] == 1
    json.dumps(told, allow_nan=False)


def test_ratios_are_those_of_judged_alerts_and_missing_where_nobody_judged(incident, report) -> None:
    judged = [incident(verdict=Verdict.CONFIRMED), *(incident(verdict=Verdict.FALSE_ALARM, zone=z) for z in "abc")]
    told = report_json(report([*judged, incident(**LOGGED, verdict=Verdict.FALSE_ALARM)]))
    assert told["false_alarm_ratio_s4"] == 3.0
    assert told["alert_precision"] == 0.25
    nothing = report_json(report([incident()]))
    assert nothing["false_alarm_ratio_s4"] is None
    assert nothing["alert_precision"] is None
    assert nothing["false_alarms_per_camera_day"] is None


def test_how_long_people_took_is_counted_from_the_start(incident, report) -> None:
    found = [incident(zone=zone) for zone in "abc"]
    times = {one.incident_id: NIGHT + timedelta(seconds=s) for one, s in zip(found, (30, 90, 600), strict=True)}
    told = report_json(report(found, acknowledged=times))
    assert told["response_time"] == {"count": 3, "median_s": 90.0, "p95_s": 600.0, "longest_s": 600.0}
    assert [one["acknowledged_after_s"] for one in told["incidents"]] == [30.0, 90.0, 600.0]


@pytest.mark.parametrize(("day", "slots"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_no_hour_of_a_day_with_a_clock_change_is_lost_or_counted_twice(incident, report, day, slots) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=2)
    found = [incident(started_at=start + timedelta(minutes=30 * step)) for step in range(60)]
    made = report(found, day=day)
    inside = [one for one in found if made.period.start <= one.started_at < made.period.end]
    assert len(made.timeline) == slots
    assert [slot.alerts for slot in made.timeline] == [2] * slots
    assert len(inside) == 2 * slots


def test_what_is_too_much_to_list_is_counted_all_the_same(incident, report) -> None:
    one = incident()
    made = report([one] * (MAX_LISTED + 5))
    told = report_json(made)
    assert told["totals"]["incidents"] == MAX_LISTED + 5
    assert told["listed"] == len(told["incidents"]) == MAX_LISTED


def test_pictures_are_those_of_the_gravest(incident, report) -> None:
    made = report()
    builder = ReportBuilder(
        period_of(ReportKind.DAILY, date(2026, 11, 20), made.period.zone), ReportQuery(ReportKind.DAILY),
        Place("home", {}, "0"), {},
    )  # fmt: skip
    plain = [incident(zone=str(number), snapshot=f"{number}.jpg") for number in range(MAX_PICTURES + 3)]
    grave = incident(severity=Severity.CRITICAL, snapshot="grave.jpg")
    builder.add([*plain, incident(**LOGGED, snapshot="logged.jpg"), incident(severity=Severity.CRITICAL), grave])
    wanted = builder.wanted_pictures()
    assert wanted[0] == grave
    assert len(wanted) == MAX_PICTURES
    assert all(one.snapshot != "logged.jpg" for one in wanted)
