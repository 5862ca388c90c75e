"""Owns settings that are not those of one camera: what Home Assistant is told over MQTT."""

from __future__ import annotations

from aiohttp import web

from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.auditing import BY_ENGINE, unaudited
from crime_detect_engine.web.route import API, ENGINE, Route
from crime_detect_engine.web.visibility import require_all_cameras


@unaudited(BY_ENGINE)
@role("admin", "integration")
async def end_mqtt_discovery(request: web.Request) -> web.Response:
    """Switches `mqtt.ha_discovery` off: Home Assistant forgets the devices that it was told of over MQTT."""
    require_all_cameras(request, "Discovery covers all cameras")
    await request.app[ENGINE].end_mqtt_discovery(request[ACTOR])
    return web.Response(status=204)


ROUTES = (Route("DELETE", f"{API}/mqtt/discovery", end_mqtt_discovery),)
