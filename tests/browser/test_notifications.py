"""Owns the proof that a computer at which a page is open tells of incidents, once, and only if somebody wants it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import Severity, SuppressedBy, Verdict
from playwright.async_api import Page, expect

SOMEBODY = Actor("somebody", "admin")
NOTED = """
    const Real = window.Notification;
    window.told = [];
    const count = () => {
      const { dataset } = document.documentElement;
      dataset.told = toldOf().length;
      dataset.open = toldOf().filter(({ open }) => open).length;
    };
    window.toldOf = () => told.filter(({ tag }) => tag !== "crime_detect.notify");
    window.Notification = class extends Real {
      constructor(title, options) {
        super(title, options);
        this.noted = { title, ...options, open: true };
        told.push(this.noted);
        count();
      }
      close() {
        this.noted.open = false;
        count();
        super.close();
      }
    };
"""
"""Notes what the browser's own notifications were made of: they are shown outside of what a test can see."""


@pytest.fixture
async def desk(page: Page, site: Any) -> Page:
    """A cameras page whose browser allows notifications."""
    await page.context.grant_permissions(["notifications"], origin=site.url)
    await page.add_init_script(NOTED)
    await page.reload()
    await expect(page.locator("#connection")).to_have_attribute("data-state", "on")
    return page


async def told(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate("toldOf()")
    return found


async def settled(page: Page, site: Any) -> None:
    """Everything before a last incident has been heard: its card is there."""
    mark = site.engine.open_incident("yard", "vandalism", notify=False, suppressed_by=SuppressedBy.SNOOZE)
    await expect(page.locator(f"[data-incident='{mark.incident_id}']")).to_be_visible()


async def test_nobody_is_told_who_did_not_ask(desk: Page, site: Any) -> None:
    await expect(desk.get_by_role("switch", name="Tell me on this computer")).not_to_be_checked()
    site.engine.open_incident("yard", "robbery")
    await settled(desk, site)
    assert await told(desk) == []


async def test_an_incident_is_told_once_for_each_grade_and_taken_back_when_somebody_answers(
    desk: Page, site: Any
) -> None:
    await desk.get_by_role("switch", name="Tell me on this computer").click()
    await expect(desk.get_by_role("switch", name="Tell me on this computer")).to_be_checked()
    assert await desk.evaluate("told.map(({ title }) => title)") == ["You will be told here"]
    started_at = site.engine.clock_at.replace(hour=12, minute=5)
    incident = site.engine.open_incident("yard", "robbery", started_at=started_at)
    await expect(desk.locator("html")).to_have_attribute("data-told", "1")
    (alert,) = await told(desk)
    assert (alert["title"], alert["requireInteraction"]) == ("Robbery · Yard", False)
    assert alert["body"].startswith("Confidence 93 % · 1")
    incident = site.engine._change(replace(incident, confidence=0.97))
    incident = site.engine._change(replace(incident, severity=Severity.CRITICAL))
    await expect(desk.locator("html")).to_have_attribute("data-told", "2")
    assert [(one["open"], one["requireInteraction"]) for one in await told(desk)] == [(False, False), (True, True)]
    await site.engine.set_verdict(incident.incident_id, Verdict.FALSE_ALARM, SOMEBODY)
    await expect(desk.locator("html")).to_have_attribute("data-open", "0")
    site.engine.close_incident(site.engine.stored[incident.incident_id])
    await settled(desk, site)
    assert len(await told(desk)) == 2


async def test_what_people_are_not_told_of_is_not_told_here_either(desk: Page, site: Any) -> None:
    await desk.get_by_role("switch", name="Tell me on this computer").click()
    await expect(desk.get_by_role("switch", name="Tell me on this computer")).to_be_checked()
    site.engine.open_incident("yard", "robbery", severity=Severity.DETECTION, notify=False)
    site.engine.open_incident("yard", "fighting", notify=False, suppressed_by=SuppressedBy.SCHEDULE)
    await settled(desk, site)
    assert await told(desk) == []


async def test_it_is_told_on_other_pages_and_after_the_network_was_away(desk: Page, site: Any) -> None:
    await desk.get_by_role("switch", name="Tell me on this computer").click()
    await expect(desk.get_by_role("switch", name="Tell me on this computer")).to_be_checked()
    await desk.goto(f"{site.url}/incidents")
    await expect(desk.locator("#connection")).to_have_attribute("data-state", "on")
    await site.drop_feeds()
    site.engine.open_incident("yard", "robbery", started_at=site.engine.clock_at + timedelta(seconds=1))
    await expect(desk.locator("html")).to_have_attribute("data-told", "1")
    await desk.goto(f"{site.url}/")
    switch = desk.get_by_role("switch", name="Tell me on this computer")
    await expect(switch).to_be_checked()
    await switch.click()
    await desk.reload()
    await expect(switch).not_to_be_checked()


async def test_a_browser_that_refuses_is_told_what_to_do(page: Page, site: Any) -> None:
    await page.add_init_script("Notification.requestPermission = async () => 'denied'")
    await page.reload()
    switch = page.get_by_role("switch", name="Tell me on this computer")
    await switch.click()
    await expect(page.locator("#toast")).to_contain_text("allow them beside its address")
    await expect(switch).not_to_be_checked()
