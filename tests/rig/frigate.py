"""Owns a Frigate that answers with its documented shapes: login, version, configuration, events in progress."""

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
        self.topic_prefix: str | None = None
        """What it speaks under on a broker, None: its MQTT is off."""
        self.blind: list[str] = []
        """Cameras on which its detection is off."""
        self.tracks = ["person", "car"]
        self.events: list[dict[str, Any]] = []
        """What `GET /api/events` chooses from, newest first."""
        self.asked_for_events = 0
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
                web.get("/api/events", self._events),
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

    async def _events(self, request: web.Request) -> web.Response:
        if self._refuses(request):
            return web.Response(status=401)
        assert request.query["in_progress"] == "1"
        assert request.query["include_thumbnails"] == "0"
        self.asked_for_events += 1
        cameras = request.query["cameras"].split(",")
        wanted = [row for row in self.events if row["camera"] in cameras and row["end_time"] is None]
        return self.answer or web.json_response(wanted[: int(request.query["limit"])])

    def config(self) -> dict[str, Any]:
        return {
            "mqtt": {"enabled": self.topic_prefix is not None, "topic_prefix": self.topic_prefix or "frigate"},
            "cameras": {name: self._camera(name) for name in self.cameras},
            "go2rtc": {"streams": {name: ["rtsp://*:*@10.0.0.5/main"] for name in self.cameras if self._streams(name)}},
        }

    def _streams(self, name: str) -> bool:
        return name not in self.unstreamed

    def _camera(self, name: str) -> dict[str, Any]:
        return {
            "enabled": name not in self.disabled,
            "name": name,
            "detect": {"enabled": name not in self.blind, "width": 640, "height": 360, "fps": 5},
            "objects": {"track": self.tracks},
            "ffmpeg": {"inputs": [{"path": f"rtsp://127.0.0.1:8554/{name}", "roles": ["detect", "record"]}]},
            "live": {"streams": {name.title(): name}, "height": 720},
        }


def tracked(event_id: str = "1607123955.475377-mxklsc", **changes: Any) -> dict[str, Any]:
    """`after` of a message on `frigate/events` as 0.17 says it, of a camera that detects in 640x360."""
    return {
        "id": event_id,
        "camera": "yard",
        "frame_time": 1607123962.082975,
        "snapshot": {"frame_time": 1607123961.9, "box": [200, 100, 260, 250], "score": 0.77, "attributes": []},
        "label": "person",
        "sub_label": None,
        "top_score": 0.958984375,
        "false_positive": False,
        "start_time": 1607123955.475377,
        "end_time": None,
        "score": 0.87890625,
        "box": [320, 90, 384, 270],
        "area": 11520,
        "ratio": 0.36,
        "region": [218, 40, 538, 360],
        "active": True,
        "stationary": False,
        "motionless_count": 0,
        "position_changes": 2,
        "current_zones": ["driveway"],
        "entered_zones": ["yard", "driveway"],
        "has_clip": False,
        "has_snapshot": True,
        "attributes": {"face": 0.86},
        "current_attributes": [{"label": "face", "box": [342, 96, 360, 114], "score": 0.86}],
        "pending_loitering": False,
        "max_severity": "alert",
        "current_estimated_speed": 0,
        "average_estimated_speed": 0,
        "velocity_angle": 0,
        "recognized_license_plate": None,
        "path_data": [[[0.4, 0.7], 1607123956.0], [[0.45, 0.72], 1607123959.0]],
        **changes,
    }


def listed(event_id: str = "1607123955.475377-mxklsc", data: dict[str, Any] | None = None, **changes: Any) -> Any:
    """An item of `GET /api/events` as 0.17 answers it."""
    return {
        "id": event_id,
        "label": "person",
        "sub_label": None,
        "camera": "yard",
        "start_time": 1607123955.475377,
        "end_time": None,
        "false_positive": None,
        "zones": ["yard", "driveway"],
        "thumbnail": None,
        "has_clip": True,
        "has_snapshot": True,
        "retain_indefinitely": False,
        "plus_id": None,
        "model_hash": "x",
        "detector_type": "openvino",
        "model_type": "ssd",
        "data": {
            "box": [0.5, 0.25, 0.1, 0.5],
            "region": [0.3, 0.1, 0.5, 0.9],
            "score": 0.8789,
            "top_score": 0.9589,
            "attributes": [],
            "average_estimated_speed": 0,
            "velocity_angle": 0,
            "type": "object",
            "max_severity": "alert",
            "path_data": None,
            **(data or {}),
        },
        **changes,
    }
