"""Owns cameras: their state, live picture, switches and snooze."""

from __future__ import annotations

import asyncio
from typing import Any

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.ports import Actor, CameraView
from crime_detect_engine.web.access import ACCESS, ACTOR, allows_at, require_scope, role
from crime_detect_engine.web.answers import CAMERA, CAMERAS, EMPTY, OBJECTS, json_answer, media, named
from crime_detect_engine.web.auditing import BY_ENGINE, HOUR, IMPERSONAL, audited, unaudited
from crime_detect_engine.web.errors import ForbiddenError, LaterError
from crime_detect_engine.web.live import LIVE
from crime_detect_engine.web.route import API, ENGINE, Route, read_body
from crime_detect_engine.web.schemas import ADDRESS, AREAS, FRACTION, LABEL, MASKS, SHORT_TEXT, finite
from crime_detect_engine.web.streams import STREAMS
from crime_detect_engine.web.visibility import require_all_cameras, visible_camera, visible_cameras

_FRAME_S = 0.2
_REPEAT_S = 2.0
_BOUNDARY = "frame"
_SNOOZE = vol.Schema(
    {
        vol.Required("minutes"): vol.All(
            vol.Coerce(finite, msg="expected a number"), vol.Range(min=0, max=7 * 24 * 60, msg="expected 0 to a week")
        ),
        vol.Optional("label", default=None): vol.Any(None, LABEL),
    }
)
_DAYS = vol.Any(SHORT_TEXT, [SHORT_TEXT])
_WINDOW = {vol.Optional("days"): _DAYS, vol.Optional("from"): SHORT_TEXT, vol.Optional("to"): SHORT_TEXT}
_CHANGES = vol.Schema(
    {
        vol.Optional("detection"): bool,
        vol.Optional("privacy"): bool,
        vol.Optional("threshold"): FRACTION,
        vol.Optional("name"): vol.Any(None, SHORT_TEXT),
        vol.Optional("source"): ADDRESS,
        vol.Optional("per_class"): vol.Any(None, {LABEL: FRACTION}),
        vol.Optional("schedule"): vol.Any(None, [_WINDOW]),
        vol.Optional("masks"): vol.Any(None, MASKS),
        vol.Optional("zones"): vol.Any(None, AREAS),
        vol.Optional("lines"): vol.Any(None, AREAS),
        vol.Optional("detector"): vol.Any(None, SHORT_TEXT),
        vol.Optional("blur_faces"): vol.Any(None, bool),
        vol.Optional("blur_persons"): vol.Any(None, bool),
        vol.Optional("mode"): SHORT_TEXT,
        vol.Optional("false_alarm_budget"): vol.Any(None, SHORT_TEXT, FRACTION),
    }
)
_HIDES = ("blur_faces", "blur_persons")
_KEPT_IN_FILE = ("name", "source", "per_class", "schedule", "masks", "zones", "lines", "detector", *_HIDES)
_HEALTH = ("schema_version", "state", "online", "detection", "privacy", "fps", "updated_at")
"""What of a camera's state says nothing of what it sees."""
_LATER = ("mode", "false_alarm_budget")
_NEW = vol.Schema(
    {
        vol.Optional("id", default=None): vol.Any(None, SHORT_TEXT),
        vol.Required("source"): ADDRESS,
        vol.Optional("name", default=None): vol.Any(None, SHORT_TEXT),
    }
)


def camera_json(camera: CameraView, actor: Actor) -> dict[str, Any]:
    """Where masks are is for those who may change them: it says what somebody wants hidden. Who sees aggregates only
    learns whether the camera works, and nothing of what it sees."""
    location, looks = camera.location, allows_at(actor, camera.id, "viewer")
    hidden = () if allows_at(actor, camera.id, "admin") else ("masks",)
    return {
        "id": camera.id,
        "name": camera.name,
        "source": camera.source if looks else "",
        "location": location and {"latitude": location.latitude, "longitude": location.longitude},
        "masked": camera.masked,
        "state": {key: value for key, value in camera.state.items() if looks or key in _HEALTH},
        "problem": camera.problem,
        "settings": {key: value for key, value in camera.settings.items() if looks and key not in hidden},
    }


@unaudited(IMPERSONAL)
@role("analyst")
async def list_cameras(request: web.Request) -> web.Response:
    """Cameras that the caller may see, with their state."""
    items = [camera_json(camera, request[ACTOR]) for camera in visible_cameras(request)]
    return web.json_response({"items": items, "next_cursor": None})


@unaudited(IMPERSONAL)
@role("analyst")
async def get_camera(request: web.Request) -> web.Response:
    """One camera with its state."""
    return web.json_response(camera_json(visible_camera(request), request[ACTOR]))


@audited("view_live", "{camera}", fold_s=HOUR)
@role("viewer")
async def get_live_picture(request: web.Request) -> web.Response:
    """The newest picture as JPEG, masked; 404 while there is none or privacy is on."""
    jpeg = await request.app[LIVE].jpeg(visible_camera(request).id)
    return web.Response(body=jpeg, content_type="image/jpeg")


@audited("view_objects", "{camera}", fold_s=HOUR)
@role("viewer")
async def list_objects(request: web.Request) -> web.Response:
    """Who and what is in view now: boxes relative to the picture; nothing while privacy is on or nobody looks."""
    return web.json_response(request.app[ENGINE].objects(visible_camera(request).id))


