"""Owns test pictures: shown inside a flow, for a few minutes, to whoever knows their address."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN

KEPT_S = 600
KEPT_MAX = 8
"""A picture is some hundred kilobytes; the oldest makes way."""
_URL = f"/api/{DOMAIN}/test_picture/{{picture_id}}"


@dataclass(frozen=True, slots=True)
class _Kept:
    jpeg: bytes
    cancel: CALLBACK_TYPE


_PICTURES: HassKey[dict[str, _Kept]] = HassKey(f"{DOMAIN}_test_pictures")


class TestPictureView(HomeAssistantView):
    """A flow's text is Markdown, and its pictures are fetched without a token: 256 random bits stand in for it."""

    __test__ = False
    url = _URL
    name = f"api:{DOMAIN}:test_picture"
    requires_auth = False

    async def get(self, request: web.Request, picture_id: str) -> web.Response:
        kept = request.app[KEY_HASS].data[_PICTURES].get(picture_id)
        if kept is None:
            raise web.HTTPNotFound
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=kept.jpeg, content_type="image/jpeg", headers=headers)


@callback
def async_keep_picture(hass: HomeAssistant, jpeg: bytes) -> str:
    """Keeps a picture in memory; answers the path that shows it."""
    if _PICTURES not in hass.data:
        hass.data[_PICTURES] = {}
        hass.http.register_view(TestPictureView)
    pictures = hass.data[_PICTURES]
    while len(pictures) >= KEPT_MAX:
        async_drop_picture(hass, next(iter(pictures)))
    picture_id = secrets.token_urlsafe(32)

    @callback
    def expire(_now: datetime) -> None:
        pictures.pop(picture_id, None)

    pictures[picture_id] = _Kept(jpeg, async_call_later(hass, KEPT_S, expire))
    return _URL.format(picture_id=picture_id)


@callback
def async_drop_picture(hass: HomeAssistant, path: str) -> None:
    """Forgets a picture, by its path or id, before its time. Nothing happens when it is gone."""
    if kept := hass.data.get(_PICTURES, {}).pop(path.rpartition("/")[2], None):
        kept.cancel()
