"""Owns the camera entity: what the engine sees now, with its privacy masks; through us, so that no token leaves."""

from __future__ import annotations

from typing import override

import aiohttp
from aiohttp import web
from homeassistant.components.camera import Camera, CameraEntityDescription
from homeassistant.const import CONF_VERIFY_SSL, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_aiohttp_proxy_web, async_get_clientsession
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.client import EngineClient
from .engine.errors import EngineError
from .entity import OnlineCameraEntity, async_add_what_exists
from .errors import engine_errors

PARALLEL_UPDATES = 0

LIVE = CameraEntityDescription(key="live", translation_key="live")
FRIGATE = "frigate:"

_LASTING = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=30)


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Frigate's cameras are in Home Assistant already; over a broker comes no video."""
    coordinator = entry.runtime_data
    client = coordinator.link.client
    if client is None:
        return
    sources: dict[str, str] = {}
    asked = coordinator.data.info

    async def learn_sources() -> None:
        try:
            sources.update({one.id: one.source for one in await client.cameras()})
        except EngineError:
            return  # asked again when the engine next tells of itself

    await learn_sources()
    look_again = async_add_what_exists(
        hass,
        entry,
        Platform.CAMERA,
        async_add_entities,
        lambda coordinator, info: (
            LiveCamera(coordinator, camera, client)
            for camera in info.cameras
            if not sources.get(camera, FRIGATE).startswith(FRIGATE)
        ),
    )

    async def learn_more() -> None:
        await learn_sources()
        look_again()

    @callback
    def learn_of_new() -> None:
        nonlocal asked
        info = coordinator.data.info
        if info is not asked and not info.cameras.keys() <= sources.keys():
            entry.async_create_background_task(hass, learn_more(), f"{entry.title}: sources of cameras")
        asked = info

    entry.async_on_unload(coordinator.async_add_listener(learn_of_new))


class LiveCamera(OnlineCameraEntity, Camera):
    """Nothing while privacy is on: then the engine itself does not look."""

    entity_description: CameraEntityDescription
    _attr_is_streaming = True

    def __init__(self, coordinator: CrimeDetectCoordinator, camera: str, client: EngineClient) -> None:
        OnlineCameraEntity.__init__(self, coordinator, camera, LIVE)
        Camera.__init__(self)
        self._client = client

    @property
    @override
    def available(self) -> bool:
        return super().available and self.is_on

    @property
    @override
    def is_on(self) -> bool:
        """Home Assistant asks for no picture of a camera that is off."""
        state = self.state_now
        return state is not None and not state.privacy

    @override
    async def async_camera_image(self, width: int | None = None, height: int | None = None) -> bytes | None:
        with engine_errors():
            return await self._client.live_picture(self.camera)

    @override
    async def handle_async_mjpeg_stream(self, request: web.Request) -> web.StreamResponse | None:
        return await async_aiohttp_proxy_web(self.hass, request, self._open_stream())

    async def _open_stream(self) -> aiohttp.ClientResponse:
        """Raises aiohttp.ClientError, for an answer that is no stream too."""
        verify_ssl = self.coordinator.config_entry.data[CONF_VERIFY_SSL]
        return await async_get_clientsession(self.hass, verify_ssl).get(
            self._client.live_stream_url(self.camera),
            headers=self._client.headers,
            timeout=_LASTING,
            raise_for_status=True,
        )
