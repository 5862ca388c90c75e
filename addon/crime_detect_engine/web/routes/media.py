"""Owns pictures and clips of incidents; paths come from the engine only, never from an address."""

from __future__ import annotations

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.auditing import audited
from crime_detect_engine.web.picture_links import PICTURE_LINKS
from crime_detect_engine.web.route import API, ENGINE, Route, read_query
from crime_detect_engine.web.stored import send_stored
from crime_detect_engine.web.visibility import visible_incident

_REVISION = vol.Schema({vol.Optional("rev"): vol.All(vol.Coerce(int), vol.Range(min=0, max=10**9))})


@audited("view_snapshot", "{incident}")
@role("viewer")
async def get_snapshot(request: web.Request) -> web.StreamResponse:
    """The best picture so far; with `rev` cacheable for ever, an older `rev` leads to the current one."""
    incident, wanted = await visible_incident(request), read_query(request, _REVISION).get("rev")
    picture = await request.app[ENGINE].media(incident, "snapshot", request[ACTOR])
    if picture is None:
        raise NotFoundError("This incident has no picture, or retention has deleted it.")
    if wanted is not None and wanted > incident.snapshot_rev:
        raise NotFoundError(f"There is no such revision; the current one is {incident.snapshot_rev}.")
    if wanted is not None and wanted < incident.snapshot_rev:
        raise web.HTTPFound(f"snapshot.jpg?rev={incident.snapshot_rev}")
    cache = "private, no-cache" if wanted is None else "private, max-age=31536000, immutable"
    return await send_stored(request, picture, {"Content-Type": "image/jpeg", "Cache-Control": cache})


@audited("view_clip", "{incident}")
@role("viewer")
async def get_clip(request: web.Request) -> web.StreamResponse:
    """The clip as MP4 that a browser plays; ranges are supported."""
    incident = await visible_incident(request)
    clip = await request.app[ENGINE].media(incident, "clip", request[ACTOR])
    if clip is None:
        going_on = incident.ended_at is None
        raise NotFoundError(
            "The clip is made when the incident ends."
            if going_on
            else "This incident has no clip, or retention has deleted it."
        )
    name = f"{incident.camera}-{incident.label}-{incident.incident_id}.mp4"
    headers = {
        "Content-Type": "video/mp4",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'inline; filename="{name}"',
    }
    return await send_stored(request, clip, headers)


@audited("view_snapshot_by_link", "{incident}")
@role(None)
async def get_linked_picture(request: web.Request) -> web.StreamResponse:
    """The best picture of one incident, for an hour, to whoever holds the signed address of an MMS."""
    named = request.match_info
    if request.app[PICTURE_LINKS].opens(named["incident"], named["expires"], named["signature"]):
        engine = request.app[ENGINE]
        picture = await engine.media(await engine.incident(named["incident"]), "snapshot")
        if picture is not None:
            return await send_stored(request, picture, {"Content-Type": "image/jpeg"})
    raise NotFoundError("There is no such picture, or its address has expired.")


_INCIDENT = f"{API}/incidents/{{incident}}"
ROUTES = (
    Route("GET", f"{_INCIDENT}/snapshot.jpg", get_snapshot, query=_REVISION),
    Route("GET", f"{_INCIDENT}/clip.mp4", get_clip),
    Route("GET", f"{API}/pictures/{{incident}}/{{expires}}/{{signature}}.jpg", get_linked_picture),
)
