"""Owns the pages that people see, and the files they are made of."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

from crime_detect_engine.domain.scene import ANIMALS, CARRIED, PERSON, VEHICLES
from crime_detect_engine.domain.types import IncidentSource
from crime_detect_engine.web.access import ACTOR, allows, allows_at, role
from crime_detect_engine.web.auditing import HOUR, IMPERSONAL, audited, unaudited
from crime_detect_engine.web.rendering import camera_names, incident_labels, render
from crime_detect_engine.web.route import ENGINE, UPLOAD_LIMIT_BYTES, Route, read_query
from crime_detect_engine.web.visibility import visible_camera, visible_cameras, visible_incident
from crime_detect_engine.web.words import readable

from .incidents import SEARCH, find_incidents

_STATIC = {path.name: path for path in (Path(__file__).parent.parent / "static").iterdir() if path.is_file()}
_LATEST = 12
_OBJECTS = {"People": (PERSON,), "Vehicles": VEHICLES, "Animals": ANIMALS, "Things": CARRIED}
_AFTER_LOGIN = re.compile(
    r"(incidents(/[0-9A-Z]{26})?|cameras/[a-z0-9_]{1,32}/(masks|zones)|analyze|reports|subjects|audit|account|users)?"
)


@audited("list_incidents", "incidents", fold_s=HOUR)
@role("analyst")
async def show_cameras(request: web.Request) -> web.Response:
    """Cameras with their live picture, and the latest incidents; who sees aggregates only is led to the reports."""
    if not allows(request[ACTOR], "viewer"):
        raise web.HTTPFound("reports")
    cameras = visible_cameras(request)
    page = await find_incidents(request, {"limit": _LATEST})
    healthy, health = request.app[ENGINE].health()
    return render(
        request,
        "cameras.html",
        cameras=cameras,
        names=camera_names(cameras),
        incidents=page.items,
        healthy=healthy,
        health=health,
    )


@audited("list_incidents", "incidents", fold_s=HOUR)
@role("viewer")
async def show_incidents(request: web.Request) -> web.Response:
    """Incidents by filter, a page at a time."""
    search = read_query(request, SEARCH)
    page = await find_incidents(request, {**search, "limit": search.get("limit", 24)})
    chosen = {key: value for key, value in request.query.items() if value and key != "cursor"}
    found = {key: value for key, value in chosen.items() if key != "limit"}
    cameras = visible_cameras(request)
    return render(
        request,
        "incidents.html",
        cameras=cameras,
        names=camera_names(cameras),
        incidents=page.items,
        chosen=chosen,
        first_page="cursor" not in search,
        newest=f"incidents?{urlencode(chosen)}",
        export=f"api/v1/incidents/export?{urlencode(found | {'format': 'csv', 'bom': 'true'})}",
        older=f"incidents?{urlencode({**chosen, 'cursor': page.next_cursor})}" if page.next_cursor else None,
        labels_to_choose=[(label, readable(label)) for label in incident_labels(request.app[ENGINE].info())],
    )


@audited("view_incident", "{incident}")
@role("viewer")
async def show_incident(request: web.Request) -> web.Response:
    """One incident: what a notification on a phone opens."""
    incident = await visible_incident(request)
    names = camera_names(visible_cameras(request))
    # Snapshots of rules have their boxes drawn in already.
    boxes = [] if incident.source is IncidentSource.ZONE else list(incident.boxes)
    originals: frozenset[str] = frozenset()
    if allows_at(request[ACTOR], incident.camera, "investigator"):
        originals = await request.app[ENGINE].originals.kinds(incident.incident_id)
    return render(request, "incident.html", incident=incident, names=names, boxes_to_draw=boxes, originals=originals)


@audited("view_incident", "{incident}")
@role("viewer")
async def show_incident_card(request: web.Request) -> web.Response:
    """The card of one incident as it stands in lists, for pages that add it while they are open."""
    incident = await visible_incident(request)
    names = camera_names(visible_cameras(request))
    return render(request, "card.html", incident=incident, names=names)


@unaudited(IMPERSONAL)
@role("admin")
async def show_masks(request: web.Request) -> web.Response:
    """Drawing what of a camera shall never be seen."""
    camera = visible_camera(request)
    return render(request, "masks.html", camera=camera, why_fixed=request.app[ENGINE].why_fixed(camera.id))


@unaudited(IMPERSONAL)
@role("viewer")
async def show_zones(request: web.Request) -> web.Response:
    """Zones and lines of a camera: drawn by those who may change its settings, looked at by everybody else."""
    camera = visible_camera(request)
    return render(
        request,
        "zones.html",
        camera=camera,
        why_fixed=request.app[ENGINE].why_fixed(camera.id),
        may_change=allows_at(request[ACTOR], camera.id, "admin", "integration"),
        objects=_OBJECTS,
    )


@unaudited(IMPERSONAL)
@role("operator")
async def show_analyze(request: web.Request) -> web.Response:
    """Upload a video or photo and see what the model says."""
    return render(request, "analyze.html", limit_bytes=request.app[UPLOAD_LIMIT_BYTES])


@unaudited(IMPERSONAL)
@role(None)
async def show_login(request: web.Request) -> web.Response:
    """Sign in with a token; a link brings it in the fragment, which browsers never send."""
    return render(request, "login.html", next=page_after_login(request.query.get("next", "")))


def page_after_login(wanted: str) -> str:
    """The page of ours to go on to, relative to the root; the first page for everything else that an address says."""
    return wanted if _AFTER_LOGIN.fullmatch(wanted) else ""


@unaudited(IMPERSONAL)
@role(None)
async def get_static(request: web.Request) -> web.StreamResponse:
    """Style, scripts and icon."""
    path = _STATIC.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"Cache-Control": "no-cache"})


ROUTES = (
    Route("GET", "/", show_cameras),
    Route("GET", "/incidents", show_incidents, query=SEARCH),
    Route("GET", "/incidents/{incident}", show_incident),
    Route("GET", "/incidents/{incident}/card", show_incident_card),
    Route("GET", "/cameras/{camera}/masks", show_masks),
    Route("GET", "/cameras/{camera}/zones", show_zones),
    Route("GET", "/analyze", show_analyze),
    Route("GET", "/login", show_login),
    Route("GET", "/static/{name}", get_static),
)
