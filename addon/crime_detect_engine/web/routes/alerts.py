"""Owns the test alert."""

from __future__ import annotations

from aiohttp import web

from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.answers import OBJECT
from crime_detect_engine.web.auditing import BY_ENGINE, unaudited
from crime_detect_engine.web.route import API, ENGINE, Route


@unaudited(BY_ENGINE)
@role("admin", "integration")
async def send_test_alert(request: web.Request) -> web.Response:
    """Sends a message marked as a test through every configured output."""
    return web.json_response(dict(await request.app[ENGINE].test_alert(request[ACTOR])))


ROUTES = (Route("POST", f"{API}/alerts/test", send_test_alert, answers=(OBJECT,)),)
