"""Owns what a monitor asks: health, metrics, info, and the description of the API."""

from __future__ import annotations

from aiohttp import web

from crime_detect_engine import __version__
from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.answers import HEALTH, INFO, OBJECT, json_answer, media
from crime_detect_engine.web.auditing import IMPERSONAL, unaudited
from crime_detect_engine.web.feed import visible_info
from crime_detect_engine.web.openapi import openapi
from crime_detect_engine.web.route import API, DECLARED, ENGINE, Route
from crime_detect_engine.web.visibility import require_all_cameras


@unaudited(IMPERSONAL)
@role(None)
async def get_health(request: web.Request) -> web.Response:
    """Whether the engine sees and can store (200), or not and why (503). With `blind=ok`, cameras that are all away are
    no reason: for what would restart the engine, which brings no camera back."""
    healthy, reasons = request.app[ENGINE].health()
    if request.query.get("blind") == "ok" and reasons.get("blind"):
        healthy = len(reasons["reasons"]) == 1
    return web.json_response({"ok": healthy, **reasons}, status=200 if healthy else 503)


@unaudited(IMPERSONAL)
@role("viewer")
async def get_metrics(request: web.Request) -> web.Response:
    """Prometheus text of the whole engine; not for callers limited to some cameras."""
    require_all_cameras(request, "Metrics cover all cameras")
    text = request.app[ENGINE].metrics()
    return web.Response(text=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


@unaudited(IMPERSONAL)
@role("analyst")
async def get_info(request: web.Request) -> web.Response:
    """The engine, its model, device and versions."""
    return web.json_response(visible_info(request.app[ENGINE].info(), request[ACTOR]))


@unaudited(IMPERSONAL)
@role(None)
async def get_openapi(request: web.Request) -> web.Response:
    """This description."""
    return web.json_response(openapi(request.app[DECLARED], __version__))


ROUTES = (
    Route("GET", "/health", get_health, answers=(json_answer(HEALTH), json_answer(HEALTH, 503))),
    Route("GET", "/metrics", get_metrics, answers=media("text/plain")),
    Route("GET", f"{API}/info", get_info, answers=(INFO,)),
    Route("GET", f"{API}/openapi.json", get_openapi, answers=(OBJECT,)),
)
