"""Owns the way in: the web server, who may enter, and who is told where it stands."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from . import __version__
from .config import Config
from .control import Control
from .domain.clock import Clock
from .outputs.announcement import Announced, Announcement, is_reachable
from .store.store import Store
from .supervisor import INTEGRATION, Supervisor
from .web.access import Access
from .web.picture_links import PictureLinks
from .web.server import Server, build_app, serve

Run = Callable[[Coroutine[Any, Any, None], str], None]
"""Starts work that goes on until the service stops; the text names it."""


class Door:
    """Built once with the configuration of the start; what it reads of it changes with a restart only."""

    def __init__(
        self, store: Store, control: Control, config: Config, clock: Clock, supervisor: Supervisor | None, run: Run
    ) -> None:
        self.picture_links = PictureLinks(clock)
        self._store = store
        self._control = control
        self._config = config
        self._clock = clock
        self._supervisor = supervisor
        self._run = run

    async def open(self, host: str, port: int, uploads: Path) -> Server:
        """The web server, listening. Raises CrimeDetectError where the port cannot be had."""
        app = build_app(self._control, self._access(), uploads=uploads, picture_links=self.picture_links)
        return await serve(app, host, port)

    async def announce(self, server: Server) -> None:
        """Tells the local network, or the Supervisor of Home Assistant, where the engine is; both go on telling."""
        config, store = self._config, self._store
        if self._supervisor is not None:
            token = await store.tokens.keep(*INTEGRATION)
            self._run(self._supervisor.keep_announced(server.port, store.uuid, token), "announcement")
        elif config.zeroconf and is_reachable(server.host):
            announced = Announced(store.uuid, config.instance, __version__)
            self._run(Announcement(announced, server.host, server.port).run(), "zeroconf")

    def picture_address(self, incident_id: str) -> str | None:
        """Where a provider fetches the picture of an incident without a token; None where `url` is not set."""
        base = self._config.base_url
        return f"{base}/{self.picture_links.path(incident_id)}" if base else None

    def _access(self) -> Access:
        """Who may come in: in an app of Home Assistant also the people whom it lets through."""
        found, home = self._store.tokens.find, self._supervisor
        if home is None:
            return Access(found, self._clock)
        return Access(found, self._clock, ingress=True, ingress_role=home.role_of, ingress_peer=home.ingress_peer)
