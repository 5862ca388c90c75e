"""Owns live pictures: one JPEG a new picture however many people watch, encoded off the event loop."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.ports import EngineControl
from crime_detect_engine.domain.types import Picture

MAX_HEIGHT = 720


class LivePictures:
    """Encoding a 720p picture takes about 10 ms, hiding faces in it more, too long for the loop; one at a time leaves
    the cores to inference.
    """

    def __init__(self, engine: EngineControl) -> None:
        self._engine = engine
        self._latest: dict[str, tuple[Picture, Any, bytes]] = {}
        self._encoding = asyncio.Lock()

    async def jpeg(self, camera: str) -> bytes:
        """The newest masked picture. Raises NotFoundError with the reason when there is none to show."""
        async with self._encoding:
            while True:
                picture, hidden = self._newest(camera), self._hidden(camera)
                known = self._latest.get(camera)
                if known is not None and known[0] is picture and known[1] == hidden:
                    return known[2]
                jpeg = await asyncio.to_thread(self._engine.encode_jpeg, camera, picture, MAX_HEIGHT)
                self._newest(camera)  # where privacy came on meanwhile, nobody gets it
                if self._hidden(camera) == hidden:
                    self._latest[camera] = picture, hidden, jpeg
                    return jpeg

    def _newest(self, camera: str) -> Picture:
        picture = self._engine.live_picture(camera)
        if picture is None:
            self._latest.pop(camera, None)
            raise NotFoundError(self._why_none(camera))
        return picture

    def _hidden(self, camera: str) -> Any:
        """A picture of when something else was hidden than is now is not shown any more."""
        settings = self._engine.camera(camera).settings
        return [settings.get(key) for key in ("masks", "blurring")]

    def _why_none(self, camera: str) -> str:
        view = self._engine.camera(camera)
        if view.state.get("privacy"):
            return "Privacy is on for this camera: it shows and records nothing."
        if view.problem:
            return f"No picture from this camera: {view.problem}"
        return f"No picture from this camera yet ({view.state.get('state', 'starting')})."


LIVE = web.AppKey("live", LivePictures)
