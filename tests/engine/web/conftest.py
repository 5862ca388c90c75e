"""Owns a served application over a fake engine, and clients of every role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar
from argon2 import PasswordHasher
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store.store import Store
from crime_detect_engine.web.access import ROLES, Access
from crime_detect_engine.web.server import Server, build_app, serve
from crime_detect_engine.web.turns import TURNS, Turns

from tests.fakes import NOON, FakeEngine

PASSWORD = "seven green bottles"


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
    store: Store | None = None
    """Where people and tokens are kept, for a site that was made with `accounts`."""

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

    async def person(self, name: str, password: str = PASSWORD) -> tuple[ClientSession, str]:
        """A browser in which somebody has signed in with their account, and the CSRF token of its writes."""
        client = self.client()
        async with client.post("/api/v1/session", json={"username": name, "password": password}) as answer:
            assert answer.status == 201, await answer.text()
            return client, (await answer.json())["csrf_token"]

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

    async def make(*, upload_limit_bytes: int = 10**6, accounts: bool = False, **access_options: object) -> Site:
        clock = ManualClock(NOON)
        tokens = {f"{role}-token": Actor(role, role) for role in ROLES}
        tokens["yard-token"] = Actor("gardener", "admin", frozenset({"yard"}))

        store = await Store.open(tmp_path / f"data-{len(made)}", clock) if accounts else None
        if store is not None:
            store._passwords._hasher = PasswordHasher(1, 8, 1)
            access_options |= {"people": store.users, "tokens": store.tokens}

        async def find_token(secret: str) -> Actor | None:
            return tokens.get(secret) or (await store.tokens.find(secret) if store is not None else None)

        media = tmp_path / f"media-{len(made)}"
        media.mkdir()
        engine = FakeEngine(media)
        access = Access(find_token, clock, **access_options)  # type: ignore[arg-type]
        uploads = tmp_path / f"uploads-{len(made)}"
        app = build_app(engine, access, uploads=uploads, upload_limit_bytes=upload_limit_bytes)
        server = await serve(app, "127.0.0.1", 0)
        made.append(Site(engine, access, server, clock, tokens, uploads, app[TURNS], [], store))
        return made[-1]

    yield make
    for site in made:
        for session in site._sessions:
            await session.close()
        await site.server.stop()
        if site.store is not None:
            await site.store.close()


@pytest.fixture
async def site(make_site: MakeSite) -> Site:
    return await make_site()


@pytest.fixture
async def town(make_site: MakeSite) -> Site:
    """A site with accounts: `boss` administers everything, and the password of everybody is the same."""
    site = await make_site(accounts=True)
    assert site.store is not None
    await site.store.users.create("boss", PASSWORD, "admin", None, Actor("test", "admin"))
    return site
