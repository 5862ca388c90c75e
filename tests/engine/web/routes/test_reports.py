"""Reports and exports as served: who sees what, in which form, and that nothing in them runs."""

from __future__ import annotations

import csv
import io
import json
from contextlib import ExitStack
from datetime import timedelta

import pytest
from aiohttp import ClientPayloadError
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.types import Severity, Verdict
from crime_detect_engine.web.turns import MAX_WAITING
from pypdf import PdfReader

from tests.fakes import NOON

EVIL = '=cmd|"/c calc"!A1<script>alert(1)</script>'
YESTERDAY = NOON - timedelta(days=1)


async def test_each_form_of_a_report_is_served_with_its_type(site):
    site.engine.open_incident("yard", started_at=YESTERDAY, verdict=Verdict.FALSE_ALARM)
    kinds = {}
    for form in ("json", "csv", "html", "pdf"):
        async with site.client("viewer-token").get(f"/api/v1/reports/daily?format={form}") as answer:
            assert answer.status == 200
            kinds[form] = (answer.content_type, answer.headers["Content-Disposition"].split(";")[0])
            data = await answer.read()
            if form == "pdf":
                assert "Yard" in PdfReader(io.BytesIO(data)).pages[0].extract_text()
            if form == "json":
                assert json.loads(data)["totals"]["false_alarms"] == 1
    assert kinds == {
        "json": ("application/json", "inline"),
        "csv": ("text/csv", "attachment"),
        "html": ("text/html", "inline"),
        "pdf": ("application/pdf", "attachment"),
    }


async def test_a_day_without_anything_has_a_report_too(site):
    for form in ("json", "csv", "html", "pdf"):
        for kind in ("daily", "weekly"):
            address = f"/api/v1/reports/{kind}?format={form}&date=2020-01-01"
            async with site.client("viewer-token").get(address) as answer:
                assert answer.status == 200, address


async def test_a_limited_caller_gets_their_cameras_only(site):
    site.engine.open_incident("front_door", started_at=YESTERDAY)
    mine = site.engine.open_incident("yard", started_at=YESTERDAY)
    client = site.client("yard-token")
    for form in ("json", "csv", "html"):
        async with client.get(f"/api/v1/reports/daily?format={form}") as answer:
            text = await answer.text()
            assert "front_door" not in text
            assert "Front door" not in text
    async with client.get("/api/v1/reports/daily") as answer:
        report = await answer.json()
    assert [one["incident_id"] for one in report["incidents"]] == [mine.incident_id]
    assert "free_bytes" not in report["storage"]
    for other in ("front_door", "nowhere"):
        async with client.get(f"/api/v1/reports/daily?camera={other}") as answer:
            assert answer.status == 404
    async with client.get("/api/v1/incidents/export") as answer:
        assert [one["incident_id"] for one in (await answer.json())["items"]] == [mine.incident_id]
    async with client.get("/api/v1/incidents/export?camera=front_door&format=csv") as answer:
        assert len((await answer.text()).splitlines()) == 1


