"""Drawing zones and lines on the engine's page, over a real engine: what is drawn stands in the configuration file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Dialog, Locator, Page, expect
from ruamel.yaml import YAML

from tests.rig.engine import EngineProcess

CONFIG = """\
# my house
timezone: Europe/Amsterdam
cameras:
  yard: # the back
    source: synthetic:yard
    name: Back yard # as the neighbours say
    zones:
      # mown on Fridays
      lawn:
        polygon: [[0.1, 0.6], [0.4, 0.6], [0.4, 0.95]] # drawn in spring
        loitering: 2m # long enough
  # nobody looks here
  street: {source: "synthetic:street"}
"""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SHOTS = os.environ.get("CRIME_DETECT_SCREENSHOTS")


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """Without the weights of a detector, and without a way to them."""
    engine = EngineProcess(tmp_path_factory.mktemp("zones"), CONFIG)
    with pytest.MonkeyPatch.context() as offline:
        offline.setenv("https_proxy", "http://127.0.0.1:9")
        offline.setenv("CRIME_DETECT_MODELS", str(engine.folder))
        engine.start()
    yield engine
    engine.close()


async def press(stage: Locator, *points: tuple[float, float]) -> None:
    """Presses at places relative to the picture."""
    box = await stage.bounding_box()
    assert box is not None
    for x, y in points:
        await stage.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


async def save(page: Page) -> Any:
    """What the engine answers."""
    async with page.expect_response(lambda answer: answer.request.method == "PATCH") as saved:
        await page.get_by_role("button", name="Save").click()
    return await (await saved.value).json()


def in_file(engine: EngineProcess, camera: str) -> Any:
    text = (engine.folder / "crime_detect.yaml").read_text()
    return YAML(typ="safe").load(text)["cameras"][camera]


async def shoot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def near(found: Any, wanted: list[tuple[float, float]]) -> bool:
    return len(found) == len(wanted) and all(
        abs(x - wanted_x) < 0.01 and abs(y - wanted_y) < 0.01
        for (x, y), (wanted_x, wanted_y) in zip(found, wanted, strict=True)
    )


async def test_a_zone_and_a_line_are_drawn_named_and_written_beside_the_comments(
    open_page: Any, engine: EngineProcess
) -> None:
    page = await open_page("/")
    await page.get_by_role("link", name="Zones of Back yard").click()
    stage = page.locator("#drawing")
    await expect(page.locator("#picture")).to_be_visible()
    await expect(page.get_by_role("button", name="Lawn zone")).to_be_visible()
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    await page.get_by_role("button", name="New zone").click()
    await press(stage, (0.6, 0.3), (0.9, 0.3), (0.9, 0.8), (0.6, 0.8))
    await shoot(page, "zones-drawing-desk")
    await press(stage, (0.6, 0.3))  # the first corner again closes it
    await expect(page.get_by_role("button", name="Zone 1 zone")).to_have_attribute("aria-pressed", "true")
    await page.get_by_label("Name").fill("Gate <b>& drive</b>")
    await page.get_by_label("Trespassing").check()
    await page.get_by_label("for at least").fill("2")
    await page.get_by_label("Loitering").check()
    await page.get_by_label("Coming back").check()
    await page.get_by_label("times", exact=True).fill("4")
    await page.get_by_label("Vehicles").check()
    await page.get_by_role("button", name="Only at certain times").click()
    await page.get_by_label("Sunday").uncheck()
    await page.get_by_label("from", exact=True).fill("23:30")
    await shoot(page, "zones-form-desk")
    await page.get_by_role("button", name="New line").click()
    await press(stage, (0.5, 0.9), (0.5, 0.2))
    await page.get_by_label("Name").fill("Kerb")
    await expect(page.get_by_label("Counts who crosses")).to_contain_text("only → to the right")
    await page.get_by_label("Counts who crosses").select_option("only → to the right")
    await shoot(page, "zones-line-desk")
    settings = (await save(page))["settings"]
    await expect(page.get_by_role("status").get_by_text("Saved")).to_be_visible()
    gate, kerb = settings["zones"]["gate_b_drive_b"], settings["lines"]["kerb"]
    assert near(gate["polygon"], [(0.6, 0.3), (0.9, 0.3), (0.9, 0.8), (0.6, 0.8)])
    assert (gate["intrusion"], gate["loitering"], gate["returns"]) == ("2s", "1m", {"times": 4, "within": "10m"})
    assert {"person", "car", "truck"} <= set(gate["objects"])
    assert gate["schedule"] == [{"days": ["mon", "tue", "wed", "thu", "fri", "sat"], "from": "23:30", "to": "06:00"}]
    assert (near([kerb["from"], kerb["to"]], [(0.5, 0.9), (0.5, 0.2)]), kerb["direction"]) == (True, "left_to_right")
    text = (engine.folder / "crime_detect.yaml").read_text()
    assert all(line in text for line in CONFIG.splitlines()), text
    assert set(in_file(engine, "yard")["zones"]) == {"lawn", "gate_b_drive_b"}
    # what was saved is there again, and one that is taken away is gone from the file
    await page.reload()
    await page.get_by_role("button", name="Gate b drive b zone").click()
    await expect(page.get_by_label("for at least")).to_have_value("2s")
    await expect(page.get_by_label("Sunday")).not_to_be_checked()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await save(page)
    assert set(in_file(engine, "yard")["zones"]) == {"lawn"}


async def test_corners_are_moved_made_and_taken_back(open_page: Any, engine: EngineProcess) -> None:
    page = await open_page("/cameras/yard/zones")
    await expect(page.locator("#picture")).to_be_visible()
    await page.get_by_role("button", name="Lawn zone").click()
    box = await page.locator("#drawing").bounding_box()
    assert box is not None

    async def drag(start: tuple[float, float], end: tuple[float, float]) -> None:
        for place, act in ((start, page.mouse.down), (end, page.mouse.up)):
            await page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"], steps=3)
            await act()

    await drag((0.4, 0.6), (0.5, 0.5))
    await drag((0.3, 0.55), (0.3, 0.4))  # the dot between the first corner and the moved one
    await expect(page.get_by_role("button", name="Corner 4 of 4")).to_be_visible()
    await page.keyboard.press("Control+z")
    await page.keyboard.press("Control+z")
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    await page.get_by_role("button", name="New corner after 3").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Corner 4 of 4")).to_be_focused()
    await page.keyboard.press("Shift+ArrowLeft")
    lawn = (await save(page))["settings"]["zones"]["lawn"]
    assert near(lawn["polygon"], [(0.1, 0.6), (0.4, 0.6), (0.4, 0.95), (0.2, 0.775)])
    assert "# long enough" in (engine.folder / "crime_detect.yaml").read_text()
    await press(page.locator("#drawing"), (0.85, 0.2))  # beside the chosen one: it is left, and nothing begun
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    await page.get_by_role("button", name="Lawn zone").click()
    await page.get_by_label("Name").fill("Meadow")
    await press(page.locator("#drawing"), (0.85, 0.2))
    await expect(page.get_by_role("button", name="Meadow zone")).to_be_visible()


async def test_by_keyboard_alone_and_what_is_wrong_is_said_where_it_stands(
    open_page: Any, engine: EngineProcess
) -> None:
    page = await open_page("/cameras/street/zones")
    await expect(page.locator("#picture")).to_be_visible()
    await page.get_by_role("button", name="New zone").press("Enter")
    for keys in ("Space", "Shift+ArrowRight Space", "Shift+ArrowDown Space", "Enter"):
        for key in keys.split():
            await page.keyboard.press(key)
    await page.get_by_label("for at least").fill("soon")
    await page.get_by_role("button", name="Save").press("Enter")
    told = page.locator("[data-rule=intrusion] .error")
    await expect(told).to_have_text("Expected a duration from 0.5s to 24h, like 60s.")
    await expect(page.get_by_role("alert")).to_contain_text("Look again at Zone 1")
    await shoot(page, "zones-refused-desk")
    assert "zones" not in in_file(engine, "street")
    await page.get_by_label("for at least").fill("3s")
    await page.get_by_label("for at least").press("Tab")
    await expect(told).to_be_hidden()
    await page.get_by_role("combobox", name="Looking for people and things").select_option("off")
    settings = (await save(page))["settings"]
    assert near(settings["zones"]["zone_1"]["polygon"], [(0.5, 0.5), (0.55, 0.5), (0.55, 0.55)])
    assert (settings["zones"]["zone_1"]["intrusion"], settings["detector"]) == ("3s", "off")
    assert in_file(engine, "street")["detector"] == "off"


async def test_by_touch_on_a_phone(open_page: Any) -> None:
    page = await open_page("/cameras/yard/zones", PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    await expect(page.locator("#picture")).to_be_visible()
    await page.get_by_role("button", name="New line").tap()
    box = await page.locator("#drawing").bounding_box()
    assert box is not None
    for x, y in ((0.2, 0.3), (0.8, 0.4)):
        await page.touchscreen.tap(box["x"] + x * box["width"], box["y"] + y * box["height"])
    await expect(page.get_by_role("button", name="Line 1 line")).to_have_attribute("aria-pressed", "true")
    await shoot(page, "zones-phone")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    line = (await save(page))["settings"]["lines"]["line_1"]
    assert near([line["from"], line["to"]], [(0.2, 0.3), (0.8, 0.4)])


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(open_page: Any, engine: EngineProcess) -> None:
    page, other = await open_page("/cameras/street/zones"), await open_page("/cameras/street/zones", PHONE)
    for one, name in ((page, "Mine"), (other, "Theirs")):
        await expect(one.locator("#picture")).to_be_visible()
        await one.get_by_role("button", name="New zone").click()
        await press(one.locator("#drawing"), (0.2, 0.2), (0.4, 0.2), (0.4, 0.4))
        await one.get_by_role("button", name="Close shape").click()
        await one.get_by_label("Name").fill(name)
    await save(other)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed these zones")
    assert "theirs" in in_file(engine, "street")["zones"]
    assert "mine" not in in_file(engine, "street")["zones"]


async def test_leaving_with_something_unsaved_is_asked_about(open_page: Any) -> None:
    page = await open_page("/cameras/yard/zones")
    await expect(page.locator("#picture")).to_be_visible()
    await page.get_by_role("button", name="New zone").click()
    await press(page.locator("#drawing"), (0.2, 0.2))
    await expect(page.get_by_text("Not saved yet.")).to_be_visible()
    asked = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.get_by_role("link", name="Cancel").click()
    assert asked == ["beforeunload"]
    assert page.url.endswith("/cameras/yard/zones")


async def test_a_viewer_looks_and_changes_nothing(open_page: Any, engine: EngineProcess) -> None:
    page = await open_page("/", token=engine.make_token("viewer"))
    await page.get_by_role("link", name="Zones of Back yard").click()
    await expect(page.locator("#picture")).to_be_visible()
    await page.get_by_role("button", name="Lawn zone").click()
    await expect(page.get_by_label("Loitering")).to_be_checked()
    await expect(page.get_by_label("Loitering")).to_be_disabled()
    await expect(page.get_by_label("Name")).to_be_disabled()
    await press(page.locator("#drawing"), (0.7, 0.2), (0.9, 0.2), (0.9, 0.4))
    await expect(page.locator(".draft, .grip")).to_have_count(0)
    await expect(page.get_by_role("button", name="Save")).to_have_count(0)
    await expect(page.locator("#fixed")).to_contain_text("needs the role admin")
    await shoot(page, "zones-viewer-desk")


async def test_where_nobody_looks_the_page_says_why(open_page: Any) -> None:
    page = await open_page("/cameras/yard/zones", PHONE, is_mobile=True)
    await expect(page.locator("#blind")).to_contain_text("Nobody looks now: ")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "long addresses are broken"


async def test_a_person_is_boxed_in_the_zone_and_the_incident_says_why(
    browser: Browser, tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRIME_DETECT_MODELS", str(clips / "detectors"))
    clip = clips / "normal_footage" / "one-by-one-person-detection.mp4"
    zone = "{polygon: [[0.0, 0.3], [1, 0.3], [1, 1], [0, 1]], intrusion: 1s}"
    engine = EngineProcess(tmp_path / "seen", f"cameras:\n  aisle:\n    source: {clip}\n    zones: {{floor: {zone}}}\n")
    await asyncio.to_thread(engine.start)
    try:
        page = await browser.new_page(viewport=DESK)  # type: ignore[arg-type]
        await page.goto(f"{engine.address}/login#token={engine.token}")
        await page.wait_for_url(f"{engine.address}/")
        await expect(page.get_by_text("1 person in view · Floor occupied")).to_be_visible()
        await page.get_by_role("link", name="Zones of Aisle").click()
        await expect(page.locator("#seen rect")).to_have_count(1)
        await expect(page.get_by_role("button", name="Floor Occupied")).to_be_visible()
        await shoot(page, "zones-person-desk")
        await page.goto(f"{engine.address}/incidents?label=trespassing")
        await page.get_by_role("link", name="Trespassing").first.click()
        await expect(page.get_by_text("Inside the zone").first).to_be_visible()
        await expect(page.locator("#snapshot, #clip")).to_be_visible()
        await expect(page.locator("#boxes")).to_have_count(0)
        await page.close()
    finally:
        await asyncio.to_thread(engine.close)
