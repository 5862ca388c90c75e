"""Owns pictures and clips for Home Assistant's pages: fetched from the engine here, so no browser sees its token."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
from aiohttp import hdrs, web
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.const import CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import DOMAIN
from .coordinator import CrimeDetectCoordinator
from .engine.errors import EngineError, NotFoundError
from .engine.models import Incident
from .exports import async_kept_picture, async_picture

CHUNK_BYTES = 64 * 1024
SILENCE_S = 30
"""An engine that says nothing for so long is given up."""
_ASKED = (hdrs.RANGE, hdrs.IF_RANGE, hdrs.IF_NONE_MATCH, hdrs.IF_MODIFIED_SINCE)
_ANSWERED = (
    hdrs.ACCEPT_RANGES,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_RANGE,
    hdrs.CONTENT_TYPE,
    hdrs.ETAG,
    hdrs.LAST_MODIFIED,
)
_PASSED = {200, 206, 304, 416}


def picture_url(entry_id: str, incident: Incident) -> str:
    """Without a query: Home Assistant signs no address that has one."""
    return f"/api/{DOMAIN}/{entry_id}/{incident.incident_id}/{incident.snapshot_rev}/snapshot.jpg"


def clip_url(entry_id: str, incident_id: str) -> str:
    return f"/api/{DOMAIN}/{entry_id}/{incident_id}/clip.mp4"


@callback
def async_register_views(hass: HomeAssistant) -> None:
    hass.http.register_view(PictureView())
    hass.http.register_view(ClipView())


class PictureView(HomeAssistantView):
    """The file that we keep, else the engine's; the revision only makes browsers ask again."""

    url = f"/api/{DOMAIN}/{{entry_id}}/{{incident_id}}/{{revision}}/snapshot.jpg"
    name = f"api:{DOMAIN}:snapshot"

    async def get(self, request: web.Request, entry_id: str, incident_id: str, revision: str) -> web.StreamResponse:
        coordinator = _coordinator(request, entry_id)
        incident = await _incident(coordinator, incident_id)
        hass = request.app[KEY_HASS]
        try:
            picture = await async_kept_picture(hass, coordinator, incident)
            picture = picture or await async_picture(hass, coordinator, incident)
        except EngineError as error:
            raise web.HTTPBadGateway from error
        if picture is None:
            raise web.HTTPNotFound
        headers = {hdrs.CACHE_CONTROL: "private, max-age=3600"}
        return web.Response(body=picture, content_type="image/jpeg", headers=headers)


class ClipView(HomeAssistantView):
    """The engine's clip, with byte ranges: players jump, and some play nothing without them."""

    url = f"/api/{DOMAIN}/{{entry_id}}/{{incident_id}}/clip.mp4"
    name = f"api:{DOMAIN}:clip"

    async def get(self, request: web.Request, entry_id: str, incident_id: str) -> web.StreamResponse:
        coordinator = _coordinator(request, entry_id)
        client = coordinator.link.client
        if client is None or not incident_id.isalnum():
            raise web.HTTPNotFound
        verify = coordinator.config_entry.data.get(CONF_VERIFY_SSL, True)
        session = async_get_clientsession(coordinator.hass, verify_ssl=verify)
        asked = {str(name): request.headers[name] for name in _ASKED if name in request.headers}
        headers: dict[str, str] = {**client.headers, **asked, hdrs.ACCEPT_ENCODING: "identity"}
        try:
            async with session.get(
                client.clip_url(incident_id),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=SILENCE_S),
                allow_redirects=False,
            ) as answer:
                if answer.status == HTTPStatus.NOT_FOUND:
                    raise web.HTTPNotFound
                if answer.status not in _PASSED:
                    raise web.HTTPBadGateway
                return await _pass_on(request, answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise web.HTTPBadGateway from error


async def _pass_on(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.headers[hdrs.CACHE_CONTROL] = "private, no-cache"
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            await response.write(chunk)
    except aiohttp.ClientError, TimeoutError, ConnectionResetError:
        # Half of it is out: the only honest end is a broken connection. Or the player has left.
        if request.transport is not None:
            request.transport.close()
        return response
    await response.write_eof()
    return response


def _coordinator(request: web.Request, entry_id: str) -> CrimeDetectCoordinator:
    for entry in request.app[KEY_HASS].config_entries.async_loaded_entries(DOMAIN):
        if entry.entry_id == entry_id:
            coordinator: CrimeDetectCoordinator = entry.runtime_data
            return coordinator
    raise web.HTTPNotFound


async def _incident(coordinator: CrimeDetectCoordinator, incident_id: str) -> Incident:
    if known := coordinator.event_for(incident_id):
        return known
    client = coordinator.link.client
    if client is None or not incident_id.isalnum():
        raise web.HTTPNotFound
    try:
        return await client.incident(incident_id)
    except NotFoundError as error:
        raise web.HTTPNotFound from error
    except EngineError as error:
        raise web.HTTPBadGateway from error
