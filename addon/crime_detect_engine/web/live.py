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
    """Encoding a 720p picture takes about 10 ms, too long for the loop; one at a time leaves the cores to inference."""

    def __init__(self, engine: EngineControl) -> None:
        self._engine = engine
        self._latest: dict[str, tuple[Picture, bytes]] = {}
        self._encoding = asyncio.Lock()

    async def jpeg(self, camera: str) -> bytes:
        """The newest masked picture. Raises NotFoundError with the reason when there is none to show."""
        async with self._encoding:
            while True:
                picture, masks = self._newest(camera), self._masks(camera)
                known = self._latest.get(camera)
                if known is not None and known[0] is picture:
                    return known[1]
                jpeg = await asyncio.to_thread(self._engine.encode_jpeg, picture, MAX_HEIGHT)
                self._newest(camera)  # where privacy came on meanwhile, nobody gets it
                if self._masks(camera) == masks:
                    self._latest[camera] = picture, jpeg
                    return jpeg

    def _newest(self, camera: str) -> Picture:
        picture = self._engine.live_picture(camera)
        if picture is None:
            self._latest.pop(camera, None)
            raise NotFoundError(self._why_none(camera))
        return picture

    def _masks(self, camera: str) -> Any:
        """A picture that was taken under other masks than those of now is not shown any more."""
        return self._engine.camera(camera).settings.get("masks")

    def _why_none(self, camera: str) -> str:
        view = self._engine.camera(camera)
        if view.state.get("privacy"):
            return "Privacy is on for this camera: it shows and records nothing."
        if view.problem:
            return f"No picture from this camera: {view.problem}"
        return f"No picture from this camera yet ({view.state.get('state', 'starting')})."


LIVE = web.AppKey("live", LivePictures)
