"""Owns a phone with the companion app: registers itself, receives pushes at a server of its own, presses buttons."""

from __future__ import annotations

from typing import Any, NamedTuple

from aiohttp import ClientSession, web

from tests.rig.homeassistant_api import HomeAssistantApi
from tests.rig.loop import LoopThread


class Push(NamedTuple):
    """What came, and what the phone found at its image's address at that moment, with the app's own login."""

    body: dict[str, Any]
    status: int | None
    picture: bytes

    @property
    def data(self) -> dict[str, Any]:
        return self.body.get("data") or {}


class Phone:
    """`pushes`, oldest first. Home Assistant reaches it by `notify.<action>`."""

    def __init__(self, name: str = "Annas phone", manufacturer: str = "Google") -> None:
        self.name = name
        self.action = f"mobile_app_{name.lower().replace(' ', '_')}"
        self.pushes: list[Push] = []
        self._manufacturer = manufacturer
        self._webhook_id = ""
        self._home: HomeAssistantApi | None = None
        self._thread = LoopThread()
        self._runner: web.AppRunner | None = None
        self._thread.run(self._serve())

    def close(self) -> None:
        if self._runner is not None:
            self._thread.run(self._runner.cleanup())
        self._thread.close()

    def register(self, home: HomeAssistantApi) -> None:
        """As the app does after signing in."""
        registration = home.rest(
            "POST",
            "/api/mobile_app/registrations",
            {
                "device_id": f"device-{self.action}", "app_id": "io.homeassistant.companion.android",
                "app_name": "Home Assistant", "app_version": "2026.11.1", "device_name": self.name,
                "manufacturer": self._manufacturer, "model": "Pixel", "os_name": "Android", "os_version": "16",
                "supports_encryption": False,
                "app_data": {"push_token": "token-of-the-phone", "push_url": f"{self._address}/push"},
            },
        )  # fmt: skip
        self._webhook_id = registration["webhook_id"]
        self._home = home

    def press(self, action: str, **event: Any) -> None:
        """A button of a notification: the app tells Home Assistant through its webhook, without a login."""
        body = {
            "type": "fire_event",
            "data": {"event_type": "mobile_app_notification_action", "event_data": {"action": action, **event}},
        }
        assert self._home
        status, _, answer = self._home.request("POST", f"/api/webhook/{self._webhook_id}", headers={}, json=body)
        assert status == 200, (status, answer)

    def of_tag(self, tag: str) -> list[Push]:
        """The pushes that show, replace or clear one notification."""
        return [push for push in list(self.pushes) if push.data.get("tag") == tag]

    def heard(self, tag: str) -> list[Push]:
        """Those of them that made a sound."""
        return [push for push in self.of_tag(tag) if push.data.get("importance") == "high"]

    async def _serve(self) -> None:
        app = web.Application()
        app.add_routes([web.post("/push", self._receive)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._address = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.json()
        status, picture = await self._fetch((body.get("data") or {}).get("image"))
        self.pushes.append(Push(body, status, picture))
        return web.json_response({"message": "sent"}, status=201)

    async def _fetch(self, image: str | None) -> tuple[int | None, bytes]:
        if image is None or self._home is None:
            return None, b""
        headers = {"Authorization": f"Bearer {self._home.token}"}
        async with ClientSession(headers=headers) as session, session.get(f"{self._home.address}{image}") as answer:
            return answer.status, await answer.read()
