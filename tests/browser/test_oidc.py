"""Signing in at an identity provider, on a phone: there, back again, and in with the right role; and its audit."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from crime_detect_engine.auditing import Auditor
from crime_detect_engine.domain.auditing import AuditQuery
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.store.store import Store
from crime_detect_engine.web.access import Access
from crime_detect_engine.web.options import Grant, OidcOptions
from crime_detect_engine.web.routes.oidc import build_sign_in
from crime_detect_engine.web.server import build_app, serve
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.fakes import FakeEngine
from tests.rig.mosquitto import free_port

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from oidc_provider_mock import User, run_server_in_thread

pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:authlib")
PEOPLE = (
    User(sub="ana", claims={"preferred_username": "ana", "groups": ["guards"]}),
    User(sub="eve", claims={"preferred_username": "eve", "groups": ["visitors"]}),
    User(sub="boss", claims={"preferred_username": "boss", "groups": ["bosses"]}),
)


@dataclass
class Site:
    url: str
    store: Store


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The engine's pages over a real store, and a provider that asks who one is."""
    clock = SystemClock()
    store = await Store.open(tmp_path / "data", clock)
    (tmp_path / "media").mkdir()
    engine = FakeEngine(tmp_path / "media", clock_at=clock.now())
    with run_server_in_thread(user_claims=PEOPLE, require_nonce=True) as provider:
        port, issuer = free_port(), f"http://localhost:{provider.server_port}"
        roles = {"bosses": Grant("admin"), "guards": Grant("operator", {"yard": None})}
        options = OidcOptions(issuer, "crime-detect", "secret", name="Example", roles=roles)
        sign_in = build_sign_in(options, f"http://127.0.0.1:{port}", clock, store.users.external)
        access = Access(store.tokens.find, clock, people=store.users, tokens=store.tokens)
        auditor = Auditor(store, clock)
        app = build_app(engine, access, uploads=tmp_path / "uploads", sign_in=sign_in, audit=auditor)
        server = await serve(app, "127.0.0.1", port)
        noting = asyncio.create_task(store.audit.accesses.run())
        yield Site(f"http://127.0.0.1:{port}", store)
        noting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await noting
        await server.stop()
    await store.close()


@pytest.fixture
async def page(browser: Browser, site: Site) -> AsyncIterator[Page]:
    complaints: list[str] = []
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()

    def hear(text: str, address: str) -> None:
        if address.startswith(site.url) and "status of 403" not in text:  # the provider's own pages are not ours
            complaints.append(text)

    page.on("console", lambda said: hear(said.text, said.location["url"]) if said.type == "error" else None)
    page.on("pageerror", lambda error: hear(str(error), page.url))
    yield page
    assert complaints == []
    await context.close()


async def go(page: Page, site: Site, person: str, wanted: str = "") -> None:
    await page.goto(f"{site.url}/{wanted}")
    await page.get_by_role("link", name="Sign in with Example").click()
    await page.get_by_role("button", name=person).click()


async def test_a_guard_signs_in_and_comes_to_the_page_asked_for(page: Page, site: Site) -> None:
    await go(page, site, "ana", "incidents")
    await page.wait_for_url(f"{site.url}/incidents")
    await page.goto(f"{site.url}/")
    await expect(page.locator("[data-camera=yard]")).to_be_visible()
    await expect(page.locator("[data-camera=front_door]")).to_have_count(0)
    await page.get_by_text("More", exact=True).click()
    await expect(page.get_by_role("link", name="Analyze")).to_have_count(1)
    await expect(page.get_by_role("link", name="Audit")).to_have_count(0)
    (person,) = await site.store.users.list()
    assert (person.name, person.role, person.cameras) == ("ana", "operator", {"yard": None})


async def test_who_has_no_role_reads_what_to_ask_for(page: Page, site: Site) -> None:
    await go(page, site, "eve")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You have no role here")
    await expect(page.locator("main")).to_contain_text("visitors")
    assert await site.store.users.list() == []
    await site.store.audit.accesses.flush()
    (entry,) = (await site.store.audit.find(AuditQuery(action="sign in refused"))).items
    assert entry.target == "eve, who has no role"


async def test_a_boss_reads_in_the_audit_who_was_there(page: Page, site: Site) -> None:
    await go(page, site, "boss")
    await page.wait_for_url(f"{site.url}/")
    await page.goto(f"{site.url}/audit")
    entry = page.locator(".audit li", has_text="Sign in").first
    await expect(entry).to_contain_text("boss")
    await entry.get_by_text("More").click()
    await expect(entry).to_contain_text("of the chain")
    await page.get_by_text("Filter").click()
    await page.get_by_label("Did").select_option("sign in")
    await page.get_by_role("button", name="Show").click()
    await page.wait_for_url("**/audit?action=sign+in")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Signed file").click()
    assert (await download.value).suggested_filename == "audit.jsonl"
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "nothing sticks out on a phone"
