"""Incidents over HTTP: search, judge, report, delete."""

from __future__ import annotations

from datetime import timedelta

import pytest
from crime_detect_engine.domain.types import Severity, Verdict
from crime_detect_engine.domain.wire import incident_json

from tests.fakes import NOON


async def test_an_incident_reads_as_on_every_other_wire(site):
    incident = site.engine.open_incident()
    async with site.client("viewer-token").get(f"/api/v1/incidents/{incident.incident_id}") as answer:
        assert await answer.json() == incident_json(incident)


async def test_pages_follow_each_other_without_gap_or_repeat(site):
    made = [site.engine.open_incident(started_at=NOON + timedelta(minutes=n)).incident_id for n in range(5)]
    client, found, cursor = site.client("viewer-token"), [], ""
    while cursor is not None:
        async with client.get("/api/v1/incidents", params={"limit": 2, "cursor": cursor}) as answer:
            page = await answer.json()
        found += [item["incident_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert found == made[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "camera=yard",
        "label=robbery",
        "severity=critical",
        "from=2026-11-21T12:30:00Z",
        "from=2026-11-21T13:30:00+01:00",
        "min_confidence=0.96",
        "verdict=confirmed",
        "q=ladder",
        "camera=yard&label=robbery&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z&limit=200",
    ],
)
async def test_each_filter_finds_the_one_that_matches(site, query):
    site.engine.open_incident()
    wanted = site.engine.open_incident(
        "yard", "robbery", started_at=NOON + timedelta(hours=1), confidence=0.97, severity=Severity.CRITICAL,
        verdict=Verdict.CONFIRMED, note="a ladder",
    )  # fmt: skip
    async with site.client("viewer-token").get(f"/api/v1/incidents?{query}") as answer:
        assert [item["incident_id"] for item in (await answer.json())["items"]] == [wanted.incident_id]


@pytest.mark.parametrize(
    "query", ["camera=../x", "severity=loud", "from=yesterday", "from=2026-11-21T12:00:00", "min_confidence=nan",
              "min_confidence=2", "limit=0", "limit=1000", "verdict=maybe", "order=desc", "label=a&label=b"]
)  # fmt: skip
async def test_a_wrong_filter_is_refused_by_name(site, query):
    async with site.client("viewer-token").get(f"/api/v1/incidents?{query}") as answer:
        assert answer.status == 400
        assert query.split("=")[0] in (await answer.json())["error"]["details"]


async def test_judging_acknowledging_and_holding(site):
    incident, client = site.engine.open_incident(), site.client("admin-token")
    address = f"/api/v1/incidents/{incident.incident_id}"
    for what, body, field, value in (
        ("verdict", {"verdict": "false_alarm"}, "verdict", "false_alarm"),
        ("verdict", {"verdict": None}, "verdict", None),
        ("acknowledge", None, "acknowledged", True),
        ("acknowledge", {"acknowledged": False}, "acknowledged", False),
        ("hold", {"hold": True}, "hold", True),
    ):
        async with client.post(f"{address}/{what}", json=body) as answer:
            assert answer.status == 200
            assert (await answer.json())[field] == value
    async with client.post(f"{address}/verdict", json={}) as answer:
        assert answer.status == 400


async def test_scores_come_in_order(site):
    incident = site.engine.open_incident()
    async with site.client("viewer-token").get(f"/api/v1/incidents/{incident.incident_id}/scores") as answer:
        items = (await answer.json())["items"]
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    assert items[4]["probabilities"] == {"normal": 0.07, "fighting": 0.93}


async def test_a_person_reports_an_incident(site):
    body = {"camera": "yard", "label": "burglary", "started_at": "2026-11-21T03:00:00+01:00", "note": "ladder"}
    async with site.client("operator-token").post("/api/v1/incidents", json=body) as answer:
        assert answer.status == 201
        made = await answer.json()
    assert (made["source"], made["camera"], made["started_at"]) == ("manual", "yard", "2026-11-21T02:00:00.000Z")
    _, report, actor = site.engine.actions[0]
    assert (report.note, actor) == ("ladder", "operator")


@pytest.mark.parametrize(
    ("change", "status"),
    [({"camera": "nowhere"}, 404), ({"label": "=cmd()"}, 400), ({"started_at": "now"}, 400),
     ({"note": "x" * 3000}, 400), ({"ended_at": "2026-11-21T02:00:00Z"}, 400)],
)  # fmt: skip
async def test_a_wrong_report_is_refused(site, change, status):
    body = {"camera": "yard", "label": "burglary", "started_at": "2026-11-21T03:00:00Z", **change}
    async with site.client("operator-token").post("/api/v1/incidents", json=body) as answer:
        assert answer.status == status
    assert site.engine.actions == []


async def test_deleting_makes_it_unknown(site):
    incident, client = site.engine.open_incident(), site.client("admin-token")
    address = f"/api/v1/incidents/{incident.incident_id}"
    async with client.delete(address) as answer:
        assert answer.status == 204
    async with client.get(address) as answer:
        assert answer.status == 404
