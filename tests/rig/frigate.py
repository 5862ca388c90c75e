"""Owns a Frigate that answers with its documented shapes: login, version, configuration."""

from __future__ import annotations

from typing import Any

from aiohttp import web


class FakeFrigate:
    """`async with FakeFrigate(cameras=["yard"]) as frigate: frigate.url`. Change `cameras`, `broken`, … as it runs."""

    def __init__(self, cameras: list[str], *, user: str = "", password: str = "", port: int = 0) -> None:
        self.cameras = cameras
        self.disabled: list[str] = []
        self.unstreamed: list[str] = []
        self.user, self.password = user, password
        self.port = port
        self.token = "token-1"
        self.logins = 0
        self.answer: web.Response | None = None
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> FakeFrigate:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application()
        app.add_routes(
            [
                web.post("/api/login", self._login),
                web.get("/api/version", self._version),
                web.get("/api/config", self._config),
            ]
        )
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _refuses(self, request: web.Request) -> bool:
        return bool(self.user) and request.cookies.get("frigate_token") != self.token

    async def _login(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body != {"user": self.user, "password": self.password}:
            return web.json_response({"message": "Login failed"}, status=401)
        self.logins += 1
        response = web.json_response({})
        response.set_cookie("frigate_token", self.token, httponly=True)
        return response

    async def _version(self, request: web.Request) -> web.Response:
        return web.Response(status=401) if self._refuses(request) else web.Response(text="0.16.2-4d58206")

    async def _config(self, request: web.Request) -> web.Response:
        if self._refuses(request):
            return web.Response(status=401)
        return self.answer or web.json_response(self.config())

    def config(self) -> dict[str, Any]:
        return {
            "mqtt": {"enabled": False},
            "cameras": {name: self._camera(name) for name in self.cameras},
            "go2rtc": {"streams": {name: ["rtsp://*:*@10.0.0.5/main"] for name in self.cameras if self._streams(name)}},
        }

    def _streams(self, name: str) -> bool:
        return name not in self.unstreamed

    def _camera(self, name: str) -> dict[str, Any]:
        return {
            "enabled": name not in self.disabled,
            "name": name,
            "detect": {"enabled": True, "width": 640, "height": 360, "fps": 5},
            "objects": {"track": ["person", "car"]},
            "ffmpeg": {"inputs": [{"path": f"rtsp://127.0.0.1:8554/{name}", "roles": ["detect", "record"]}]},
            "live": {"streams": {name.title(): name}, "height": 720},
        }
