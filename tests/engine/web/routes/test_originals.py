"""Untouched originals: for investigators alone, never cached, and each look and each refusal is written down."""

from __future__ import annotations

import pytest

PLACE = "/api/v1/incidents/{}/original.{}"


@pytest.fixture
def incident(site):
    incident = site.engine.open_incident()
    for suffix in ("jpg", "mp4"):
        (site.engine.folder / f"{incident.incident_id}.original.{suffix}").write_bytes(bytes(range(256)) * 8)
    return incident


async def test_an_investigator_is_handed_it_and_it_is_kept_nowhere_on_the_way(site, incident):
    client = site.client("investigator-token")
    async with client.get(PLACE.format(incident.incident_id, "jpg")) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
        assert len(await answer.read()) == 2048
    async with client.get(PLACE.format(incident.incident_id, "mp4"), headers={"Range": "bytes=2-4"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"\2\3\4")
    name = site.engine.actions[0][-1]
    assert site.engine.actions == [
        ("original", incident.incident_id, "snapshot", name),
        ("original", incident.incident_id, "clip", name),
    ]


@pytest.mark.parametrize("asking", ["viewer", "operator", "integration", "analyst"])
async def test_others_are_not_let_in_and_it_is_known_who_asked(site, incident, asking):
    async with site.client(f"{asking}-token").get(PLACE.format(incident.incident_id, "jpg")) as answer:
        assert answer.status == 403
    assert [(one[0], one[1]) for one in site.engine.refused] == [(incident.incident_id, "snapshot")]
    assert site.engine.actions == []


async def test_who_may_not_see_the_camera_is_told_nothing_and_is_noted(site, incident):
    async with site.client("yard-token").get(PLACE.format(incident.incident_id, "mp4")) as answer:
        assert answer.status == 404
    assert [one[:2] for one in site.engine.refused] == [(incident.incident_id, "clip")]


async def test_without_an_original_it_says_why_and_that_is_no_refusal(site):
    incident = site.engine.open_incident()
    async with site.client("admin-token").get(PLACE.format(incident.incident_id, "jpg")) as answer:
        assert answer.status == 404
        assert "encrypt_originals" in (await answer.json())["error"]["message"]
    assert site.engine.refused == []


async def test_the_page_links_them_for_those_who_may(site, incident):
    for asking, shown in (("investigator", True), ("operator", False)):
        async with site.client(f"{asking}-token").get(f"/incidents/{incident.incident_id}") as answer:
            assert (f"{incident.incident_id}/original.jpg" in await answer.text()) is shown


async def test_the_evidence_package_has_them_for_investigators_only(site, incident):
    address = f"/api/v1/incidents/{incident.incident_id}/evidence.zip?originals=true"
    async with site.client("integration-token").get(address) as answer:
        assert answer.status == 403
    assert [one[:2] for one in site.engine.refused] == [(incident.incident_id, "evidence")]
    async with site.client("investigator-token").get(address) as answer:
        assert answer.status == 200
    assert site.engine.actions[-1][0] == "evidence with originals"