@audited("view_live", "{camera}", fold_s=HOUR)
@role("viewer")
async def stream_live_pictures(request: web.Request) -> web.StreamResponse:
    """Motion JPEG at no more than 5 pictures a second, until the caller leaves."""
    camera, live = visible_camera(request).id, request.app[LIVE]
    jpeg = await live.jpeg(camera)
    response = web.StreamResponse(headers={"Content-Type": f"multipart/x-mixed-replace; boundary={_BOUNDARY}"})
    await response.prepare(request)
    clock, sent, sent_s = request.app[ACCESS].clock, b"", 0.0
    with request.app[STREAMS].open():
        try:
            while await request.app[ACCESS].still_allowed(request):
                if jpeg is not sent or clock.tick_s() - sent_s >= _REPEAT_S:
                    await response.write(_part(jpeg))
                    sent, sent_s = jpeg, clock.tick_s()
                await asyncio.sleep(_FRAME_S)
                jpeg = await live.jpeg(camera)
        except (ConnectionResetError, NotFoundError):
            pass  # the caller left, or the picture ended (privacy, camera removed)
    return response


def _part(jpeg: bytes) -> bytes:
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n"


@unaudited(BY_ENGINE)
@role("operator")
async def snooze_camera(request: web.Request) -> web.Response:
    """No notifications from a camera (or of one class) for some minutes; 0 ends it."""
    camera, body = visible_camera(request), await read_body(request, _SNOOZE)
    await request.app[ENGINE].snooze(camera.id, body["minutes"], body["label"], request[ACTOR])
    return web.json_response(camera_json(visible_camera(request), request[ACTOR]))


@unaudited(BY_ENGINE)
@role("operator")
async def accept_view(request: web.Request) -> web.Response:
    """What the camera shows now is as it should be: it is no longer told as tampered with."""
    camera = visible_camera(request)
    await request.app[ENGINE].accept_view(camera.id, request[ACTOR])
    return web.json_response(camera_json(visible_camera(request), request[ACTOR]))


@unaudited(BY_ENGINE)
@role("operator")
async def change_camera(request: web.Request) -> web.Response:
    """Switches detection or privacy; admins and the integration also change settings, admins alone masks and blur."""
    camera, body = visible_camera(request), await read_body(request, _CHANGES)
    engine, actor = request.app[ENGINE], request[ACTOR]
    if not body:
        raise InvalidInputError("Nothing to change; send detection, privacy, threshold, name or another setting.")
    kept = {key: body[key] for key in _KEPT_IN_FILE if key in body}
    if kept or "threshold" in body:
        require_scope(request, "settings")
    if (kept or "threshold" in body) and not allows_at(actor, camera.id, "admin", "integration"):
        raise ForbiddenError("The threshold and other settings need the role admin or integration.")
    if "masks" in body and not allows_at(actor, camera.id, "admin"):
        raise ForbiddenError("Masks need the role admin: without one, what somebody wanted hidden is seen.")
    if any(key in body for key in _HIDES) and not allows_at(actor, camera.id, "admin"):
        raise ForbiddenError("Blurring needs the role admin: without it, who was to be hidden is seen.")
    if later := [key for key in _LATER if key in body]:
        raise LaterError(f"Not in this version: {', '.join(later)}.")
    if "source" in body:
        require_all_cameras(request, "Another source is another camera")
    if kept:
        await engine.change_camera(camera.id, kept, actor)
    if "threshold" in body:
        await engine.set_threshold(camera.id, body["threshold"], actor)
    if "detection" in body:
        await engine.set_detection(camera.id, body["detection"], actor)
    if "privacy" in body:
        await engine.set_privacy(camera.id, body["privacy"], actor)
    return web.json_response(camera_json(visible_camera(request), actor))


@unaudited(BY_ENGINE)
@role("admin", "integration")
async def add_camera(request: web.Request) -> web.Response:
    """A new camera, watched at once; its id is made from the name where none is sent."""
    require_all_cameras(request, "A new camera would be nobody's")
    body = await read_body(request, _NEW)
    camera = await request.app[ENGINE].add_camera(body["id"], body["source"], body["name"], request[ACTOR])
    return web.json_response(camera_json(camera, request[ACTOR]), status=201)


@unaudited(BY_ENGINE)
@role("admin", "integration")
async def remove_camera(request: web.Request) -> web.Response:
    """Not watched any more; its incidents stay until retention takes them."""
    camera = visible_camera(request)
    require_all_cameras(request, "Removing a camera changes what everybody sees")
    await request.app[ENGINE].remove_camera(camera.id, request[ACTOR])
    return web.Response(status=204)


_CAMERA = f"{API}/cameras/{{camera}}"
ROUTES = (
    Route("GET", f"{API}/cameras", list_cameras, answers=(CAMERAS,)),
    Route("POST", f"{API}/cameras", add_camera, body=_NEW, answers=(json_answer(named("Camera"), 201),)),
    Route("GET", _CAMERA, get_camera, answers=(CAMERA,)),
    Route("PATCH", _CAMERA, change_camera, body=_CHANGES, answers=(CAMERA,)),
    Route("DELETE", _CAMERA, remove_camera, answers=(EMPTY,)),
    Route("GET", f"{_CAMERA}/live.jpg", get_live_picture, answers=media("image/jpeg")),
    Route("GET", f"{_CAMERA}/live.mjpeg", stream_live_pictures, answers=media("multipart/x-mixed-replace")),
    Route("GET", f"{_CAMERA}/objects", list_objects, answers=(OBJECTS,)),
    Route("POST", f"{_CAMERA}/snooze", snooze_camera, body=_SNOOZE, answers=(CAMERA,)),
    Route("POST", f"{_CAMERA}/accept_view", accept_view, answers=(CAMERA,)),
)
