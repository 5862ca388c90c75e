"""Requests of people in pictures, as an admin answers them in a real browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, expect


@pytest.fixture
async def requests(page: Page, site: Any) -> Page:
    """The page, asked about the last hour, with two incidents of it."""
    for camera in ("yard", "front_door"):
        site.engine.close_incident(site.engine.open_incident(camera))
    await page.goto(f"{site.url}/subjects")
    now = site.engine.clock_at.astimezone()
    for name, at in (("from", now - timedelta(hours=3)), ("to", now + timedelta(hours=3))):
        await page.fill(f"#place [name={name}]", at.strftime("%Y-%m-%dT%H:%M:%S"))
    return page


async def test_look_hand_over_and_erase(requests: Page, site: Any) -> None:
    page = requests
    await page.click("#place button[type=submit]")
    await expect(page.locator("#found-title")).to_have_text("2 incidents")
    await expect(page.locator("#records tbody tr")).to_have_count(2)
    async with page.expect_download() as waiting:
        await page.click("#copy")
    assert (await waiting.value).suggested_filename.startswith("kept-")
    await page.fill("#erase [name=reason]", "Request 2026-14")
    await page.fill("#erase [name=typed]", "erase")
    await page.click("#erase button")
    assert len(site.engine.stored) == 2, "the word was not typed"
    await page.fill("#erase [name=typed]", "ERASE")
    await page.click("#erase button")
    await expect(page.locator("#found-title")).to_have_text("Nothing is kept")
    assert not site.engine.stored
    assert site.engine.actions[-2][:1] + site.engine.actions[-2][2:] == ("subject_erase", "Request 2026-14", "admin")


async def test_what_is_looked_at_is_what_is_erased(requests: Page, site: Any) -> None:
    """Who changes the question must look again first."""
    page = requests
    await page.click("#place button[type=submit]")
    await expect(page.locator("#erase")).to_be_visible()
    await page.select_option("#place [name=cameras]", "yard")
    await expect(page.locator("#erase")).to_be_hidden()
    await page.click("#place button[type=submit]")
    await expect(page.locator("#found-title")).to_have_text("1 incident")
    narrow = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert narrow, "a phone must not scroll sideways"
