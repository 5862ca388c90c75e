"""Pages as served: what they say, and that nothing in them becomes markup."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.types import INCIDENT_CLASSES, IncidentSource

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


@pytest.mark.parametrize(
    ("token", "changes"), [("admin-token", True), ("operator-token", False), ("viewer-token", False)]
)
async def test_zones_are_looked_at_by_all_and_changed_by_admins(site, token, changes):
    assert 'href="cameras/yard/zones"' in await page_of(site, "/", token)
    page = await page_of(site, "/cameras/yard/zones", token)
    assert ('id="save"' in page) is changes
    assert ("needs the role admin" in page) is not changes
    assert ('data-may-change="yes"' in page) is changes
    site.engine.fixed = "start it with --config FILE"
    assert ("Start it with --config FILE." in await page_of(site, "/cameras/yard/zones", token)) is changes
    async with site.client("yard-token").get("/cameras/front_door/zones") as answer:
        assert answer.status == 404


async def test_an_incident_of_a_rule_says_why_in_plain_words(site):
    box = {"label": "person", "box": [0.1, 0.2, 0.3, 0.4], "score": 0.8, "track": 3}
    told = {
        "why": [{"reason": "dwell", "weight": 0.0, "detail": "1 person for 70 s"}],
        "boxes": [box],
        "identities": ["Anna"],
        "attributes": {
            "carried": [{"label": "baseball bat", "confidence": 0.61}],
            "plate": "AB-12",
            "plate_score": 0.9,
        },
    }
    rule = {"source": IncidentSource.ZONE, "model": None, "zone": "back_lawn", "rule": "dwell", **told}
    left = site.engine.open_incident("yard", "object_left", **rule)
    page = await page_of(site, f"/incidents/{left.incident_id}", "viewer-token")
    for said in (
        "<h1>Object left behind</h1>", "Yard · Back lawn", "Stayed in the zone</strong>", "1 person for 70 s",
        "Baseball bat 61 %", "AB-12", "Anna", "a rule of this camera",
    ):  # fmt: skip
        assert said in page
    assert "log odds" not in page, "no reason weighed anything"
    assert "data-boxes" not in page, "the engine has drawn them in"
    fight = site.engine.open_incident(
        "yard", boxes=[box], why=[{"reason": "no_person", "weight": -2.0, "detail": "nobody for 9 s"}]
    )
    page = await page_of(site, f"/incidents/{fight.incident_id}", "viewer-token")
    assert "against it: \N{MINUS SIGN}2.0" in page
    assert "log odds" in page
    assert "&#34;box&#34;: [0.1, 0.2, 0.3, 0.4]" in page


async def test_what_was_seen_beside_never_becomes_markup(site):
    told = {"why": [{"reason": EVIL, "weight": 1.0, "detail": EVIL}], "identities": [EVIL], "zone": EVIL}
    box = {"label": EVIL, "box": [0, 0, 1, 1], "score": 1.0}
    incident = site.engine.open_incident(
        "yard", boxes=[box], attributes={EVIL: EVIL, "carried": [{"label": EVIL}]}, **told
    )
    page = await page_of(site, f"/incidents/{incident.incident_id}")
    assert "<script>" not in page
    assert '"onerror' not in page


async def test_every_class_of_incident_can_be_filtered_for(site):
    page = await page_of(site, "/incidents?label=tampering")
    assert '<option value="tampering" selected>Tampering</option>' in page
    assert all(f'<option value="{label}"' in page for label in INCIDENT_CLASSES)


async def test_filters_stay_chosen_and_lead_on(site):
    for _ in range(3):
        site.engine.open_incident("yard")
    page = await page_of(site, "/incidents?camera=yard&limit=2")
    assert '<option value="yard" selected>' in page
    assert "incidents?camera=yard&amp;limit=2&amp;cursor=" in page
