"""Owns what a caller may see: cameras and incidents of others look exactly like ones that do not exist."""

from __future__ import annotations

import re

from aiohttp import web

from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.ports import CameraView
from crime_detect_engine.domain.types import Incident

from .access import ACTOR
from .errors import ForbiddenError
from .route import ENGINE

_ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_FOUND = web.RequestKey("incident", Incident)


def visible_cameras(request: web.Request) -> list[CameraView]:
    actor = request[ACTOR]
    return [camera for camera in request.app[ENGINE].cameras() if actor.may_see(camera.id)]


def visible_camera(request: web.Request) -> CameraView:
    """The camera named in the address. Raises NotFoundError."""
    wanted = request.match_info["camera"]
    for camera in visible_cameras(request):
        if camera.id == wanted:
            return camera
    raise NotFoundError("No such camera.")


def require_all_cameras(request: web.Request, what: str) -> None:
    """Raises ForbiddenError for a token that is limited to some cameras."""
    if request[ACTOR].cameras is not None:
        raise ForbiddenError(f"{what}; this token is limited to some cameras.")


async def find_place(request: web.Request) -> str | None:
    """The camera that the address names, itself or by an incident. Raises NotFoundError for what they may not see.

    Asked of every route before its handler, so that none can forget it."""
    if "camera" in request.match_info:
        return visible_camera(request).id
    if "incident" in request.match_info:
        return (await visible_incident(request)).camera
    return None


async def visible_incident(request: web.Request) -> Incident:
    """The incident named in the address, as it was when the request came. Raises NotFoundError."""
    if _FOUND in request:
        return request[_FOUND]
    incident_id = request.match_info["incident"]
    if _ULID.fullmatch(incident_id):
        try:
            incident = await request.app[ENGINE].incident(incident_id)
        except NotFoundError:
            incident = None
        if incident is not None and request[ACTOR].may_see(incident.camera):
            request[_FOUND] = incident
            return incident
    raise NotFoundError("No such incident; it may have been deleted by retention.")
