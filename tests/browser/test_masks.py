"""Drawing privacy masks on the engine's page, over a real engine: what is drawn is black in the next picture."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.rig.engine import EngineProcess, wait_until

CONFIG = """\
# my house
timezone: Europe/Amsterdam
cameras:
  yard: # the back
    source: synthetic:yard
    name: Back yard # as the neighbours say
  # nobody looks here
  street: {source: "synthetic:street"}
"""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SHOTS = os.environ.get("CRIME_DETECT_SCREENSHOTS")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path_factory.mktemp("masks"), CONFIG)
    engine.start()
    yield engine
    engine.close()


async def press(stage: Locator, *points: tuple[float, float]) -> None:
    """Presses at places relative to the picture."""
    box = await stage.bounding_box()
    assert box is not None
    for x, y in points:
        await stage.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


async def next_picture(engine: EngineProcess, camera: str) -> Any:
    """The first that the API gives from now on."""

    def ask() -> bytes | None:
        status, _, body = engine.download(f"/api/v1/cameras/{camera}/live.jpg")
        return body if status == 200 else None

    jpeg = await asyncio.to_thread(wait_until, ask, 30.0, f"no picture of {camera}")
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def brightness(picture: Any, x: float, y: float) -> int:
    """Of the brightest pixel around a place; JPEG leaves up to a few in black."""
    height, width = picture.shape[:2]
    row, column = int(y * height), int(x * width)
    return int(picture[row - 3 : row + 4, column - 3 : column + 4].max())


async def shoot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


async def test_a_triangle_is_drawn_saved_and_black_at_once(open_page: Any, engine: EngineProcess) -> None:
    assert brightness(await next_picture(engine, "yard"), 0.2, 0.7) > 40
    page = await open_page("/")
    await page.get_by_role("link", name="Masks of Back yard").click()
    stage = page.locator("#drawing")
    await expect(page.locator("#picture")).to_be_visible()
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    await press(stage, (0.1, 0.5), (0.4, 0.9), (0.1, 0.9))
    await shoot(page, "masks-drawing-desk")
    await press(stage, (0.1, 0.5))  # the first corner again closes it
    await expect(page.get_by_role("button", name="Mask 1 · 3 corners")).to_have_attribute("aria-pressed", "true")
    await shoot(page, "masks-closed-desk")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH") as saved:
        await page.get_by_role("button", name="Save").click()
    settings = (await (await saved.value).json())["settings"]
    picture = await next_picture(engine, "yard")
    assert brightness(picture, 0.2, 0.8) < 12
    assert brightness(picture, 0.8, 0.8) > 40, "beside the mask all is as before"
    (mask,) = settings["masks"]
    for (x, y), (wanted_x, wanted_y) in zip(mask, [(0.1, 0.5), (0.4, 0.9), (0.1, 0.9)], strict=True):
        assert (abs(x - wanted_x) < 0.01, abs(y - wanted_y) < 0.01) == (True, True)
    text = (engine.folder / "crime_detect.yaml").read_text()
    assert all(line in text for line in CONFIG.splitlines()), text
    await expect(page.get_by_role("status").get_by_text("Saved")).to_be_visible()
    await expect(page.locator("#picture")).to_be_visible()
    await shoot(page, "masks-saved-desk")
    # moved by its corner, undone, then deleted
    await page.get_by_role("button", name="Mask 1").click()
    box = await stage.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.9 * box["height"])
    await page.mouse.down()
    await page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.9 * box["height"], steps=4)
    await page.mouse.up()
    await expect(page.get_by_role("button", name="Save")).to_be_enabled()
    await page.keyboard.press("Control+z")
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    await page.get_by_role("button", name="Mask 1").click()
    await page.get_by_role("button", name="Delete mask").click()
    await expect(page.get_by_text("everything is seen and stored again")).to_be_visible()
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.get_by_role("button", name="Save").click()
    assert brightness(await next_picture(engine, "yard"), 0.2, 0.8) > 40
    assert (engine.folder / "crime_detect.yaml").read_text() == CONFIG


async def test_by_touch_on_a_phone(open_page: Any, engine: EngineProcess) -> None:
    page = await open_page("/cameras/street/masks", PHONE, has_touch=True, is_mobile=True)
    await expect(page.locator("#picture")).to_be_visible()
    box = await page.locator("#drawing").bounding_box()
    for x, y in ((0.3, 0.2), (0.9, 0.2), (0.9, 0.8), (0.3, 0.8)):
        await page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
    await page.get_by_role("button", name="Close shape").tap()
    await expect(page.get_by_role("button", name="Mask 1 · 4 corners")).to_be_visible()
    await shoot(page, "masks-phone")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
        await page.get_by_role("button", name="Save").tap()
    assert brightness(await next_picture(engine, "street"), 0.6, 0.5) < 12


async def test_by_keyboard_alone_and_what_the_engine_refuses_is_said(open_page: Any, engine: EngineProcess) -> None:
    page = await open_page("/cameras/yard/masks")
    await expect(page.locator("#picture")).to_be_visible()
    await page.locator("#drawing").focus()
    for keys in ("Space", "Shift+ArrowRight Space", "Shift+ArrowRight Space", "Enter"):
        for key in keys.split():
            await page.keyboard.press(key)
    await page.get_by_role("button", name="Save").press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("Mask 1: these points enclose nothing.")
    await page.get_by_role("button", name="Corner 2 of 3").focus()
    for _ in range(2):
        await page.keyboard.press("Shift+ArrowUp")
    async with page.expect_response(lambda answer: answer.request.method == "PATCH") as saved:
        await page.get_by_role("button", name="Save").press("Enter")
    assert (await (await saved.value).json())["settings"]["masks"] == [[[0.5, 0.5], [0.55, 0.4], [0.6, 0.5]]]


async def test_without_a_file_the_page_says_what_to_do(browser: Browser, tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "bare", None, "--camera", "door=synthetic:shop")
    await asyncio.to_thread(engine.start)
    try:
        page = await browser.new_page()
        await page.goto(f"{engine.address}/login#token={engine.token}")
        await page.wait_for_url(f"{engine.address}/")
        await page.goto(f"{engine.address}/cameras/door/masks")
        await expect(page.locator("#fixed")).to_contain_text("start it with --config FILE")
        await press(page.locator("#drawing"), (0.1, 0.5), (0.4, 0.9), (0.1, 0.9))
        await expect(page.get_by_role("button", name="Close shape")).to_be_enabled()
        await expect(page.get_by_role("button", name="Save")).to_be_disabled()
        await page.close()
    finally:
        engine.close()
