"""What a person does with the pages, on a phone, in a real browser."""

from __future__ import annotations

from pathlib import Path

from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import IncidentSource, Verdict
from playwright.async_api import expect

SOMEBODY = Actor("somebody", "admin")
EVIL = '<img src=x onerror="document.title=1"><script>document.title=1</script>'


async def test_a_sign_in_link_leaves_no_token_in_address_or_history(page, site):
    assert "admin-secret" not in page.url
    assert await page.evaluate("document.cookie") == ""
    await page.go_back()
    assert "admin-secret" not in page.url


async def test_a_wrong_token_is_refused_and_the_right_one_leads_to_the_page_asked_for(page, site):
    incident = site.engine.open_incident()
    await page.goto("about:blank")  # the page would notice, and go to sign in while we go elsewhere
    await page.context.clear_cookies()
    await page.goto(f"{site.url}/incidents/{incident.incident_id}")
    await page.get_by_text("Sign in with an access token").click()
    await page.get_by_label("Access token").fill("wrong")
    await page.get_by_role("button", name="Sign in with the token").click()
    await expect(page.get_by_role("alert")).to_contain_text("not known")
    await page.get_by_label("Access token").fill("admin-secret")
    await page.get_by_role("button", name="Sign in with the token").click()
    await page.wait_for_url(f"{site.url}/incidents/{incident.incident_id}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Fighting")
    site.complaints.clear()  # the browser reports the refused sign-in


async def test_the_rest_of_the_pages_is_a_menu_that_fits_on_a_phone(page, site):
    more, audit = page.get_by_text("More", exact=True), page.get_by_role("link", name="Audit")
    await expect(audit).to_be_hidden()
    await more.click()
    await expect(audit).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Escape")
    await expect(audit).to_be_hidden()
    await more.click()
    await page.locator("#main").click(position={"x": 2, "y": 400})
    await expect(audit).to_be_hidden()
    header = page.locator("header.top")
    assert await header.evaluate("top => top.scrollWidth <= innerWidth && top.clientHeight < 70")


async def test_the_cameras_page_shows_live_pictures_that_change(page, site):
    picture = page.locator("[data-camera=yard] [data-live]")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.naturalWidth") == 1280
    first = await picture.get_attribute("src")
    await expect(picture).not_to_have_attribute("src", first)


async def test_an_incident_arrives_and_changes_without_reload(page, site):
    await page.evaluate("window.sameDocument = true")
    await expect(page.locator("#connection")).to_have_attribute("data-state", "on")
    incident = site.engine.open_incident("yard", "robbery")
    card = page.locator("#latest .card")
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text("Robbery")
    await expect(card).to_contain_text("Yard")
    await expect(card).to_contain_text("Now")
    site.engine.close_incident(incident)
    await expect(card).not_to_contain_text("Now")
    await site.engine.delete(incident.incident_id, SOMEBODY)
    await expect(card).to_have_count(0)
    assert await page.evaluate("window.sameDocument") is True


async def test_faces_of_a_camera_are_blurred_by_a_switch(page, site):
    card = page.locator("[data-camera=yard]")
    blur = card.get_by_role("switch", name="Blur faces")
    await expect(blur).not_to_be_checked()
    await blur.click()
    await expect(blur).to_be_enabled()
    await expect(blur).to_be_checked()
    assert [action[:3] for action in site.engine.actions] == [("change_camera", "yard", {"blur_faces": True})]


async def test_a_camera_changes_state_and_is_snoozed(page, site):
    card = page.locator("[data-camera=yard]")
    await card.get_by_label("Snooze Yard").select_option("60")
    await expect(card.get_by_text("Snoozed until")).to_be_visible()
    await card.get_by_role("button", name="Resume alerts of Yard").click()
    await expect(card.get_by_text("Snoozed until")).to_be_hidden()
    await card.get_by_role("switch", name="Detection").click()
    await expect(card.get_by_text("Detection is off")).to_be_visible()
    assert [action[:3] for action in site.engine.actions] == [
        ("snooze", "yard", 60.0), ("snooze", "yard", 0.0), ("detection", "yard", False),
    ]  # fmt: skip
    site.engine.alter_camera("yard", state="lost", online=False)
    await expect(card.get_by_text("Lost")).to_be_visible()


async def test_the_verdict_button_works_and_takes_back(page, site):
    incident = site.engine.open_incident()
    await page.goto(f"{site.url}/incidents/{incident.incident_id}")
    real = page.get_by_role("button", name="Real")
    await real.click()
    await expect(real).to_have_attribute("aria-pressed", "true")
    assert site.engine.stored[incident.incident_id].verdict is Verdict.CONFIRMED
    await page.get_by_role("button", name="False alarm").click()
    await expect(real).to_have_attribute("aria-pressed", "false")
    assert site.engine.stored[incident.incident_id].verdict is Verdict.FALSE_ALARM
    await page.get_by_role("button", name="False alarm").click()
    await expect(page.get_by_role("button", name="False alarm")).to_have_attribute("aria-pressed", "false")
    assert site.engine.stored[incident.incident_id].verdict is None


async def test_the_score_curve_is_drawn_with_its_threshold(page, site):
    incident = site.engine.open_incident()
    await page.goto(f"{site.url}/incidents/{incident.incident_id}")
    curve = page.get_by_role("img", name="Fighting: peak 93 % after 2.0 s; alerts at 80 %")
    await expect(curve).to_be_visible()
    await expect(curve.locator("circle")).to_have_count(10)


