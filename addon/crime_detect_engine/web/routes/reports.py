"""Owns reports of a day, a week or a month, the export of a search, and the page on which people choose them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.reporting import REPORTS, ReportFormat, ReportKind, ReportQuery
from crime_detect_engine.domain.types import Verdict
from crime_detect_engine.web.access import ACTOR, allows, role
from crime_detect_engine.web.answers import INCIDENTS, OBJECT, media
from crime_detect_engine.web.auditing import BY_ENGINE, IMPERSONAL, unaudited
from crime_detect_engine.web.errors import ForbiddenError
from crime_detect_engine.web.rendering import camera_names, incident_labels, render
from crime_detect_engine.web.route import API, ENGINE, Route, read_query
from crime_detect_engine.web.schemas import FRACTION, LABEL, QUERY_DATE, QUERY_TIMESTAMP
from crime_detect_engine.web.streams import send_export
from crime_detect_engine.web.turns import TURNS
from crime_detect_engine.web.visibility import visible_cameras
from crime_detect_engine.web.words import readable

from .incidents import CAMERA, SEARCH, search_of

_NARROW = ("from", "to", "min_confidence")
"""With these somebody who is shown counts only could ask for one incident after the other, and for its score."""
_TRUTH = vol.In(["true", "false"], msg="expected true or false")
_FILTERS = {
    vol.Optional("date"): QUERY_DATE,
    vol.Optional("camera"): CAMERA,
    vol.Optional("label"): LABEL,
    vol.Optional("min_confidence"): FRACTION,
    vol.Optional("verdict"): vol.In([str(verdict) for verdict in Verdict]),
    vol.Optional("from"): QUERY_TIMESTAMP,
    vol.Optional("to"): QUERY_TIMESTAMP,
}
REPORT = vol.Schema(
    {
        **_FILTERS,
        vol.Optional("format", default="json"): vol.In([str(one) for one in ReportFormat]),
        vol.Optional("pictures", default="true"): _TRUTH,
        vol.Optional("bom", default="false"): _TRUTH,
    }
)
PAGE = vol.Schema({**_FILTERS, vol.Optional("kind", default="daily"): vol.In([str(kind) for kind in REPORTS])})
EXPORT = vol.Schema(
    {
        **{key: check for key, check in SEARCH.schema.items() if str(key) not in ("cursor", "limit")},
        vol.Optional("format", default="json"): vol.In(["json", "csv"]),
        vol.Optional("bom", default="false"): _TRUTH,
    }
)
_REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
"""The report's style is inside it; there is no script in it and none may run."""
_FRAMED = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "frame-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
)


@unaudited(BY_ENGINE)
@role("analyst")
async def get_report(request: web.Request) -> web.Response:
    """A day, a week or a month of the cameras that the caller may see, as JSON, CSV, HTML or PDF."""
    if request.match_info["kind"] not in REPORTS:
        raise NotFoundError("There are reports of days, weeks and months: daily, weekly and monthly.")
    asked = read_query(request, REPORT)
    camera, actor = asked.get("camera"), request[ACTOR]
    if not allows(actor, "viewer") and (narrow := [one for one in _NARROW if one in asked]):
        raise ForbiddenError(f"This needs the role viewer: {', '.join(narrow)} would single incidents out.")
    if camera is not None and not actor.may_see(camera):
        raise NotFoundError("No such camera.")
    verdict, format_ = asked.get("verdict"), ReportFormat(asked["format"])
    query = ReportQuery(
        ReportKind(request.match_info["kind"]),
        asked.get("date"),
        asked.get("from"),
        asked.get("to"),
        camera,
        asked.get("label"),
        asked.get("min_confidence"),
        Verdict(verdict) if verdict else None,
        asked["pictures"] == "true",
        asked["bom"] == "true",
    )
    with request.app[TURNS].take():
        file = await request.app[ENGINE].make_report(query, format_, actor)
    shown = "inline" if format_ in (ReportFormat.HTML, ReportFormat.JSON) else "attachment"
    headers = {"Content-Type": file.media_type, "Content-Disposition": f'{shown}; filename="{_safe(file.name)}"'}
    if format_ is ReportFormat.HTML:
        headers["Content-Security-Policy"] = _REPORT_POLICY
    return web.Response(body=file.data, headers=headers)


@unaudited(BY_ENGINE)
@role("viewer")
async def export_incidents(request: web.Request) -> web.StreamResponse:
    """Everything that a search finds and the caller may see, newest first, as one CSV or JSON."""
    asked = read_query(request, EXPORT)
    format_ = ReportFormat(asked["format"])
    query = search_of(request, asked)
    chunks = await request.app[ENGINE].export_incidents(query, format_, request[ACTOR], bom=asked["bom"] == "true")
    media_type = "application/json" if format_ is ReportFormat.JSON else "text/csv; charset=utf-8; header=present"
    return await send_export(request, chunks, media_type, f"incidents.{format_}")


@unaudited(IMPERSONAL)
@role("analyst")
async def show_reports(request: web.Request) -> web.Response:
    """Choosing a day, a week or a month, seeing its report, and taking it along."""
    asked = read_query(request, PAGE)
    kept = ("date", "camera", "label", "min_confidence", "verdict", "from", "to")
    chosen = {key: request.query[key] for key in kept if request.query.get(key)}
    cameras = visible_cameras(request)
    response = render(
        request,
        "reports.html",
        kind=asked["kind"],
        chosen=chosen,
        names=camera_names(cameras),
        labels_to_choose=[(label, readable(label)) for label in incident_labels(request.app[ENGINE].info())],
        address=lambda format_, **more: f"api/v1/reports/{asked['kind']}?{_encoded(chosen, format_, **more)}",
    )
    response.headers["Content-Security-Policy"] = _FRAMED
    return response


def _encoded(chosen: dict[str, str], format_: str, **more: Any) -> str:
    return urlencode({**chosen, "format": format_, **more})


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


_REPORTED = (OBJECT, *media("text/csv", "text/html", "application/pdf"))
_EXPORTED = (INCIDENTS, *media("text/csv"))
ROUTES = (
    Route("GET", f"{API}/reports/{{kind}}", get_report, query=REPORT, answers=_REPORTED),
    Route("GET", f"{API}/incidents/export", export_incidents, query=EXPORT, answers=_EXPORTED),
    Route("GET", "/reports", show_reports, query=PAGE),
)
