"""Pages as served: what they say, and that nothing in them becomes markup."""

from __future__ import annotations

import pytest

EVIL = '<script>alert(1)</script>"onerror=alert(1) x="'


async def page_of(site, path: str, token: str = "admin-token") -> str:
    async with site.client(token).get(path) as answer:
        assert answer.status == 200, path
        return await answer.text()


async def test_names_and_notes_never_become_markup(site):
    site.engine.put_camera("evil", EVIL, state=EVIL, label=EVIL)
    incident = site.engine.open_incident("evil", note=EVIL, zone=EVIL)
    for path in ("/", "/incidents", f"/incidents/{incident.incident_id}", f"/incidents/{incident.incident_id}/card"):
        page = await page_of(site, path)
        assert "&lt;script&gt;" in page, path
        assert "<script>" not in page, path
        assert '"onerror' not in page, path
    searched = await page_of(site, "/incidents?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>" not in searched


@pytest.mark.parametrize("demo", [True, False])
async def test_the_cameras_page_says_what_the_model_knows_and_whether_it_is_a_demo(site, demo):
    site.engine.demo = demo
    page = await page_of(site, "/")
    assert "normal, fighting" in page
    assert ("Demo model." in page) is demo


async def test_a_viewer_gets_no_buttons_that_would_be_refused(site):
    incident = site.engine.open_incident()
    page = await page_of(site, f"/incidents/{incident.incident_id}", "viewer-token")
    assert "data-verdict" not in page
    assert "data-snooze-choice" not in await page_of(site, "/", "viewer-token")
    operator = await page_of(site, f"/incidents/{incident.incident_id}", "operator-token")
    assert "data-verdict" in operator
    assert 'id="delete"' not in operator


async def test_a_limited_caller_sees_their_cameras_only(site):
    site.engine.open_incident("front_door")
    for path in ("/", "/incidents"):
        page = await page_of(site, path, "yard-token")
        assert "Yard" in page
        assert "Front door" not in page


async def test_masks_are_drawn_by_admins_and_where_they_cannot_be_kept_the_page_says_so(site):
    assert 'href="cameras/yard/masks"' in await page_of(site, "/")
    assert "/masks" not in await page_of(site, "/", "investigator-token")
    page = await page_of(site, "/cameras/yard/masks")
    assert '<base href="../../">' in page
    assert 'data-fixed=""' in page
    site.engine.fixed = "start it with --config FILE"
    page = await page_of(site, "/cameras/yard/masks")
    assert "Start it with --config FILE." in page
    assert 'data-fixed="yes"' in page
    site.engine.put_camera("evil", EVIL)
    assert "<script>" not in await page_of(site, "/cameras/evil/masks")


async def test_filters_stay_chosen_and_lead_on(site):
    for _ in range(3):
        site.engine.open_incident("yard")
    page = await page_of(site, "/incidents?camera=yard&limit=2")
    assert '<option value="yard" selected>' in page
    assert "incidents?camera=yard&amp;limit=2&amp;cursor=" in page
