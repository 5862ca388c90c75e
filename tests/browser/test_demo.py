"""What a new user sees after `./scripts/run`: two drawn cameras that live, and the first incident by real inference."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.rig.engine import EngineProcess

FIRST_FIGHT_S = 150
"""The demo's story has a fight every 40 to 70 s; a slow machine may miss one."""


@pytest.mark.timeout(300)
async def test_the_demo_shows_live_cameras_and_its_first_incident(browser: Browser, tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "demo", None, "--demo")
    await asyncio.to_thread(engine.start)
    try:
        context = await browser.new_context(viewport={"width": 900, "height": 920}, locale="en-GB")
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{engine.address}/login#token={engine.token}")
        await page.wait_for_url(f"{engine.address}/")
        await expect(page.get_by_text("Demo model.")).to_be_visible()
        cards = page.locator("[data-camera]")
        await expect(cards).to_have_count(2)
        picture = page.locator("[data-camera=demo_yard] [data-live]")
        await expect(picture).to_be_visible()
        first = await picture.get_attribute("src")
        await expect(picture).not_to_have_attribute("src", first or "")
        incident = page.locator("#latest .card", has_text="Alert").first
        await expect(incident).to_contain_text("Fighting", timeout=FIRST_FIGHT_S * 1000)
        complaints.clear()  # the pictures that were not there yet
        await incident.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Fighting")
        await expect(page.locator("video")).to_have_count(1, timeout=60_000)
        seconds = "video => new Promise(done => video.readyState ? done(video.duration) : "
        seconds += "video.addEventListener('loadedmetadata', () => done(video.duration)))"
        assert await page.locator("video").evaluate(seconds) > 4
        await page.get_by_role("button", name="Real", exact=True).click()
        await expect(page.get_by_role("button", name="Real", exact=True)).to_have_attribute("aria-pressed", "true")
        assert complaints == []
        incident_id = page.url.rsplit("/", 1)[-1]
        stored = await asyncio.to_thread(engine.get, f"/incidents/{incident_id}")
        assert stored["verdict"] == "confirmed"
        assert stored["model"]["name"] == "demo"
        await context.close()
    finally:
        engine.close()
