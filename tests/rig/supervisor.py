"""Owns a Supervisor of Home Assistant that answers an app as its API does: services, discovery, core's WebSocket."""

from __future__ import annotations

from typing import Any

from aiohttp import WSMsgType, web


class FakeSupervisor:
    """`async with FakeSupervisor() as supervisor: supervisor.url`. Change `broker`, `users`, `failing` as it runs."""

    def __init__(self, token: str = "app-token", port: int = 0) -> None:
        self.token = token
        self.port = port
        self.broker: dict[str, Any] | None = None
        self.users: list[dict[str, Any]] = []
        self.failing = 0
        """So many of the next requests are answered with 502, as while Home Assistant starts."""
        self.core_allowed = True
        """What `homeassistant_api` of the app's configuration grants."""
        self.announced: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add_user(self, user: str, *groups: str, owner: bool = False, active: bool = True) -> None:
        self.users.append({
            "id": user, "username": user, "name": user.title(), "is_owner": owner, "is_active": active,
            "local_only": False, "system_generated": False, "group_ids": list(groups), "credentials": [],
        })  # fmt: skip

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/services/mqtt", self._mqtt),
            web.post("/discovery", self._discovery),
            web.get("/core/websocket", self._core),
        ]

    async def __aenter__(self) -> FakeSupervisor:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if self.failing > 0:
            self.failing -= 1
            return web.Response(status=502)
        # There the token comes in the first message, or a person's cookie instead of it.
        if (
            not request.path.startswith(("/core/websocket", "/ingress/"))
            and request.headers.get("Authorization") != f"Bearer {self.token}"
        ):
            return web.json_response({"result": "error", "message": "unauthorized"}, status=401)
        return await handler(request)

    async def _mqtt(self, _request: web.Request) -> web.Response:
        if self.broker is None:
            return web.json_response({"result": "error", "message": "Service not enabled"}, status=400)
        return web.json_response(
            {"result": "ok", "data": {"addon": "core_mosquitto", "protocol": "3.1.1", **self.broker}}
        )

    async def _discovery(self, request: web.Request) -> web.Response:
        body = await request.json()
        if set(body) != {"service", "config"} or body["service"] != "crime_detect":
            return web.json_response({"result": "error", "message": "not listed in its config"}, status=403)
        self.announced.append(body["config"])
        return web.json_response({"result": "ok", "data": {"uuid": "d1"}})

    async def _core(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "auth_required", "ha_version": "2026.11.0"})
        told = await socket.receive_json()
        if told != {"type": "auth", "access_token": self.token} or not self.core_allowed:
            await socket.send_json({"type": "auth_invalid", "message": "Invalid access"})
            return socket
        await socket.send_json({"type": "auth_ok", "ha_version": "2026.11.0"})
        await self.serve_core(socket)
        return socket

    async def serve_core(self, socket: web.WebSocketResponse) -> None:
        """As Home Assistant's own WebSocket, once the app is let in."""
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            asked = message.json()
            if asked["type"] == "config/auth/list":
                await socket.send_json({"id": asked["id"], "type": "result", "success": True, "result": self.users})
            else:
                error = {"code": "unknown_command", "message": "Unknown command."}
                await socket.send_json({"id": asked["id"], "type": "result", "success": False, "error": error})
