"""Owns the untouched originals over HTTP: for investigators, never cached; who is not let in is written down too."""

from __future__ import annotations

import functools
from collections.abc import Callable

from aiohttp import web

from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.answers import Answer
from crime_detect_engine.web.auditing import BY_ENGINE, unaudited
from crime_detect_engine.web.errors import ForbiddenError, Handler
from crime_detect_engine.web.route import API, ENGINE, Route
from crime_detect_engine.web.stored import send_stored
from crime_detect_engine.web.visibility import visible_incident


def _refusals_noted(kind: str) -> Callable[[Handler], Handler]:
    """Outside the gate of roles: who is known and not let through goes into the audit."""

    def declare(handler: Handler) -> Handler:
        @functools.wraps(handler)  # and with it the roles that it declares
        async def noted(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except (ForbiddenError, NotFoundError) as error:
                if ACTOR in request and not isinstance(error, _GoneError):
                    incident_id = request.match_info["incident"][:26]
                    await request.app[ENGINE].originals.refuse(incident_id, kind, request[ACTOR])
                raise

        return noted

    return declare


class _GoneError(NotFoundError):
    """Who may see it was let in, and there is none."""


@_refusals_noted("snapshot")
@unaudited(BY_ENGINE)
@role("investigator")
async def get_original_picture(request: web.Request) -> web.StreamResponse:
    """The best picture as the camera sent it. Audited."""
    return await _send(request, "snapshot", "image/jpeg", "jpg")


@_refusals_noted("clip")
@unaudited(BY_ENGINE)
@role("investigator")
async def get_original_clip(request: web.Request) -> web.StreamResponse:
    """The clip as the camera sent it; ranges are supported. Audited."""
    return await _send(request, "clip", "video/mp4", "mp4")


async def _send(request: web.Request, kind: str, media_type: str, suffix: str) -> web.StreamResponse:
    incident = await visible_incident(request)
    original = await request.app[ENGINE].originals.open(incident, kind, request[ACTOR])
    if original is None:
        raise _GoneError(
            "There is no unblurred original: none was kept (`privacy.encrypt_originals`), the camera has masks, or "
            "retention has deleted it."
        )
    name = f"{incident.camera}-{incident.label}-{incident.incident_id}-original.{suffix}"
    headers = {
        "Content-Type": media_type,
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return await send_stored(request, original, headers)


_INCIDENT = f"{API}/incidents/{{incident}}"
ROUTES = (
    Route("GET", f"{_INCIDENT}/original.jpg", get_original_picture, answers=(Answer(media_type="image/jpeg"),)),
    Route("GET", f"{_INCIDENT}/original.mp4", get_original_clip, answers=(Answer(media_type="video/mp4"),)),
)
