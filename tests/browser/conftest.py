"""Owns a real browser and the pages over a fake engine."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store.store import Store
from crime_detect_engine.web.access import Access
from crime_detect_engine.web.server import build_app, serve
from crime_detect_engine.web.streams import STREAMS
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.fakes import FakeEngine
from tests.rig.engine import EngineProcess

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PASSWORD = "seven green bottles"
PATIENCE_MS = 60_000
"""How long what must come may take on a machine that has much else to do."""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Site:
    engine: FakeEngine
    url: str
    app: web.Application
    store: Store
    """Where people and tokens are kept; `boss` administers everything."""
    complaints: list[str] = field(default_factory=list)
    """What pages wrote to the console as errors, uncaught exceptions and content-policy refusals among them."""

    async def drop_feeds(self) -> None:
        """The event feeds end as when the network fails; the server goes on."""
        await self.app[STREAMS].close(self.app)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: install the package chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async def find_token(secret: str) -> Actor | None:
        return {"admin-secret": Actor("admin", "admin")}.get(secret) or await store.tokens.find(secret)

    store = await Store.open(tmp_path / "data", SystemClock())
    await store.users.create("boss", PASSWORD, "admin", None, Actor("test", "admin"))
    media = tmp_path / "media"
    media.mkdir()
    engine = FakeEngine(media, clock_at=SystemClock().now())
    access = Access(find_token, SystemClock(), people=store.users, tokens=store.tokens)
    app = build_app(engine, access, uploads=tmp_path / "uploads")
    server = await serve(app, "127.0.0.1", 0)
    yield Site(engine, f"http://127.0.0.1:{server.port}", app, store)
    await server.stop()
    await store.close()


@pytest.fixture
async def page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    """A phone that has followed the sign-in link; a test that leaves complaints in the console fails."""
    context = await browser.new_context(viewport=PHONE, locale="en-GB", timezone_id="Europe/Amsterdam")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    page.on("console", lambda message: site.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: site.complaints.append(str(error)))
    await page.goto(f"{site.url}/login#token=admin-secret")
    await page.wait_for_url(f"{site.url}/")
    yield page
    assert site.complaints == []
    await context.close()


@pytest.fixture
async def open_page(browser: Browser, engine: EngineProcess) -> AsyncIterator[Any]:
    """A signed-in page of the module's own `engine`.

    A test that leaves complaints in the console fails, but for what the engine refused.
    """
    complaints: list[str] = []

    async def open_page(path: str, viewport: dict[str, int] = DESK, token: str | None = None, **options: Any) -> Page:
        context = await browser.new_context(viewport=viewport, locale="en-GB", **options)  # type: ignore[arg-type]
        page = await context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{engine.address}/login#token={token or engine.token}")
        await page.wait_for_url(f"{engine.address}/")
        await page.goto(engine.address + path)
        return page

    yield open_page
    assert [one for one in complaints if "Failed to load resource" not in one] == []
