"""Signing in with a name and a password, one's own account, and what an admin does with people and tokens."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.guessing import FREE_TRIES
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS

PASSWORD = "seven green bottles"
BOSS = Actor("boss", "admin")


async def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
async def visitor(browser: Browser, site) -> Page:
    """A desk at the sign-in page; what the engine refuses shows in its console, and nothing else may."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{site.url}/login")
    yield page
    assert [one for one in complaints if "Failed to load resource" not in one] == []
    await context.close()


async def test_somebody_signs_in_by_keyboard_and_lands_where_they_wanted(visitor, site):
    await visitor.goto(f"{site.url}/incidents")
    await expect(visitor.get_by_label("Name", exact=True)).to_be_focused()
    await visitor.keyboard.type("Boss")
    await visitor.keyboard.press("Tab")
    await visitor.keyboard.type(PASSWORD)
    await visitor.keyboard.press("Enter")
    await visitor.wait_for_url(f"{site.url}/incidents")
    await expect(visitor.get_by_role("link", name="Your account, boss")).to_be_visible()


async def test_a_wrong_password_and_then_too_many_are_told_in_words(visitor):
    await sign_in(visitor, "boss", "wrong")
    alert = visitor.locator("#login-error")
    await expect(alert).to_have_text("The name or the password is wrong, or this account is disabled.")
    await expect(visitor.get_by_label("Password")).to_be_focused()
    for _ in range(FREE_TRIES):
        await visitor.get_by_role("button", name="Sign in", exact=True).click()
        await expect(visitor.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()
    await expect(alert).to_contain_text("Too many wrong passwords for this name")


async def test_an_admin_adds_somebody_who_chooses_a_password_and_is_limited_to_a_camera(visitor, site, browser):
    await sign_in(visitor, "boss")
    await visitor.get_by_text("More", exact=True).click()
    await visitor.get_by_role("link", name="People").click()
    await visitor.get_by_text("Add somebody").click()
    form = visitor.locator("#add-user")
    await form.get_by_label("Name").fill("marta")
    await form.get_by_label("First password").fill("short")
    await form.get_by_role("button", name="Add").click()
    await expect(visitor.locator("[data-user]")).to_have_count(1)
    await form.get_by_label("First password").fill("password12345")
    await form.locator("[name=role]").select_option("operator")
    await form.get_by_label("All cameras").uncheck()
    await form.get_by_label("Yard").select_option("viewer")
    await form.get_by_role("button", name="Add").click()
    await expect(form.get_by_role("alert")).to_contain_text("first that somebody tries")
    await form.get_by_label("First password").fill(PASSWORD)
    await form.get_by_role("button", name="Add").click()
    await expect(visitor.locator("[data-user]")).to_have_count(2)
    marta = visitor.locator("[data-user]", has_text="marta")
    await expect(marta).to_contain_text("Must choose a password")

    context = await browser.new_context(viewport={"width": 390, "height": 844})
    hers = await context.new_page()
    await hers.goto(f"{site.url}/login")
    await sign_in(hers, "marta")
    await hers.wait_for_url(f"{site.url}/account")
    await expect(hers.get_by_text("Choose a password of your own")).to_be_visible()
    await hers.get_by_label("Current password").fill(PASSWORD)
    await hers.get_by_label("New password", exact=True).fill("eight green bottles")
    await hers.get_by_label("New password again").fill("nine green bottles")
    await hers.get_by_role("button", name="Change password").click()
    await expect(hers.get_by_role("alert")).to_have_text("The new password is not the same twice.")
    await hers.get_by_label("New password again").fill("eight green bottles")
    await hers.get_by_role("button", name="Change password").click()
    await hers.wait_for_url(f"{site.url}/")
    await expect(hers.locator("[data-camera]")).to_have_count(1)
    await expect(hers.locator("[data-camera]").get_by_role("switch")).to_have_count(0)

    await marta.locator("summary").click()
    await marta.get_by_label("All cameras").check()
    await marta.get_by_role("button", name="Save").click()
    await expect(visitor.locator("[data-user]", has_text="marta")).not_to_contain_text("1 camera")
    await hers.reload()
    await expect(hers.locator("[data-camera]")).to_have_count(2)
    await expect(hers.get_by_role("switch", name="Detection")).to_have_count(2)
    await hers.goto("about:blank")  # as below
    await visitor.locator("[data-user]", has_text="marta").get_by_role("button", name="Disable").click()
    await expect(visitor.locator("[data-user]", has_text="marta")).to_contain_text("Disabled")
    await hers.goto(f"{site.url}/incidents")
    await expect(hers).to_have_url(f"{site.url}/login?next=incidents")
    await context.close()


async def test_the_last_admin_stays_and_the_page_says_why(visitor):
    await sign_in(visitor, "boss")
    await visitor.get_by_text("More", exact=True).click()
    await visitor.get_by_role("link", name="People").click()
    boss = visitor.locator("[data-user]")
    await boss.locator("summary").click()
    await boss.locator("[name=role]").select_option("viewer")
    await boss.get_by_role("button", name="Save").click()
    await expect(boss.locator("[data-change]").get_by_role("alert")).to_contain_text("make another admin")


async def test_a_token_with_scopes_is_shown_once_and_revoked(visitor, site):
    await sign_in(visitor, "boss")
    await visitor.get_by_text("More", exact=True).click()
    await visitor.get_by_role("link", name="People").click()
    await visitor.get_by_text("Make a token").click()
    form = visitor.locator("#add-token")
    await form.get_by_label("Name").fill("tablet")
    await form.get_by_label("All that the role may").uncheck()
    await form.get_by_label("reports and trends").check()
    await form.get_by_role("button", name="Make it").click()
    shown = visitor.locator("#secret-text")
    await expect(shown).to_be_visible()
    actor = await site.store.tokens.find(await shown.inner_text())
    assert actor == Actor("tablet", "viewer", scopes=frozenset({"reports"}))
    await visitor.reload()
    await expect(shown).to_be_hidden()
    token = visitor.locator("#tokens li", has_text="tablet")
    await expect(token).to_contain_text("only reports")
    await token.get_by_role("button", name="Revoke tablet").click()
    await expect(token).to_have_count(0)


async def test_ones_sessions_are_listed_and_ended(visitor, site, browser):
    await sign_in(visitor, "boss")
    await visitor.wait_for_url(f"{site.url}/")
    context = await browser.new_context()
    other = await context.new_page()
    await other.goto(f"{site.url}/login")
    await sign_in(other, "boss")
    await other.wait_for_url(f"{site.url}/")
    await other.goto("about:blank")  # the page would notice by itself, and go to sign in while we go elsewhere
    await visitor.get_by_role("link", name="Your account, boss").click()
    await expect(visitor.locator(".sessions li")).to_have_count(2)
    await visitor.get_by_role("button", name="Sign out everywhere else").click()
    await expect(visitor.locator(".sessions li")).to_have_count(1)
    await other.goto(f"{site.url}/incidents")
    await expect(other).to_have_url(f"{site.url}/login?next=incidents")
    await context.close()


async def test_who_sees_aggregates_only_is_led_to_the_reports(visitor, site):
    await site.store.users.create("ana", PASSWORD, "analyst", None, BOSS)
    site.engine.open_incident()
    await sign_in(visitor, "ana")
    await visitor.wait_for_url(f"{site.url}/reports")
    await expect(visitor.get_by_role("navigation").get_by_role("link")).to_have_text(["Reports"])
    report = visitor.frame_locator("iframe")
    await expect(report.get_by_role("heading", level=1)).to_be_visible()
    await expect(report.get_by_role("heading", name="Incidents", exact=True)).to_have_count(0)


@pytest.mark.parametrize("path", ["/account", "/users", "/login"])
@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_pages_about_people_fit_and_their_fields_have_names(page, site, path, width):
    await site.store.users.create("somebody with quite a long name", PASSWORD, "operator", {"yard": "viewer"}, BOSS)
    await page.set_viewport_size({"width": width, "height": 800})
    await page.goto(site.url + path)
    for summary in await page.locator("main summary").all():
        await summary.click()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unnamed = await page.evaluate(
        """[...document.querySelectorAll("main input:not([hidden]), main select")]
           .filter((one) => !one.labels?.length && !one.getAttribute("aria-label")).map((one) => one.outerHTML)"""
    )
    assert unnamed == []
