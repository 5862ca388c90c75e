"""Owns the way in: the web server, who may enter, and who is told where it stands."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import __version__
from .auditing import Auditor
from .config import Config
from .control import Control
from .domain.accounts import actor_of
from .domain.clock import Clock
from .domain.errors import CrimeDetectError
from .domain.ports import Actor
from .outputs.announcement import Announced, Announcement, is_reachable
from .store.store import Store
from .supervisor import INTEGRATION, Supervisor
from .web.access import Access
from .web.picture_links import PictureLinks
from .web.routes.oidc import SignIn, build_sign_in
from .web.server import Server, build_app, serve
from .web.tls import Certificate

Run = Callable[[Coroutine[Any, Any, None], str], None]
"""Starts work that goes on until the service stops; the text names it."""
TLS_PORT_IN_APP = 8443
"""Beside the port that Home Assistant itself uses."""


class Door:
    """Built once with the configuration of the start; what it reads of it changes with a restart only.

    Raises ConfigError for a certificate that cannot be used: nobody is served in the clear who asked for TLS.
    """

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
        self._certificate = None if config.tls is None else Certificate(config.tls, clock)
        self.tls_port_in_app = TLS_PORT_IN_APP

    async def open(self, host: str, port: int, uploads: Path) -> Server:
        """The web server, listening. Raises CrimeDetectError where the port cannot be had."""
        config, certificate, in_app = self._config, self._certificate, self._supervisor is not None
        named = certificate is not None and not in_app and has_name(config.base_url)
        app = build_app(
            self._control,
            self._access(),
            uploads=uploads,
            picture_links=self.picture_links,
            has_name=named,
            sign_in=self._sign_in(),
            audit=Auditor(self._store, self._clock),
        )
        self._run(self._store.audit.accesses.run(), "audit")
        if certificate is None:
            return await serve(app, host, port)
        self._run(certificate.run(), "certificate")
        if not in_app:
            return await serve(app, host, port, certificate.context)
        # Home Assistant's ingress and watchdog speak plain HTTP, inside of the machine.
        server = await serve(app, host, port)
        try:
            await server.listen(self.tls_port_in_app, certificate.context)
        except CrimeDetectError:
            await server.stop()
            raise
        return server

    def notes(self) -> Sequence[str]:
        """What people should know of the way in."""
        certificate, url = self._certificate, self._config.base_url
        if certificate is None:
            return ()
        plain = "url begins with http://, but tls is set: links in alerts lead nowhere; make it https://"
        wrong = url is not None and url.startswith("http://") and self._supervisor is None
        return [*certificate.notes(), *([plain] if wrong else [])]

    async def announce(self, server: Server) -> None:
        """Tells the local network, or the Supervisor of Home Assistant, where the engine is; both go on telling."""
        config, store = self._config, self._store
        if self._supervisor is not None:
            token = await store.tokens.keep(*INTEGRATION)
            self._run(self._supervisor.keep_announced(server.port, store.uuid, token), "announcement")
        elif config.zeroconf and is_reachable(server.host):
            announced = Announced(store.uuid, config.instance, __version__, server.secure)
            self._run(Announcement(announced, server.host, server.port).run(), "zeroconf")

    def picture_address(self, incident_id: str) -> str | None:
        """Where a provider fetches the picture of an incident without a token; None where `url` is not set."""
        base = self._config.base_url
        return f"{base}/{self.picture_links.path(incident_id)}" if base else None

    async def _ingress_actor(self, user: str, name: str) -> Actor | None:
        """Somebody of Home Assistant, as the configuration maps them: by id or name, else by whether they are an
        administrator there. None is nobody here."""
        options, home = self._config.access.ingress, self._supervisor
        known = next((one for one in (user, name) if one in options.users), None)
        if known is not None:
            grant = options.users[known]
        else:
            admin = home is not None and await home.role_of(user) == "admin"
            grant = options.administrators if admin else options.others
        return None if grant is None else actor_of(name, grant.role, grant.cameras)

    def _sign_in(self) -> SignIn | None:
        options, base = self._config.access.oidc, self._config.base_url
        if options is None or base is None:
            return None
        return build_sign_in(options, base, self._clock, self._store.users.external)

    def _access(self) -> Access:
        """Who may come in: in an app of Home Assistant also the people whom it lets through."""
        home, tokens, people = self._supervisor, self._store.tokens, self._store.users
        if home is None:
            return Access(tokens.find, self._clock, people=people, tokens=tokens)
        return Access(
            tokens.find,
            self._clock,
            ingress=True,
            ingress_actor=self._ingress_actor,
            ingress_peer=home.ingress_peer,
            people=people,
            tokens=tokens,
        )


def has_name(url: str | None) -> bool:
    """Whether `url` is a name of the engine's own: https at the usual port, so nothing else answers under it."""
    parts = urlsplit(url or "")
    return parts.scheme == "https" and parts.port in (None, 443)
