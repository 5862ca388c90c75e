"""Owns incidents: searching, reading, judging, reporting and deleting them."""

from __future__ import annotations

from typing import Any

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.ports import IncidentQuery, ManualReport, Page
from crime_detect_engine.domain.types import Severity, Verdict
from crime_detect_engine.domain.wire import incident_json
from crime_detect_engine.web.access import ACTOR, require_role_at, role
from crime_detect_engine.web.answers import EMPTY, INCIDENT, INCIDENTS, SCORES, json_answer, named
from crime_detect_engine.web.auditing import BY_ENGINE, HOUR, audited, unaudited
from crime_detect_engine.web.route import API, ENGINE, Route, read_body, read_query
from crime_detect_engine.web.schemas import FRACTION, LABEL, QUERY_TIMESTAMP, TIMESTAMP
from crime_detect_engine.web.visibility import visible_incident

CAMERA = vol.Match(r"^[a-z0-9_]{1,32}$", msg="expected a camera id")
SEARCH = vol.Schema(
    {
        vol.Optional("camera"): CAMERA,
        vol.Optional("label"): LABEL,
        vol.Optional("severity"): vol.In([severity.wire for severity in Severity]),
        vol.Optional("from"): QUERY_TIMESTAMP,
        vol.Optional("to"): QUERY_TIMESTAMP,
        vol.Optional("min_confidence"): FRACTION,
        vol.Optional("verdict"): vol.In([str(verdict) for verdict in Verdict]),
        vol.Optional("q"): vol.Length(max=200),
        vol.Optional("cursor"): vol.Length(max=200),
        vol.Optional("limit"): vol.All(vol.Coerce(int), vol.Range(min=1, max=200)),
    }
)
_VERDICT = vol.Schema({vol.Required("verdict"): vol.Any(None, vol.In([str(verdict) for verdict in Verdict]))})
_ACKNOWLEDGE = vol.Schema({vol.Optional("acknowledged", default=True): bool})
_HOLD = vol.Schema({vol.Optional("hold", default=True): bool})
_REPORT = vol.Schema(
    {
        vol.Required("camera"): CAMERA,
        vol.Required("label"): LABEL,
        vol.Required("started_at"): TIMESTAMP,
        vol.Optional("ended_at", default=None): vol.Any(None, TIMESTAMP),
        vol.Optional("note", default=None): vol.Any(None, vol.All(str, vol.Length(max=2000))),
    }
)


async def find_incidents(request: web.Request, search: dict[str, Any]) -> Page:
    """A page of what the caller may see; `search` as validated by `SEARCH`."""
    return await request.app[ENGINE].incidents(search_of(request, search))


def search_of(request: web.Request, search: dict[str, Any]) -> IncidentQuery:
    """What the caller looks for, among what they may see; another's camera has nothing to be found."""
    actor, camera = request[ACTOR], search.get("camera")
    severity, verdict = search.get("severity"), search.get("verdict")
    return IncidentQuery(
        camera=camera,
        cameras=actor.cameras,
        label=search.get("label"),
        severity=Severity[severity.upper()] if severity else None,
        start=search.get("from"),
        end=search.get("to"),
        min_confidence=search.get("min_confidence"),
        verdict=Verdict(verdict) if verdict else None,
        text=search.get("q"),
        cursor=search.get("cursor"),
        limit=search.get("limit", 50),
    )


@audited("list_incidents", "incidents", fold_s=HOUR)
@role("viewer")
async def list_incidents(request: web.Request) -> web.Response:
    """Incidents, newest first."""
    page = await find_incidents(request, read_query(request, SEARCH))
    return web.json_response({"items": [incident_json(i) for i in page.items], "next_cursor": page.next_cursor})


@audited("view_incident", "{incident}")
@role("viewer")
async def get_incident(request: web.Request) -> web.Response:
    """One incident."""
    return web.json_response(incident_json(await visible_incident(request)))


@audited("view_incident", "{incident}")
@role("viewer")
async def get_scores(request: web.Request) -> web.Response:
    """The scores of one incident in order: time and probability by class."""
    incident = await visible_incident(request)
    scores = await request.app[ENGINE].scores(incident.incident_id)
    return web.json_response({"items": list(scores), "next_cursor": None})


@unaudited(BY_ENGINE)
@role("operator")
async def set_verdict(request: web.Request) -> web.Response:
    """Says whether an incident was real (`confirmed`), a `false_alarm`, or unknown again (null)."""
    incident, body = await visible_incident(request), await read_body(request, _VERDICT)
    verdict = Verdict(body["verdict"]) if body["verdict"] else None
    changed = await request.app[ENGINE].set_verdict(incident.incident_id, verdict, request[ACTOR])
    return web.json_response(incident_json(changed))


@unaudited(BY_ENGINE)
@role("operator")
async def acknowledge_incident(request: web.Request) -> web.Response:
    """Says that somebody has seen it and takes care."""
    incident, body = await visible_incident(request), await read_body(request, _ACKNOWLEDGE)
    changed = await request.app[ENGINE].acknowledge(incident.incident_id, body["acknowledged"], request[ACTOR])
    return web.json_response(incident_json(changed))


@unaudited(BY_ENGINE)
@role("investigator", "integration")
async def hold_incident(request: web.Request) -> web.Response:
    """Keeps an incident and its media from retention until it is released."""
    incident, body = await visible_incident(request), await read_body(request, _HOLD)
    changed = await request.app[ENGINE].hold(incident.incident_id, body["hold"], request[ACTOR])
    return web.json_response(incident_json(changed))


@unaudited(BY_ENGINE)
@role("admin")
async def delete_incident(request: web.Request) -> web.Response:
    """Deletes an incident and its media for good."""
    incident = await visible_incident(request)
    await request.app[ENGINE].delete(incident.incident_id, request[ACTOR])
    return web.Response(status=204)


@unaudited(BY_ENGINE)
@role("operator")
async def report_incident(request: web.Request) -> web.Response:
    """Enters an incident that a person saw."""
    body = await read_body(request, _REPORT)
    engine, actor, report = request.app[ENGINE], request[ACTOR], ManualReport(**body)
    if not actor.may_see(report.camera) or all(camera.id != report.camera for camera in engine.cameras()):
        raise NotFoundError("No such camera.")
    require_role_at(request, report.camera, "operator")
    if report.ended_at is not None and report.ended_at < report.started_at:
        raise InvalidInputError("Not valid: ended_at.", {"ended_at": "is before started_at"})
    return web.json_response(incident_json(await engine.report(report, actor)), status=201)


_INCIDENT = f"{API}/incidents/{{incident}}"
ROUTES = (
    Route("GET", f"{API}/incidents", list_incidents, query=SEARCH, answers=(INCIDENTS,)),
    Route("POST", f"{API}/incidents", report_incident, body=_REPORT, answers=(json_answer(named("Incident"), 201),)),
    Route("GET", _INCIDENT, get_incident, answers=(INCIDENT,)),
    Route("DELETE", _INCIDENT, delete_incident, answers=(EMPTY,)),
    Route("GET", f"{_INCIDENT}/scores", get_scores, answers=(SCORES,)),
    Route("POST", f"{_INCIDENT}/verdict", set_verdict, body=_VERDICT, answers=(INCIDENT,)),
    Route("POST", f"{_INCIDENT}/acknowledge", acknowledge_incident, body=_ACKNOWLEDGE, answers=(INCIDENT,)),
    Route("POST", f"{_INCIDENT}/hold", hold_incident, body=_HOLD, answers=(INCIDENT,)),
)