async def test_somebody_elses_verdict_appears(page, site):
    incident = site.engine.open_incident()
    await page.goto(f"{site.url}/incidents/{incident.incident_id}")
    await expect(page.locator("#connection")).to_have_attribute("data-state", "on")
    await site.engine.set_verdict(incident.incident_id, Verdict.CONFIRMED, SOMEBODY)
    await expect(page.get_by_role("button", name="Real")).to_have_attribute("aria-pressed", "true")


async def test_an_incident_is_deleted_only_after_asking(page, site):
    incident = site.engine.open_incident()
    await page.goto(f"{site.url}/incidents/{incident.incident_id}")
    await page.get_by_role("button", name="Delete this incident").click()
    await page.get_by_role("button", name="Keep it").click()
    assert incident.incident_id in site.engine.stored
    await page.get_by_role("button", name="Delete this incident").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await page.wait_for_url(f"{site.url}/incidents")
    assert site.engine.stored == {}


async def test_an_upload_is_analysed(page, site, tmp_path: Path):
    site.engine.analysis = {
        "label": "fighting", "confidence": 0.93, "suspicious": True,
        "probabilities": {"normal": 0.07, "fighting": 0.93},
        "windows": [{"start_s": s, "end_s": s + 2, "probabilities": {"fighting": 0.9 - s / 10}} for s in (0, 0.5, 1)],
    }  # fmt: skip
    video, text = tmp_path / "yard.mp4", tmp_path / "<b>notes.mp4"
    video.write_bytes(b"video")
    text.write_bytes(b"text")
    await page.goto(f"{site.url}/analyze")
    await page.get_by_label("Choose files").set_input_files([video, text])
    good = page.locator(".job").filter(has_text="yard.mp4")
    await expect(good).to_contain_text("Suspicious")
    await expect(good.get_by_role("img")).to_have_accessible_name("Fighting: peak 90 % after 2.0 s")
    await expect(page.locator(".job").filter(has_text="<b>notes.mp4")).to_contain_text("is not a video")


async def test_a_camera_name_with_markup_stays_text(page, site):
    site.engine.put_camera("evil", EVIL)
    await page.reload()
    await expect(page.get_by_role("heading", name=EVIL)).to_be_visible()
    await expect(page.locator("#connection")).to_have_attribute("data-state", "on")
    site.engine.open_incident("evil")
    await expect(page.locator("#latest .card")).to_contain_text(EVIL)
    assert await page.title() == "Cameras · crime_detect"


async def test_a_lost_feed_comes_back_and_catches_up(page, site):
    connection = page.locator("#connection")
    await expect(connection).to_have_attribute("data-state", "on")
    await page.evaluate("window.sameDocument = true")
    await site.drop_feeds()
    await expect(connection).to_have_attribute("data-state", "off")
    site.engine.open_incident("yard", "robbery")
    await expect(connection).to_have_attribute("data-state", "on")
    await expect(page.locator("#latest .card")).to_have_count(1)
    assert await page.evaluate("window.sameDocument") is True


async def test_no_page_is_wider_than_a_phone(page, site):
    incident = site.engine.open_incident()
    for path in ("/", "/incidents", f"/incidents/{incident.incident_id}", "/analyze", "/login"):
        await page.goto(site.url + path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


async def test_who_is_in_view_is_boxed_on_the_live_picture_and_told_in_words(page, site):
    card = page.locator("[data-camera=yard]")
    person = {"label": "person", "box": [0.4, 0.3, 0.1, 0.5], "score": 0.86, "track": 7, "zones": [], "identity": EVIL}
    site.engine.seen["yard"] = [person, {**person, "label": "car", "track": 8, "identity": None}]
    zones = {"lawn": {"persons": 1, "objects": {"person": 1}, "occupied": True}}
    site.engine.alter_camera("yard", persons=1, objects={"person": 1, "car": 2}, zones=zones)
    await expect(card.get_by_text("1 person, 2 cars in view · Lawn occupied")).to_be_visible()
    await expect(card.locator(".boxes rect")).to_have_count(2)
    await expect(card.locator(".boxes text").first).to_have_text(EVIL)
    site.engine.alter_camera("yard", persons=0, objects={}, zones={}, tampered=True, tamper="covered")
    await expect(card.get_by_text("Nobody in view")).to_be_visible()
    await expect(card.get_by_text("Tampered with: covered")).to_be_visible()
    await expect(card.locator(".boxes rect")).to_have_count(0)
    site.engine.alter_camera("yard", persons=None, tampered=False, tamper=None)
    await expect(card.get_by_text("in view")).to_be_hidden()
    await expect(card.get_by_text("Tampered with")).to_be_hidden()


async def test_boxes_lie_over_the_snapshot_unless_the_engine_drew_them(page, site):
    box = {"label": "person", "box": [0.5, 0.25, 0.25, 0.5], "score": 0.9, "track": 1}
    fight = site.engine.open_incident("yard", boxes=[box])
    await page.goto(f"{site.url}/incidents/{fight.incident_id}")
    drawn = page.locator("#boxes rect")
    await expect(drawn).to_have_count(1)
    picture, over = await page.locator("#snapshot").bounding_box(), await drawn.bounding_box()
    assert abs(over["x"] - picture["x"] - picture["width"] / 2) < 3
    assert abs(over["height"] - picture["height"] / 2) < 5
    rule = site.engine.open_incident("yard", "trespassing", boxes=[box], source=IncidentSource.ZONE, zone="lawn")
    await page.goto(f"{site.url}/incidents/{rule.incident_id}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Trespassing")
    await expect(page.locator("#boxes")).to_have_count(0)
