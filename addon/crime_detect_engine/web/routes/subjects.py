"""Owns the rights of people in pictures over HTTP: what is kept of a time and place, a copy of it, its erasure."""

from __future__ import annotations

import asyncio
from typing import Any

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.subjects import SubjectQuery, SubjectRecord
from crime_detect_engine.domain.wire import timestamp
from crime_detect_engine.web.access import ACTOR, allows, allows_at, role
from crime_detect_engine.web.answers import json_answer, many, media, optional, thing
from crime_detect_engine.web.auditing import BY_ENGINE, IMPERSONAL, unaudited
from crime_detect_engine.web.errors import ForbiddenError
from crime_detect_engine.web.rendering import camera_names, render
from crime_detect_engine.web.route import API, ENGINE, Route, read_body
from crime_detect_engine.web.schemas import TIMESTAMP
from crime_detect_engine.web.visibility import visible_cameras

from .incidents import CAMERA

_LISTED = 500
_CHUNK = 1 << 20
_WHEN = {
    vol.Required("from"): TIMESTAMP,
    vol.Required("to"): TIMESTAMP,
    vol.Optional("cameras", default=None): vol.Any(None, vol.All([CAMERA], vol.Length(min=1, max=200))),
}
_FIND = vol.Schema(_WHEN)
_REASON = vol.All(str, str.strip, vol.Length(min=3, max=200, msg="expected 3 to 200 characters"))
_ERASE = vol.Schema(
    {
        **_WHEN,
        vol.Required("reason"): _REASON,
        vol.Optional("confirm", default=None): vol.Any(None, vol.All(str, vol.Length(max=64))),
    }
)


def _query(request: web.Request, body: dict[str, Any], needed: str) -> SubjectQuery:
    """Of cameras at which the caller has the role. Raises NotFoundError for another's and ForbiddenError."""
    if body["to"] <= body["from"]:
        raise InvalidInputError("Not valid: to.", {"to": "is not after from"})
    actor, wanted = request[ACTOR], body["cameras"]
    if wanted is None and actor.cameras is None and not actor.roles:
        return SubjectQuery(body["from"], body["to"])
    if wanted is None:
        own = actor.cameras if actor.cameras is not None else {one.id for one in visible_cameras(request)}
        wanted = [camera for camera in own if allows_at(actor, camera, needed)]
    for camera in wanted:
        if not actor.may_see(camera):
            raise NotFoundError("No such camera.")
        if not allows_at(actor, camera, needed):
            raise ForbiddenError(f"This needs the role {needed} at each of these cameras.")
    return SubjectQuery(body["from"], body["to"], frozenset(wanted))


def _record_json(record: SubjectRecord) -> dict[str, Any]:
    return {
        "incident_id": record.incident_id,
        "camera": record.camera,
        "label": record.label,
        "started_at": timestamp(record.started_at),
        "ended_at": timestamp(record.ended_at),
        "files": record.files,
        "bytes": record.bytes,
        "spared": record.spared,
    }


@unaudited(BY_ENGINE)
@role("investigator")
async def find_subjects(request: web.Request) -> web.Response:
    """What is kept of a time and place: the dry run of a copy and of an erasure. Audited."""
    query = _query(request, await read_body(request, _FIND), "investigator")
    return web.json_response(await _found(request, query))


async def _found(request: web.Request, query: SubjectQuery) -> dict[str, Any]:
    found = await request.app[ENGINE].subjects.find(query, request[ACTOR])
    return {
        "incidents": len(found.records),
        "files": sum(one.files for one in found.records),
        "bytes": found.bytes,
        "spared": sum(one.spared is not None for one in found.records),
        "confirm": found.confirm,
        "items": [_record_json(one) for one in found.records[:_LISTED]],
    }


@unaudited(BY_ENGINE)
@role("investigator")
async def export_subjects(request: web.Request) -> web.StreamResponse:
    """A ZIP for a person in the picture: records, pictures, clips, what was done with them, and a page to read it by.

    Untouched originals are not in it. Audited."""
    query = _query(request, await read_body(request, _FIND), "investigator")
    made = await request.app[ENGINE].subjects.export(query, request[ACTOR])
    try:
        name = f"kept-{query.start:%Y%m%dT%H%M}-{query.end:%Y%m%dT%H%M}.zip"
        headers = {"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}"'}
        response = web.StreamResponse(headers={**headers, "Content-Length": str(made.size_bytes)})
        with await asyncio.to_thread(made.content.open) as file:
            await response.prepare(request)
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                await response.write(chunk)
        await response.write_eof()
    finally:
        await asyncio.to_thread(made.path.unlink, missing_ok=True)
    return response


@unaudited(BY_ENGINE)
@role("admin")
async def erase_subjects(request: web.Request) -> web.Response:
    """Erases what is kept of a time and place. Without `confirm` it only says what would go; with the one that it said

    it is done, unless something came or went since. What is on hold stays and is named. Audited."""
    body = await read_body(request, _ERASE)
    query = _query(request, body, "admin")
    if body["confirm"] is None:
        return web.json_response({"erased": False, **await _found(request, query)})
    done = await request.app[ENGINE].subjects.erase(query, body["confirm"], body["reason"], request[ACTOR])
    return web.json_response(
        {
            "erased": True,
            "incidents": done.incidents,
            "files": done.files,
            "bytes": done.bytes,
            "spared": len(done.spared),
            "items": [_record_json(one) for one in done.spared[:_LISTED]],
        }
    )


@unaudited(IMPERSONAL)
@role("investigator")
async def show_subjects(request: web.Request) -> web.Response:
    """Answering somebody who asks what is kept of them."""
    cameras = visible_cameras(request)
    return render(
        request, "subjects.html", names=camera_names(cameras), may_erase=allows(request[ACTOR], "admin")
    )  # fmt: skip


_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
_ITEM = thing(
    incident_id=_TEXT, camera=_TEXT, label=_TEXT, started_at=_TEXT, ended_at=optional(_TEXT), files=_COUNT,
    bytes=_COUNT, spared=optional(_TEXT),
)  # fmt: skip
_COUNTS = {"incidents": _COUNT, "files": _COUNT, "bytes": _COUNT, "spared": _COUNT, "items": many(_ITEM)}
ROUTES = (
    Route("POST", f"{API}/subjects/find", find_subjects, body=_FIND, answers=(json_answer(thing(**_COUNTS)),)),
    Route("POST", f"{API}/subjects/export", export_subjects, body=_FIND, answers=media("application/zip")),
    Route(
        "POST",
        f"{API}/subjects/erase",
        erase_subjects,
        body=_ERASE,
        answers=(json_answer(thing(erased={"type": "boolean"}, **_COUNTS)),),
    ),
    Route("GET", "/subjects", show_subjects),
)