async def test_nothing_that_people_wrote_runs_in_a_browser_or_a_spreadsheet(site):
    site.engine.put_camera("evil", EVIL)
    site.engine.open_incident("evil", started_at=YESTERDAY, zone=EVIL)
    client = site.client("viewer-token")
    async with client.get("/api/v1/reports/daily?format=html") as answer:
        page, policy = await answer.text(), answer.headers["Content-Security-Policy"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    for address in ("/api/v1/reports/daily?format=csv", "/api/v1/incidents/export?format=csv"):
        async with client.get(address) as answer:
            rows = list(csv.DictReader(io.StringIO(await answer.text())))
        assert [row["zone"][0] for row in rows] == ["'"]
        assert [row["camera_name"] for row in rows] == [f"'{EVIL}"]


@pytest.mark.parametrize(
    "query",
    [
        "date=2026-13-01", "date=yesterday", "date=0001-01-01", "format=xml", "min_confidence=nan", "pictures=maybe",
        "from=2020-01-01T00:00:00Z&to=2020-01-01T01:00:00Z", "verdict=maybe", "camera=../etc", "date=9999-12-31",
    ],
)  # fmt: skip
async def test_what_is_not_allowed_is_named(site, query):
    async with site.client("viewer-token").get(f"/api/v1/reports/daily?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "invalid_input"


async def test_there_are_reports_of_days_and_weeks_only(site):
    async with site.client("admin-token").get("/api/v1/reports/hourly") as answer:
        assert answer.status == 404
    async with site.client().get("/api/v1/reports/daily") as answer:
        assert answer.status == 401


async def test_filters_and_times_cut_what_is_counted(site):
    for hour, label in ((8, "fighting"), (9, "robbery"), (15, "fighting")):
        at = YESTERDAY.replace(hour=hour)
        site.engine.open_incident("yard", label, started_at=at, severity=Severity.CRITICAL)
    address = "/api/v1/reports/daily?label=fighting&from=2026-11-20T07:00:00Z&to=2026-11-20T10:00:00Z"
    async with site.client("viewer-token").get(address) as answer:
        report = await answer.json()
    assert report["totals"]["critical"] == 1
    assert report["period"]["hours"] == 3
    assert report["filters"]["label"] == "fighting"
    assert sum(slot["alerts"] for slot in report["timeline"]) == 1


async def test_an_export_has_every_page_of_the_search_and_is_audited(site):
    for number in range(1203):
        site.engine.open_incident("yard", started_at=YESTERDAY + timedelta(seconds=number), snapshot=None)
    client = site.client("viewer-token")
    async with client.get("/api/v1/incidents/export?format=json&camera=yard") as answer:
        assert answer.headers["Content-Disposition"] == 'attachment; filename="incidents.json"'
        items = (await answer.json())["items"]
    assert len({one["incident_id"] for one in items}) == 1203
    async with client.get("/api/v1/incidents/export?format=csv&camera=yard&bom=true") as answer:
        data = await answer.read()
    assert data.startswith(b"\xef\xbb\xbfincident_id,")
    assert data.count(b"\r\n") == 1204
    exports = [action for action in site.engine.actions if action[0] == "export"]
    assert exports == [
        ("export", "incidents", {"format": form, "camera": "yard"}, "viewer") for form in ("json", "csv")
    ]


async def test_an_export_that_cannot_go_on_is_never_taken_for_whole(site, monkeypatch):
    for number in range(600):
        site.engine.open_incident("yard", started_at=YESTERDAY + timedelta(seconds=number), snapshot=None)
    find, asked = site.engine.incidents, []

    async def find_once(query):
        asked.append(query)
        if len(asked) > 1:
            raise StoreError("the database is locked")
        return await find(query)

    monkeypatch.setattr(site.engine, "incidents", find_once)
    with pytest.raises(ClientPayloadError):
        async with site.client("viewer-token").get("/api/v1/incidents/export?format=csv") as answer:
            await answer.read()


async def test_who_comes_when_too_many_wait_is_told_so(site):
    client = site.client("viewer-token")
    with ExitStack() as waiting:
        for _ in range(MAX_WAITING):
            waiting.enter_context(site.turns.take())
        async with client.get("/api/v1/reports/daily") as answer:
            assert answer.status == 503
            assert (await answer.json())["error"]["code"] == "busy"
    async with client.get("/api/v1/reports/daily") as answer:
        assert answer.status == 200


async def test_the_page_frames_the_report_and_offers_the_files(site):
    async with site.client("yard-token").get("/reports?kind=weekly&date=2026-11-20&label=fighting") as answer:
        page = await answer.text()
        assert "frame-src 'self'" in answer.headers["Content-Security-Policy"]
    assert 'src="api/v1/reports/weekly?date=2026-11-20&amp;label=fighting&amp;format=html"' in page
    assert "Front door" not in page
    for form in ("pdf", "csv", "json"):
        assert f"format={form}" in page
