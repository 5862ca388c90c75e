"""Uploads: bounded, named safely, analysed one by one, deleted after."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import FormData
from crime_detect_engine.web.jobs import MAX_WAITING

RESULT = {"label": "fighting", "confidence": 0.9, "suspicious": True, "probabilities": {"fighting": 0.9}, "windows": []}


def form(content: bytes, name: str = "yard.mp4", field: str = "file") -> FormData:
    data = FormData()
    data.add_field(field, content, filename=name)
    return data


async def finished(client, job: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while job["state"] in ("queued", "running"):
            await asyncio.sleep(0.01)
            async with client.get(f"/api/v1/jobs/{job['job_id']}") as answer:
                job = await answer.json()
    return job


async def upload(client, data: FormData) -> tuple[int, dict[str, Any]]:
    async with client.post("/api/v1/analyze", data=data) as answer:
        return answer.status, await answer.json()


async def test_an_upload_becomes_a_result_and_its_file_is_deleted(site):
    site.engine.analysis, client = RESULT, site.client("operator-token")
    status, job = await upload(client, form(b"video" * 1000))
    assert status == 202
    job = await finished(client, job)
    assert (job["state"], job["result"]["label"], job["result"]["path"]) == ("done", "fighting", "yard.mp4")
    assert list(site.folder.iterdir()) == []


async def test_an_unreadable_file_fails_with_its_reason_and_the_next_goes_on(site):
    site.engine.analysis, client = RESULT, site.client("operator-token")
    _, job = await upload(client, form(b"text", "notes.mp4"))
    job = await finished(client, job)
    assert (job["state"], job["error"]) == ("failed", "notes.mp4 is not a video.")
    _, job = await upload(client, form(b"video"))
    assert (await finished(client, job))["state"] == "done"


async def test_an_upload_over_the_limit_is_cut_off_and_leaves_nothing(make_site):
    site = await make_site(upload_limit_bytes=1_000_000)
    status, body = await upload(site.client("operator-token"), form(b"video" * 220_000))
    assert status == 413
    assert body["error"]["message"] == "The file is larger than 1 MB."

    async def endless():
        while True:
            yield b"video" * 10_000

    data = FormData()
    data.add_field("file", endless(), filename="endless.mp4")
    status, _ = await upload(site.client("operator-token"), data)
    assert status == 413
    assert list(site.folder.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "C:\\evil.mp4", "evil.mp4/../../x", "a\u202eb.mp4", "x" * 300 + ".mp4"]
)
async def test_a_file_name_is_never_a_path(site, name):
    status, job = await upload(site.client("operator-token"), form(b"video", name))
    assert status == 202
    assert "/" not in job["name"]
    assert "\\" not in job["name"]
    assert len(job["name"]) <= 120
    assert not (site.folder.parent / "evil.mp4").exists()


@pytest.mark.parametrize(("content", "field"), [(b"", "file"), (b"video", "other")])
async def test_an_empty_or_missing_file_is_refused(site, content, field):
    status, _ = await upload(site.client("operator-token"), form(content, field=field))
    assert status == 400
    assert list(site.folder.iterdir()) == []


async def test_a_body_that_is_no_form_is_refused(site):
    client = site.client("operator-token")
    for headers in ({"Content-Type": "video/mp4"}, {"Content-Type": "multipart/form-data"}):
        async with client.post("/api/v1/analyze", data=b"video", headers=headers) as answer:
            assert answer.status == 400


async def test_a_job_is_seen_by_its_owner_and_admins(site):
    site.engine.analysis = RESULT
    _, job = await upload(site.client("operator-token"), form(b"video"))
    path = f"/api/v1/jobs/{job['job_id']}"
    for token, status in (("investigator-token", 404), ("operator-token", 200), ("admin-token", 200)):
        async with site.client(token).get(path) as answer:
            assert answer.status == status


async def test_the_line_is_bounded(site, monkeypatch):
    blocked = asyncio.Event()

    async def wait(*_arguments: object) -> dict[str, Any]:
        await blocked.wait()
        return RESULT

    monkeypatch.setattr(site.engine, "analyze", wait)
    client = site.client("operator-token")
    statuses = [(await upload(client, form(b"video")))[0] for _ in range(MAX_WAITING + 2)]
    assert statuses == [202] * (MAX_WAITING + 1) + [503]
    assert len(list(site.folder.iterdir())) == MAX_WAITING + 1
