"""Owns the summary for the public: for admins, and for everybody where the configuration says so."""

from __future__ import annotations

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.reporting import ReportFormat
from crime_detect_engine.web.access import role
from crime_detect_engine.web.answers import OBJECT, media
from crime_detect_engine.web.auditing import IMPERSONAL, unaudited
from crime_detect_engine.web.route import API, ENGINE, Route, read_query
from crime_detect_engine.web.schemas import QUERY_MONTH

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""Its style is inside it; there is no script in it and none may run."""


_ASKED = vol.Schema(
    {
        vol.Optional("month", default=None): vol.Any(None, QUERY_MONTH),
        vol.Optional("format", default="json"): vol.In(
            [str(one) for one in ReportFormat if one is not ReportFormat.PDF]
        ),
    }
)


async def _answer(request: web.Request, format_: str, *, over: bool = False) -> web.Response:
    asked = read_query(request, _ASKED)
    chosen = ReportFormat(format_ if "format" not in request.query else asked["format"])
    file = await request.app[ENGINE].public.make(asked["month"], chosen, over=over)
    shown = "attachment" if chosen is ReportFormat.CSV else "inline"
    headers = {"Content-Type": file.media_type, "Content-Disposition": f'{shown}; filename="{file.name}"'}
    if chosen is ReportFormat.HTML:
        headers["Content-Security-Policy"] = _POLICY
    return web.Response(body=file.data, headers=headers)


@unaudited(IMPERSONAL)
@role("admin")
async def get_public_summary(request: web.Request) -> web.Response:
    """Counts of a month that may be given to everybody: small ones hidden, no pictures; JSON, HTML or CSV."""
    return await _answer(request, "json")


@unaudited(IMPERSONAL)
@role(None)
async def show_public_summary(request: web.Request) -> web.Response:
    """The same for everybody, where the configuration gives it to them (`reports.public.serve`)."""
    if not request.app[ENGINE].public.served():
        raise NotFoundError("There is no such page.")
    return await _answer(request, "html", over=True)


ROUTES = (
    Route(
        "GET",
        f"{API}/reports/public",
        get_public_summary,
        query=_ASKED,
        answers=(OBJECT, *media("text/csv", "text/html")),
    ),
    Route("GET", "/public", show_public_summary, query=_ASKED),
)
