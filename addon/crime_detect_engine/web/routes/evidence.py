"""Owns evidence packages over HTTP: made when they are asked for, sent, and deleted here."""

from __future__ import annotations

import asyncio
import base64
import re

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.web.access import ACTOR, allows_at, role
from crime_detect_engine.web.answers import media
from crime_detect_engine.web.auditing import BY_ENGINE, IMPERSONAL, audited, unaudited
from crime_detect_engine.web.errors import ForbiddenError
from crime_detect_engine.web.route import API, ENGINE, Route, read_query
from crime_detect_engine.web.visibility import visible_incident

_DIGEST = vol.Schema(
    {vol.Required("sha256"): vol.Match(re.compile(r"[0-9a-f]{64}\Z"), msg="expected 64 characters of 0-9 and a-f")}
)
_WHOLE = vol.Schema({vol.Optional("originals", default=False): vol.Boolean()})
_CHUNK = 1 << 20


@unaudited(BY_ENGINE)
@role("investigator", "integration")
async def get_evidence(request: web.Request) -> web.StreamResponse:
    """The signed package of an incident; its digest and detached signature are in headers. With `originals` the picture
    and clip before the blur are in it, for investigators. Audited."""
    incident, originals = await visible_incident(request), read_query(request, _WHOLE)["originals"]
    if originals and not allows_at(request[ACTOR], incident.camera, "investigator"):
        await request.app[ENGINE].originals.refuse(incident.incident_id, "evidence", request[ACTOR])
        raise ForbiddenError("Unblurred originals need the role investigator.")
    made = await request.app[ENGINE].evidence(incident.incident_id, request[ACTOR], originals=originals)
    try:
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/zip",
                "Content-Length": str(made.size_bytes),
                "Content-Disposition": f'attachment; filename="evidence-{incident.incident_id}.zip"',
                "X-Evidence-SHA256": made.sha256,
                "X-Evidence-Signature": base64.b64encode(made.signature).decode(),
                "X-Evidence-Key": made.key_id,
            }
        )
        file = await asyncio.to_thread(made.content.open)
        with file:
            await response.prepare(request)
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                await response.write(chunk)
        await response.write_eof()
    finally:
        await asyncio.to_thread(made.path.unlink, missing_ok=True)
    return response


@audited("evidence_signature", "{incident}")
@role("investigator", "integration")
async def get_evidence_signature(request: web.Request) -> web.Response:
    """The detached signature (64 bytes) of a package that was made before, by the SHA-256 of the whole file."""
    incident, digest = await visible_incident(request), read_query(request, _DIGEST)["sha256"]
    signature = await request.app[ENGINE].evidence_signature(incident.incident_id, digest)
    name = f'attachment; filename="evidence-{incident.incident_id}.zip.sig"'
    headers = {"Content-Type": "application/octet-stream", "Content-Disposition": name}
    return web.Response(body=signature, headers=headers)


@unaudited(IMPERSONAL)
@role("viewer")
async def get_evidence_key(request: web.Request) -> web.Response:
    """The public key that checks packages of this installation, in PEM."""
    pem = await request.app[ENGINE].evidence_key()
    return web.Response(body=pem, headers={"Content-Type": "application/x-pem-file"})


_INCIDENT = f"{API}/incidents/{{incident}}"
ROUTES = (
    Route("GET", f"{_INCIDENT}/evidence.zip", get_evidence, query=_WHOLE, answers=media("application/zip")),
    Route(
        "GET",
        f"{_INCIDENT}/evidence.sig",
        get_evidence_signature,
        query=_DIGEST,
        answers=media("application/octet-stream"),
    ),
    Route("GET", f"{API}/evidence/key.pem", get_evidence_key, answers=media("application/x-pem-file")),
)
