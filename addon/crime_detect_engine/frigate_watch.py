"""Owns keeping the watched cameras in step with those that Frigate has."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from .config import CameraConfig
from .config.schema import rules_of
from .config.settings import RESERVED_CAMERAS
from .domain.errors import CrimeDetectError
from .domain.types import Severity
from .sources.frigate import FrigateDiscovery

_LOG = logging.getLogger(__name__)


class FrigateWatch:
    """`add` and `remove` change the running pipeline; cameras that the file names itself are left alone."""

    def __init__(
        self,
        discovery: FrigateDiscovery,
        configured: Mapping[str, CameraConfig],
        severity: Mapping[str, Severity],
        add: Callable[[CameraConfig], Awaitable[None]],
        remove: Callable[[str], Awaitable[None]],
        every_s: float,
    ) -> None:
        self._discovery = discovery
        self._configured = configured
        self._severity = severity
        self._add = add
        self._remove = remove
        self._every_s = every_s
        self._own: dict[str, CameraConfig] = {}
        """By Frigate's name."""
        self._changing = asyncio.Lock()
        self._error: str | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.sync()
            await asyncio.sleep(self._every_s)

    async def sync(self) -> None:
        """Asks Frigate once. While it is away its cameras stay: their streams say themselves that they are lost."""
        await self._discovery.poll()
        status = self._discovery.status
        if status.error != self._error:
            self._error = status.error
            if status.error:
                _LOG.warning("%s", status.error)
            else:
                _LOG.info("Frigate %s answers: %d cameras", status.version, len(self._discovery.cameras))
        if not status.available:
            return
        async with self._changing:
            wanted = set(self._discovery.cameras) - self._named()
            for name in sorted(set(self._own) - wanted):
                await self._remove(self._own.pop(name).id)
            for name in sorted(wanted - set(self._own)):
                camera = self._camera(name)
                try:
                    await self._add(camera)
                except CrimeDetectError as error:  # the next question tries again
                    _LOG.warning("camera %s of Frigate is not watched: %s", name, error)
                else:
                    self._own[name] = camera

    async def reconfigure(
        self, configured: Mapping[str, CameraConfig], severity: Mapping[str, Severity]
    ) -> Sequence[CameraConfig]:
        """Makes way for cameras that the file names now; call before these are added.

        Returns the cameras that stay, with the rules that hold from now on.
        """
        async with self._changing:
            self._configured, self._severity = configured, severity
            named = self._named()
            for name, camera in list(self._own.items()):
                if name in named or camera.id in configured:
                    del self._own[name]
                    await self._remove(camera.id)
                else:
                    self._own[name] = replace(camera, rules=rules_of({}, severity))
            return tuple(self._own.values())

    def notes(self) -> tuple[str, ...]:
        return (self._error,) if self._error else ()

    def _named(self) -> set[str]:
        """Frigate's names of the cameras that the file names itself."""
        return {c.source.partition(":")[2] for c in self._configured.values() if c.source.startswith("frigate:")}

    def _camera(self, name: str) -> CameraConfig:
        slug = re.sub(r"[^a-z0-9_]+", "_", name.lower())[:28].strip("_") or "camera"
        taken = {*self._configured, *(one.id for one in self._own.values()), *RESERVED_CAMERAS}
        camera_id = next(one for one in (slug, *(f"{slug}_{n}" for n in range(2, 100))) if one not in taken)
        title = name.replace("_", " ").capitalize()
        return CameraConfig(id=camera_id, source=f"frigate:{name}", name=title, rules=rules_of({}, self._severity))
