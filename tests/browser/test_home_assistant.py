"""What a person sees in a real Home Assistant: the set-up form, the camera's device, and its incident as a video."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.rig.engine import EngineProcess, wait_until
from tests.rig.homeassistant import OWNER, RealHomeAssistant, homeassistant_missing

FIRST_FIGHT_S = 150


async def sign_in(page: Page, home: RealHomeAssistant) -> None:
    await page.goto(home.address)
    await page.locator("input[name=username]").fill(OWNER["username"])
    await page.locator("input[name=password]").fill(OWNER["password"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(re.compile("Welcome"))).to_be_visible()


async def set_up(page: Page, home: RealHomeAssistant, engine: EngineProcess, token: str) -> None:
    await page.goto(f"{home.address}/config/integrations/dashboard/add?domain=crime_detect")
    confirm, address = page.get_by_role("button", name="OK", exact=True), page.locator("input[name=url]")
    await expect(confirm.or_(address).first).to_be_visible()
    if await confirm.is_visible():
        await confirm.click()
    await address.fill(engine.address)
    await page.locator("input[name=token]").fill("not a token")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.get_by_text("does not accept this token")).to_be_visible()
    await page.locator("input[name=token]").fill(token)
    await page.get_by_role("button", name="Submit").click()
    await page.get_by_role("button", name="Skip and finish").click()


async def open_folder(page: Page, name: str) -> None:
    await page.locator("ha-media-player-browse .child", has_text=name).first.click()


def has_clip(engine: EngineProcess) -> bool:
    items = engine.get("/incidents?camera=demo_yard&severity=alert")["items"]
    return any(one["media"]["clip"] for one in items)


@pytest.mark.timeout(400)
async def test_setting_up_looking_at_a_camera_and_playing_its_incident(browser: Browser, tmp_path: Path) -> None:
    if missing := homeassistant_missing():
        pytest.skip(missing)
    engine, home = EngineProcess(tmp_path / "engine", None, "--demo"), RealHomeAssistant(tmp_path / "home")
    try:
        await asyncio.to_thread(engine.start)
        await asyncio.to_thread(home.__enter__)
        context = await browser.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB")
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        await sign_in(page, home)
        await set_up(page, home, engine, await asyncio.to_thread(engine.make_token, "integration"))

        device = await asyncio.to_thread(home.device, "Demo yard")
        await page.goto(f"{home.address}/config/devices/device/{device}")
        for text in ("Incident active", "Threat class", "Detection", "Privacy", "Live"):
            await expect(page.get_by_text(text, exact=True).first).to_be_visible()
        await asyncio.to_thread(wait_until, lambda: has_clip(engine), FIRST_FIGHT_S, "no fight in the demo")

        await page.goto(f"{home.address}/media-browser")
        for name in ("Crime Detect", "Crime Detect home", "Demo yard", "20"):
            await open_folder(page, name)
        incident = page.locator("ha-media-player-browse .child", has_text="Fighting").last
        await expect(incident).to_be_visible()
        await incident.click()
        video = page.locator("video")
        await expect(video).to_be_visible()
        seconds = "video => new Promise(done => video.readyState ? done(video.duration) : "
        seconds += "video.addEventListener('loadedmetadata', () => done(video.duration)))"
        assert await video.evaluate(seconds) > 4
        await context.close()
    finally:
        await asyncio.to_thread(home.__exit__)
        engine.close()
