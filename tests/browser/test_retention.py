"""What an administrator does with retention, and an investigator with the life of a file, in a real browser."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from crime_detect_engine.store.planning import Deletion
from playwright.async_api import expect

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SHOTS = os.environ.get("CRIME_DETECT_SCREENSHOTS")


async def shot(page, name: str) -> None:
    """For people who want to look: where CRIME_DETECT_SCREENSHOTS names a folder."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size(DESK)
        await page.screenshot(path=Path(SHOTS) / f"{name}-desk.png", full_page=True)
        await page.set_viewport_size(PHONE)
        await page.emulate_media(color_scheme="light")


async def test_rules_are_tried_before_they_are_saved(page, site):
    ended = site.engine.clock_at - timedelta(days=4)
    site.engine.due = [
        Deletion(f"{n:026d}", "yard", "fighting", "record", "false alarm older than 3 days", 2_000_000, ended)
        for n in range(60)
    ]
    await page.get_by_text("More", exact=True).click()
    await page.get_by_role("link", name="Retention").click()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    save = page.get_by_role("button", name="Save", exact=True).first
    await expect(save).to_be_disabled()
    await page.get_by_label("Judged a false alarm").fill("soon")
    await page.get_by_role("button", name="What would go?").click()
    await expect(page.locator("[data-error='per_verdict.false_alarm']")).to_contain_text("expected a duration")
    assert [one for one in site.complaints if "400" not in one] == []
    site.complaints.clear()  # browsers complain of every refusal

    await page.get_by_label("Judged a false alarm").fill("3d")
    await page.get_by_role("button", name="Add a class").click()
    await page.get_by_label("Class").last.select_option("robbery")
    await page.get_by_label("Kept for").last.fill("180d")
    await page.get_by_role("button", name="What would go?").click()
    await expect(page.locator("#outcome-text")).to_have_text("60 deletions, 120 MB.")
    await expect(page.locator("#outcome-list tbody tr")).to_have_count(20)
    await page.get_by_role("button", name="Show more").click()
    await expect(page.locator("#outcome-list tbody tr")).to_have_count(40)
    await shot(page, "retention")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator("#sure-text")).to_contain_text("60 deletions")
    await shot(page, "retention-sure")
    await page.get_by_role("button", name="Go back").click()
    assert site.engine.actions == []
    await save.click()
    await page.locator("#sure").get_by_role("button", name="Save").click()
    await expect(page.locator("#toast")).to_contain_text("Saved")
    assert site.engine.actions[0][1] == {
        "per_class": {"fighting": "90d", "robbery": "180d"}, "per_verdict": {"false_alarm": "3d"},
    }  # fmt: skip
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_clean_up_that_waits_says_why_and_goes_on_when_somebody_has_looked(page, site):
    site.engine.doubts.append("the last clean-up was 400 days ago: was the engine off, or has the clock jumped?")
    await page.goto(f"{site.url}/retention")
    await expect(page.get_by_role("alert")).to_contain_text("400 days ago")
    await shot(page, "retention-held")
    await page.get_by_role("button", name="This is right: go on").click()
    await expect(page.locator("#held-off")).to_have_count(0)
    assert [action[0] for action in site.engine.actions] == ["retention_confirm"]


async def test_the_life_of_a_file_is_on_the_page_of_its_incident(page, site):
    incident = site.engine.open_incident("yard", "robbery")
    await page.goto(f"{site.url}/incidents/{incident.incident_id}")
    await page.get_by_text("Files, and what became of each").click()
    await expect(page.locator("#files-list")).to_contain_text("Moved to the archive")
    await expect(page.locator("#files-list")).to_contain_text("in the archive")
    await shot(page, "files")
