"""Owns what people ask about keeping: the rules, what they would delete, what became of files, and the page of it."""

from __future__ import annotations

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.web.access import ACTOR, allows, role
from crime_detect_engine.web.answers import EMPTY, OBJECT, RETENTION
from crime_detect_engine.web.auditing import BY_ENGINE, IMPERSONAL, audited, unaudited
from crime_detect_engine.web.errors import ForbiddenError
from crime_detect_engine.web.rendering import camera_names, incident_labels, render
from crime_detect_engine.web.route import API, ENGINE, Route, read_body, read_query
from crime_detect_engine.web.schemas import LABEL, SHORT_TEXT
from crime_detect_engine.web.visibility import require_all_cameras, visible_cameras, visible_incident
from crime_detect_engine.web.words import readable

_VERDICT = vol.In(["confirmed", "false_alarm", "none"], msg="expected confirmed, false_alarm or none")
_PATH = vol.All(str, vol.Length(min=1, max=1000, msg="expected the full path of a folder"))
_ARCHIVE = vol.Schema(
    {
        vol.Required("path"): _PATH,
        vol.Optional("after"): vol.Any(None, SHORT_TEXT),
        vol.Optional("quota"): vol.Any(None, SHORT_TEXT),
    }
)
_RULES = vol.Schema(
    {
        vol.Optional("incidents"): vol.Any(None, SHORT_TEXT),
        vol.Optional("below_threshold"): vol.Any(None, SHORT_TEXT),
        vol.Optional("per_class"): vol.Any(None, {LABEL: SHORT_TEXT}),
        vol.Optional("per_verdict"): vol.Any(None, {_VERDICT: SHORT_TEXT}),
        vol.Optional("snapshots"): vol.Any(None, SHORT_TEXT),
        vol.Optional("clips"): vol.Any(None, SHORT_TEXT),
        vol.Optional("originals"): vol.Any(None, SHORT_TEXT),
        vol.Optional("trends"): vol.Any(None, SHORT_TEXT),
        vol.Optional("media_quota"): vol.Any(None, SHORT_TEXT),
        vol.Optional("archive"): vol.Any(None, _ARCHIVE),
    }
)
_PART = vol.Schema(
    {
        vol.Optional("limit"): vol.All(vol.Coerce(int), vol.Range(min=1, max=1000)),
        vol.Optional("offset"): vol.All(vol.Coerce(int), vol.Range(min=0, max=10**9)),
    }
)
_EVERY = "Retention covers all cameras"


@unaudited(IMPERSONAL)
@role("admin", "integration")
async def get_retention(request: web.Request) -> web.Response:
    """How long things are kept, and how much."""
    return web.json_response(dict(request.app[ENGINE].retention()))


@unaudited(BY_ENGINE)
@role("admin", "integration")
async def put_retention(request: web.Request) -> web.Response:
    """Changes what is sent; null goes back to the default, what is left out stays."""
    require_all_cameras(request, _EVERY)
    body = await read_body(request, _RULES)
    if not body:
        raise InvalidInputError(f"Nothing to change; send any of {', '.join(str(key) for key in _RULES.schema)}.")
    engine = request.app[ENGINE]
    # Where the engine writes files is for its administrator: programs send back what they were told.
    moved = "archive" in body and body["archive"] != engine.retention()["archive"]
    if moved and not allows(request[ACTOR], "admin"):
        raise ForbiddenError("Where the archive lies needs the role admin.")
    return web.json_response(dict(await engine.set_retention(body, request[ACTOR])))


@audited("dry_run", "retention")
@role("admin", "integration")
async def dry_run(request: web.Request) -> web.Response:
    """What would be deleted and moved now and why, by the rules in force or changed by those that are sent."""
    require_all_cameras(request, _EVERY)
    part = read_query(request, _PART)
    rules = await read_body(request, _RULES)
    plan = await request.app[ENGINE].keeping.dry_run(rules, part.get("limit", 100), part.get("offset", 0))
    return web.json_response(dict(plan))


@unaudited(IMPERSONAL)
@role("admin")
async def get_state(request: web.Request) -> web.Response:
    """What lies where, the archive, what is on hold, and why clean-up waits."""
    require_all_cameras(request, _EVERY)
    return web.json_response(dict(await request.app[ENGINE].keeping.state()))


@unaudited(BY_ENGINE)
@role("admin")
async def confirm(request: web.Request) -> web.Response:
    """Clean-up goes on: somebody has looked at the disk, the database or the clock that it doubts."""
    require_all_cameras(request, _EVERY)
    await request.app[ENGINE].keeping.confirm(request[ACTOR])
    return web.Response(status=204)


@audited("view_files", "{incident}")
@role("investigator")
async def get_files(request: web.Request) -> web.Response:
    """The files of an incident, and what became of each: made, looked at, moved, deleted."""
    incident = await visible_incident(request)
    return web.json_response(dict(await request.app[ENGINE].keeping.files(incident.incident_id)))


@unaudited(IMPERSONAL)
@role("admin")
async def show_retention(request: web.Request) -> web.Response:
    """The rules, what they would delete, what lies where."""
    require_all_cameras(request, _EVERY)
    engine = request.app[ENGINE]
    labels = [(label, readable(label)) for label in incident_labels(engine.info())]
    names = camera_names(visible_cameras(request))
    return render(request, "retention.html", state=await engine.keeping.state(), names=names, labels=labels)


ROUTES = (
    Route("GET", f"{API}/retention", get_retention, answers=(RETENTION,)),
    Route("PUT", f"{API}/retention", put_retention, body=_RULES, answers=(RETENTION,)),
    Route("GET", f"{API}/retention/state", get_state, answers=(OBJECT,)),
    Route("POST", f"{API}/retention/dry-run", dry_run, query=_PART, body=_RULES, answers=(OBJECT,)),
    Route("POST", f"{API}/retention/confirm", confirm, answers=(EMPTY,)),
    Route("GET", f"{API}/incidents/{{incident}}/files", get_files, answers=(OBJECT,)),
    Route("GET", "/retention", show_retention),
)
