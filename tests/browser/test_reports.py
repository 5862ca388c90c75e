"""What a person does with reports, on a phone, in a real browser."""

from __future__ import annotations

from datetime import timedelta

from crime_detect_engine.domain.types import Verdict
from playwright.async_api import expect

EVIL = "</style><script>parent.document.title=1</script>"


async def test_a_day_is_chosen_read_and_taken_along(page, site):
    yesterday = site.engine.clock_at - timedelta(days=1)
    site.engine.put_camera("evil", EVIL)
    site.engine.open_incident("yard", "robbery", started_at=yesterday, verdict=Verdict.CONFIRMED)
    site.engine.open_incident("evil", started_at=yesterday, zone=EVIL)
    await page.get_by_role("link", name="Reports").click()
    report = page.frame_locator("iframe.report")
    await expect(report.get_by_role("heading", level=1)).to_have_text("Daily report")
    await expect(report.get_by_text("2 alerts (1 real, 0 false alarms, 1 not judged)")).to_be_visible()
    await expect(report.get_by_role("img", name="Robbery at Yard")).to_be_visible()
    frame = page.locator("iframe.report")
    fits = "frame => frame.clientHeight >= frame.contentDocument.documentElement.scrollHeight"
    assert await frame.evaluate(fits)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    await page.get_by_label("What").select_option("robbery")
    await page.get_by_role("button", name="Show").click()
    await expect(report.get_by_text("1 alert (1 real")).to_be_visible()
    assert "label=robbery" in page.url
    assert "camera=" not in page.url
    async with page.expect_download() as found:
        await page.get_by_role("link", name="PDF").click()
    download = await found.value
    assert download.suggested_filename.startswith("home-daily-")
    assert download.suggested_filename.endswith(".pdf")
    assert await page.title() == "Reports · crime_detect"


async def test_a_search_is_taken_along_as_csv(page, site):
    site.engine.open_incident("yard", "robbery")
    await page.goto(f"{site.url}/incidents?label=robbery")
    if not await page.locator("#filters").evaluate("details => details.open"):
        await page.locator("#filters summary").click()
    async with page.expect_download() as found:
        await page.get_by_role("link", name="CSV").click()
    text = (await (await found.value).path()).read_text(encoding="utf-8-sig")
    assert text.startswith("incident_id,")
    assert text.count("robbery") == 1
