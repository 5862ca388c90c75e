"""Owns a Supervisor between a real Home Assistant and a real engine: discovery, core's WebSocket, ingress."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from tests.rig.supervisor import FakeSupervisor

APP = "local_crime_detect"
PEER = "172.30.32.2"
"""The Supervisor's address in Home Assistant OS. Apps trust ingress headers from there only."""
_NOT_PASSED_ON = {"host", "content-length", "transfer-encoding", "content-encoding", "accept-encoding", "connection"}

# What an app's description says no to, and where it says nothing.
_NO = (
    "advanced", "build", "icon", "logo", "update_available", "documentation", "auth_api", "docker_api", "full_access",
    "host_network", "host_pid", "signed", "hassio_api", "detached", "host_ipc", "host_uts", "host_dbus", "changelog",
    "stdin", "gpio", "usb", "uart", "kernel_modules", "devicetree", "udev", "audio", "ingress_panel", "auto_update",
    "watchdog", "system_managed",
)  # fmt: skip
_NOTHING = (
    "url", "long_description", "schema", "network", "network_description", "webui", "audio_input", "audio_output",
    "system_managed_config_entry",
)  # fmt: skip


class SupervisorBeside(FakeSupervisor):
    """Set `home` (address and token of Home Assistant), `engine` (port) and `visitor` (who opens the page)."""

    def __init__(self) -> None:
        super().__init__()
        self.home, self.home_token = "", ""
        self.engine = 0
        self.visitor: dict[str, str] = {}
        self._messages: dict[str, dict[str, Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            *super().routes(),
            web.get("/discovery/{uuid}", self._message),
            web.get(f"/addons/{APP}/info", self._info),
            web.route("*", "/ingress/{token}/{path:.*}", self._ingress),
        ]

    # --- discovery ------------------------------------------------------------------------------------------------

    async def _discovery(self, request: web.Request) -> web.Response:
        answer = await super()._discovery(request)
        if answer.status == 200:
            message = {"addon": APP, "service": "crime_detect", "uuid": uuid.uuid4().hex, "config": self.announced[-1]}
            self._messages[message["uuid"]] = message
            task = asyncio.create_task(self._push(message["uuid"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return answer

    async def _push(self, message: str) -> None:
        headers = {"Authorization": f"Bearer {self.home_token}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            await session.post(f"{self.home}/api/hassio_push/discovery/{message}", json={})

    async def _message(self, request: web.Request) -> web.Response:
        return web.json_response({"result": "ok", "data": self._messages[request.match_info["uuid"]]})

    async def _info(self, _request: web.Request) -> web.Response:
        """What the Supervisor says of an installed app; Home Assistant's client wants every key."""
        data: dict[str, Any] = dict.fromkeys(_NO, False)
        data |= dict.fromkeys(_NOTHING)
        data |= {key: [] for key in ("dns", "machine", "privileged", "services", "devices")}
        data |= {
            "available": True, "protected": True, "homeassistant_api": True, "ingress": True, "video": True,
            "name": "crime_detect", "description": "", "slug": APP, "repository": "local", "stage": "stable",
            "homeassistant": "2026.8.0", "version": "0.2.0", "version_latest": "0.2.0", "arch": ["amd64"],
            "apparmor": "profile", "rating": 8, "hassio_role": "default", "state": "started", "startup": "application",
            "hostname": "local-crime-detect", "boot": "auto", "boot_config": "auto", "options": {}, "translations": {},
            "discovery": ["crime_detect"], "ingress_entry": "/api/hassio_ingress/door",
            "ingress_url": "/api/hassio_ingress/door/", "ingress_port": 8099, "ip_address": "172.30.33.5",
        }  # fmt: skip
        return web.json_response({"result": "ok", "data": data})

    # --- core and ingress -----------------------------------------------------------------------------------------

    async def serve_core(self, socket: web.WebSocketResponse) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{self.home}/api/websocket") as core:
            await core.receive_json()
            await core.send_json({"type": "auth", "access_token": self.home_token})
            assert (await core.receive_json())["type"] == "auth_ok"
            await _pass_on(socket, core)

    async def _ingress(self, request: web.Request) -> web.StreamResponse:
        url = f"http://{PEER}:{self.engine}/{request.match_info['path']}"
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _NOT_PASSED_ON}
        headers |= self.visitor
        connector = aiohttp.TCPConnector(local_addr=(PEER, 0))
        async with aiohttp.ClientSession(connector=connector) as session:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                kept = {key: value for key, value in headers.items() if not key.lower().startswith(("sec-", "upgrade"))}
                here = web.WebSocketResponse()
                await here.prepare(request)
                async with session.ws_connect(url, headers=kept, params=request.query) as there:
                    await _pass_on(here, there)
                return here
            asked = session.request(
                request.method,
                url,
                headers=headers,
                params=request.query,
                data=await request.read(),
                allow_redirects=False,
            )
            async with asked as answer:
                told = {key: value for key, value in answer.headers.items() if key.lower() not in _NOT_PASSED_ON}
                return web.Response(status=answer.status, headers=told, body=await answer.read())


async def _pass_on(one: Any, other: Any) -> None:
    """Texts in both directions, until one side closes."""

    async def pump(source: Any, target: Any) -> None:
        async for message in source:
            if message.type is WSMsgType.TEXT:
                await target.send_str(message.data)

    pumps = [asyncio.create_task(pump(one, other)), asyncio.create_task(pump(other, one))]
    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    for task in pumps:
        task.cancel()
    await asyncio.gather(*pumps, return_exceptions=True)
