"""Pictures and clips: revisions, ranges, reasons, and no way out of the media folder."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest
from yarl import URL


async def test_a_revision_is_kept_for_ever_and_an_older_one_leads_to_the_current(site):
    incident = site.engine.open_incident(snapshot_rev=3)
    address = f"/api/v1/incidents/{incident.incident_id}/snapshot.jpg"
    client = site.client("viewer-token")
    async with client.get(f"{address}?rev=3") as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert "immutable" in answer.headers["Cache-Control"]
    async with client.get(address) as answer:
        assert "immutable" not in answer.headers["Cache-Control"]
    async with client.get(f"{address}?rev=2", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "snapshot.jpg?rev=3")
        assert answer.headers["Cache-Control"] == "no-store"
    async with client.get(f"{address}?rev=4") as answer:
        assert answer.status == 404


async def test_a_clip_is_served_in_ranges(site):
    incident = site.engine.close_incident(site.engine.open_incident(), clip=bytes(range(256)) * 16)
    address, client = f"/api/v1/incidents/{incident.incident_id}/clip.mp4", site.client("viewer-token")
    async with client.get(address) as answer:
        assert (answer.status, answer.content_type) == (200, "video/mp4")
        assert answer.headers["Accept-Ranges"] == "bytes"
    async with client.get(address, headers={"Range": "bytes=256-259"}) as answer:
        assert answer.status == 206
        assert answer.headers["Content-Range"] == "bytes 256-259/4096"
        assert await answer.read() == b"\0\1\2\3"
    async with client.get(address, headers={"Range": "bytes=9999-"}) as answer:
        assert answer.status == 416


async def test_a_missing_clip_says_why(site):
    incident, client = site.engine.open_incident(), site.client("viewer-token")
    async with client.get(f"/api/v1/incidents/{incident.incident_id}/clip.mp4") as answer:
        assert answer.status == 404
        assert "when the incident ends" in (await answer.json())["error"]["message"]
    site.engine.close_incident(incident)
    async with client.get(f"/api/v1/incidents/{incident.incident_id}/clip.mp4") as answer:
        assert "retention" in (await answer.json())["error"]["message"]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\..\\secret", "%2e%2e%2fsecret", "secret\0.jpg",
     "ü" * 2000, "01ARZ3NDEKTSV4RRFFQ69G5FAV/.."],
    ids=["dots", "backslashes", "encoded", "nul", "long", "inside"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["/api/v1/incidents/{}/snapshot.jpg", "/api/v1/cameras/{}/live.jpg", "/static/{}"])
async def test_no_address_leads_out_of_the_media_folder(site, name, place):
    (site.folder.parent / "secret").write_text("secret")
    path = place.format(quote(name, safe="%"))
    async with site.client("admin-token").get(URL(site.url + path, encoded=True)) as answer:
        assert answer.status in (400, 404, 414)
        assert "root:" not in await answer.text()


async def test_a_name_in_the_database_is_not_opened_by_the_web(site):
    """Paths are the engine's business: what it does not give out is not served, whatever the incident says."""
    incident = site.engine.open_incident()
    site.engine.stored[incident.incident_id] = replace(incident, snapshot="gone.jpg")
    async with site.client("viewer-token").get(f"/api/v1/incidents/{incident.incident_id}/snapshot.jpg") as answer:
        assert answer.status == 404
