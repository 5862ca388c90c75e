"""Owns settings that are not those of one camera: retention, and what Home Assistant is told over MQTT."""

from __future__ import annotations

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.route import API, ENGINE, Route, read_body
from crime_detect_engine.web.schemas import LABEL, SHORT_TEXT
from crime_detect_engine.web.visibility import require_all_cameras

_RETENTION = vol.Schema(
    {
        vol.Optional("incidents"): vol.Any(None, SHORT_TEXT),
        vol.Optional("below_threshold"): vol.Any(None, SHORT_TEXT),
        vol.Optional("per_class"): vol.Any(None, {LABEL: SHORT_TEXT}),
        vol.Optional("media_quota"): vol.Any(None, SHORT_TEXT),
    }
)


@role("admin", "integration")
async def get_retention(request: web.Request) -> web.Response:
    """How long things are kept, and how much."""
    return web.json_response(dict(request.app[ENGINE].retention()))


@role("admin", "integration")
async def put_retention(request: web.Request) -> web.Response:
    """Changes what is sent; null goes back to the default, what is left out stays."""
    require_all_cameras(request, "Retention covers all cameras")
    body = await read_body(request, _RETENTION)
    if not body:
        raise InvalidInputError("Nothing to change; send incidents, below_threshold, per_class or media_quota.")
    return web.json_response(dict(await request.app[ENGINE].set_retention(body, request[ACTOR])))


@role("admin", "integration")
async def end_mqtt_discovery(request: web.Request) -> web.Response:
    """Switches `mqtt.ha_discovery` off: Home Assistant forgets the devices that it was told of over MQTT."""
    require_all_cameras(request, "Discovery covers all cameras")
    await request.app[ENGINE].end_mqtt_discovery(request[ACTOR])
    return web.Response(status=204)


ROUTES = (
    Route("GET", f"{API}/retention", get_retention),
    Route("PUT", f"{API}/retention", put_retention, body=_RETENTION),
    Route("DELETE", f"{API}/mqtt/discovery", end_mqtt_discovery),
)
