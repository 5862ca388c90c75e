"""Owns sources that are not cameras yet: one picture of an address, and what Frigate has to offer."""

from __future__ import annotations

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.answers import SOURCES, media
from crime_detect_engine.web.auditing import IMPERSONAL, audited, unaudited
from crime_detect_engine.web.route import API, ENGINE, Route, read_body
from crime_detect_engine.web.schemas import ADDRESS
from crime_detect_engine.web.trials import TRIALS
from crime_detect_engine.web.visibility import require_all_cameras

_SOURCE = vol.Schema({vol.Required("source"): ADDRESS})


@audited("try_source", "a new camera", fold_s=0.0)
@role("admin", "integration")
async def try_source(request: web.Request) -> web.Response:
    """One picture of what would be a camera, as JPEG; one at a time and twelve a minute, 15 seconds at most."""
    require_all_cameras(request, "Trying a source is a step to a new camera")
    body = await read_body(request, _SOURCE)
    with request.app[TRIALS].turn(request[ACTOR]):
        jpeg = await request.app[ENGINE].try_source(body["source"])
    return web.Response(body=jpeg, content_type="image/jpeg")


@unaudited(IMPERSONAL)
@role("admin", "integration")
async def list_frigate_cameras(request: web.Request) -> web.Response:
    """Cameras of Frigate that are not watched; empty without Frigate."""
    require_all_cameras(request, "These are cameras of nobody yet")
    items = [{"source": source, "name": name} for source, name in request.app[ENGINE].frigate_cameras()]
    return web.json_response({"items": items, "next_cursor": None})


ROUTES = (
    Route("POST", f"{API}/sources/test", try_source, body=_SOURCE, answers=media("image/jpeg")),
    Route("GET", f"{API}/sources/frigate", list_frigate_cameras, answers=(SOURCES,)),
)
