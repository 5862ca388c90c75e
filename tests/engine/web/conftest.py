"""Owns a served application over a fake engine, and clients of every role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.access import ROLES, Access
from crime_detect_engine.web.server import Server, build_app, serve
from crime_detect_engine.web.turns import TURNS, Turns

from tests.fakes import NOON, FakeEngine


@dataclass
class Site:
    """`tokens` maps a secret to its actor; removing one revokes it."""

    engine: FakeEngine
    access: Access
    server: Server
    clock: ManualClock
    tokens: dict[str, Actor]
    folder: Path
    turns: Turns
    _sessions: list[ClientSession]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def client(self, token: str | None = None, **headers: str) -> ClientSession:
        """A client with a bearer token, or with none and a cookie jar of its own."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        session = ClientSession(self.url, headers=headers, cookie_jar=CookieJar(unsafe=True))
        self._sessions.append(session)
        return session

    async def browser(self, token: str) -> tuple[ClientSession, str]:
        """A signed-in browser and the CSRF token of its writes."""
        client = self.client()
        async with client.post("/api/v1/session", json={"token": token}) as answer:
            assert answer.status == 201
            return client, (await answer.json())["csrf_token"]


MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def make_site(tmp_path: Path) -> AsyncIterator[MakeSite]:
    made: list[Site] = []

    async def make(*, upload_limit_bytes: int = 10**6, **access_options: object) -> Site:
        clock = ManualClock(NOON)
        tokens = {f"{role}-token": Actor(role, role) for role in ROLES}
        tokens["yard-token"] = Actor("gardener", "admin", frozenset({"yard"}))

        async def find_token(secret: str) -> Actor | None:
            return tokens.get(secret)

        media = tmp_path / f"media-{len(made)}"
        media.mkdir()
        engine = FakeEngine(media)
        access = Access(find_token, clock, **access_options)  # type: ignore[arg-type]
        uploads = tmp_path / f"uploads-{len(made)}"
        app = build_app(engine, access, uploads=uploads, upload_limit_bytes=upload_limit_bytes)
        made.append(Site(engine, access, await serve(app, "127.0.0.1", 0), clock, tokens, uploads, app[TURNS], []))
        return made[-1]

    yield make
    for site in made:
        for session in site._sessions:
            await session.close()
        await site.server.stop()


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    return await make_site()
