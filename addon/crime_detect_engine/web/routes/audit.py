"""Owns the audit for admins: searching it, reading it, and taking it along."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.auditing import AuditEntry, AuditFormat, Auditing, AuditQuery
from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.wire import timestamp
from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.answers import media, named, page
from crime_detect_engine.web.auditing import AUDIT, BY_ENGINE, audited, unaudited
from crime_detect_engine.web.rendering import render
from crime_detect_engine.web.route import API, Route, read_query
from crime_detect_engine.web.schemas import QUERY_TIMESTAMP
from crime_detect_engine.web.streams import send_export
from crime_detect_engine.web.visibility import require_all_cameras

_INCIDENT = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_PART = vol.Length(max=128)
_FILTERS = {
    vol.Optional("actor"): _PART,
    vol.Optional("action"): vol.Length(max=32),
    vol.Optional("target"): _PART,
    vol.Optional("from"): QUERY_TIMESTAMP,
    vol.Optional("to"): QUERY_TIMESTAMP,
}
SEARCH = vol.Schema(
    {
        **_FILTERS,
        vol.Optional("cursor"): vol.Length(max=20),
        vol.Optional("limit"): vol.All(vol.Coerce(int), vol.Range(min=1, max=200)),
    }
)
EXPORT = vol.Schema({**_FILTERS, vol.Optional("format", default="jsonl"): vol.In([str(one) for one in AuditFormat])})
_TYPES = {AuditFormat.JSONL: "application/jsonl", AuditFormat.CSV: "text/csv; charset=utf-8; header=present"}


@audited("view_audit", "audit")
@role("admin")
async def list_audit(request: web.Request) -> web.Response:
    """Who did and saw what, newest first; `link` is the entry's place in the hash chain."""
    audit = _audit(request)
    found = await audit.audit(_query(read_query(request, SEARCH)))
    return web.json_response({"items": [entry_json(one) for one in found.items], "next_cursor": found.next_cursor})


@unaudited(BY_ENGINE)
@role("admin")
async def export_audit(request: web.Request) -> web.StreamResponse:
    """All that a search finds, oldest first: JSON lines that can be checked offline, or CSV."""
    audit, asked = _audit(request), read_query(request, EXPORT)
    format_ = AuditFormat(asked["format"])
    chunks = await audit.export_audit(_query(asked), format_, request[ACTOR])
    return await send_export(request, chunks, _TYPES[format_], f"audit.{format_}")


@audited("view_audit", "audit")
@role("admin")
async def show_audit(request: web.Request) -> web.Response:
    """The audit for people."""
    audit, search = _audit(request), read_query(request, SEARCH)
    read = await audit.audit(_query(search))
    chosen = {key: value for key, value in request.query.items() if value and key != "cursor"}
    found = {key: value for key, value in chosen.items() if key != "limit"}

    def export(format_: str) -> str:
        return f"api/v1/audit/export?{urlencode(found | {'format': format_})}"

    return render(
        request,
        "audit.html",
        entries=read.items,
        actions=await audit.audit_actions(),
        chosen=chosen,
        first_page="cursor" not in search,
        newest=f"audit?{urlencode(chosen)}",
        older=f"audit?{urlencode({**chosen, 'cursor': read.next_cursor})}" if read.next_cursor else None,
        export=export,
        said=lambda action: action.replace("_", " ").capitalize(),
        is_incident=lambda target: _INCIDENT.fullmatch(target) is not None,
    )


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    seq, digest = entry.link or (None, None)
    return {
        "id": entry.id,
        "at": timestamp(entry.at),
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "target": entry.target,
        "details": dict(entry.details),
        "link": {"seq": seq, "hash": digest},
    }


def _audit(request: web.Request) -> Auditing:
    require_all_cameras(request, "The audit covers all cameras")
    if AUDIT not in request.app:
        raise NotFoundError("There is no audit here.")
    return request.app[AUDIT]


def _query(asked: dict[str, Any]) -> AuditQuery:
    return AuditQuery(
        asked.get("actor"),
        asked.get("action"),
        asked.get("target"),
        asked.get("from"),
        asked.get("to"),
        asked.get("cursor"),
        asked.get("limit", 50),
    )


ROUTES = (
    Route("GET", f"{API}/audit", list_audit, query=SEARCH, answers=(page(named("AuditEntry")),)),
    Route("GET", f"{API}/audit/export", export_audit, query=EXPORT, answers=media("application/jsonl", "text/csv")),
    Route("GET", "/audit", show_audit, query=SEARCH),
)
