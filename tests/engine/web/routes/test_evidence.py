"""Packages over HTTP: the file with its signature, nothing left behind, and only for who may have it."""

from __future__ import annotations

import asyncio
import base64


async def test_a_package_comes_with_its_digest_and_signature(site):
    incident = site.engine.open_incident()
    address = f"/api/v1/incidents/{incident.incident_id}/evidence"
    client = site.client("investigator-token")
    async with client.get(f"{address}.zip") as answer:
        assert answer.status == 200
        assert await answer.read() == b"PK evidence"
        assert answer.content_type == "application/zip"
        assert f'filename="evidence-{incident.incident_id}.zip"' in answer.headers["Content-Disposition"]
        assert base64.b64decode(answer.headers["X-Evidence-Signature"]) == b"s" * 64
        digest = answer.headers["X-Evidence-SHA256"]
    assert site.engine.actions == [("evidence", incident.incident_id, "investigator")]
    async with asyncio.timeout(60):  # whoever asked has the last byte before the file is gone
        while list(site.engine.folder.glob("*.zip")):  # noqa: ASYNC110 - the other side says nothing
            await asyncio.sleep(0.01)
    async with client.get(f"{address}.sig?sha256={digest}") as answer:
        assert (answer.status, await answer.read()) == (200, b"s" * 64)
    async with client.get(f"{address}.sig?sha256={'0' * 64}") as answer:
        assert answer.status == 404
    for wrong in ("", "?sha256=", "?sha256=x", f"?sha256={'E' * 64}"):
        async with client.get(f"{address}.sig{wrong}") as answer:
            assert answer.status == 400


async def test_who_asks_for_somebody_is_named(site):
    incident = site.engine.open_incident()
    client = site.client("integration-token", **{"X-On-Behalf-Of": "Anna"})
    async with client.get(f"/api/v1/incidents/{incident.incident_id}/evidence.zip") as answer:
        assert answer.status == 200
    assert site.engine.actions == [("evidence", incident.incident_id, "integration for Anna")]


async def test_the_public_key_is_for_everybody_who_may_look(site):
    async with site.client("viewer-token").get("/api/v1/evidence/key.pem") as answer:
        assert answer.status == 200
        assert (await answer.text()).startswith("-----BEGIN PUBLIC KEY-----")
