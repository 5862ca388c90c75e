"""Roles at single cameras, scopes that open what they say and nothing else, and counts that are only counts."""

from __future__ import annotations

import re

import pytest
from crime_detect_engine.domain.accounts import ROLES, includes
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.access import declared_roles
from crime_detect_engine.web.openapi import openapi
from crime_detect_engine.web.routes import ROUTES
from crime_detect_engine.web.scopes import OWN, PAGES, SCOPES, scope_of

NOTHING = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
COVERS_ALL = {("DELETE", "/api/v1/cameras/{camera}")}
"""Not for who is limited to some cameras, whatever their role at them."""
BODIES = {
    "verdict": {"verdict": "confirmed"}, "snooze": {"minutes": 5}, "{camera}": {"detection": True},
    "acknowledge": {}, "hold": {}, "accept_view": {},
}  # fmt: skip


def placed() -> list:
    return [route for route in ROUTES if re.search(r"\{(camera|incident)\}", route.path) and needed(route) != {None}]


def needed(route) -> set:
    return set(declared_roles(route.handler) or ())


def address(route, camera: str, incident: str) -> str:
    path = re.sub(r"\{camera\}", camera, route.path)
    return re.sub(r"\{\w+\}", "none", re.sub(r"\{incident\}", incident, path))


async def status_of(client, route, path: str) -> int:
    body = None if route.method == "GET" else BODIES.get(route.path.rsplit("/", 1)[-1], {})
    async with client.request(route.method, path, json=body, allow_redirects=False) as answer:
        return answer.status


@pytest.mark.parametrize("at_yard", ["viewer", "operator", "investigator"])
async def test_every_route_of_a_camera_asks_for_the_role_at_that_camera(site, at_yard):
    site.tokens["mixed"] = Actor("mixed", "admin", frozenset({"front_door", "yard"}), {"yard": at_yard})
    client = site.client("mixed")
    for route in placed():
        site.engine.put_camera("front_door", "Front door")
        site.engine.put_camera("yard", "Yard")
        theirs, ours = site.engine.open_incident("yard"), site.engine.open_incident("front_door")
        key = (route.method, route.path)
        there = await status_of(client, route, address(route, "yard", theirs.incident_id))
        here = await status_of(client, route, address(route, "front_door", ours.incident_id))
        allowed = any(includes(at_yard, role) for role in needed(route)) and key not in COVERS_ALL
        assert (there != 403) == allowed, (key, there)
        assert (here != 403) == (key not in COVERS_ALL), (key, here)


async def test_a_role_at_a_camera_holds_for_what_requests_name_elsewhere(site):
    site.tokens["mixed"] = Actor("mixed", "admin", frozenset({"front_door", "yard"}), {"yard": "viewer"})
    client = site.client("mixed")
    seen = {"label": "robbery", "started_at": "2026-11-21T03:00:00Z"}
    for camera, status in (("yard", 403), ("front_door", 201), ("shed", 404)):
        async with client.post("/api/v1/incidents", json={"camera": camera, **seen}) as answer:
            assert answer.status == status, camera
    for camera, status in (("yard", 403), ("front_door", 200)):
        async with client.patch(f"/api/v1/cameras/{camera}", json={"threshold": 0.7}) as answer:
            assert answer.status == status, camera
    async with client.get("/api/v1/cameras") as answer:
        shown = {one["id"]: one["settings"] for one in (await answer.json())["items"]}
    assert "masks" not in shown["yard"]
    async with client.get("/") as answer:
        page = await answer.text()
    assert "cameras/front_door/masks" in page
    assert "cameras/yard/masks" not in page


async def test_a_lower_role_at_a_camera_is_no_more_than_that_and_others_do_not_exist(site):
    site.tokens["night"] = Actor("night", "operator", frozenset({"front_door", "yard"}), {"yard": "viewer"})
    incident = site.engine.open_incident("yard")
    client = site.client("night")
    async with client.get(f"/api/v1/incidents/{incident.incident_id}") as answer:
        assert answer.status == 200
    async with client.post(f"/api/v1/incidents/{incident.incident_id}/acknowledge", json={}) as answer:
        assert answer.status == 403
        assert "At this camera" in (await answer.json())["error"]["message"]
    site.engine.put_camera("shed", "Shed")
    hidden = site.engine.open_incident("shed")
    for incident_id in (hidden.incident_id, NOTHING):
        async with client.post(f"/api/v1/incidents/{incident_id}/acknowledge", json={}) as answer:
            assert answer.status == 404


# --- scopes ---------------------------------------------------------------------------------------------------------


def test_every_route_has_a_scope():
    """A new route must be put under one; until then no token with scopes opens it."""
    unnamed = [
        (route.method, route.path)
        for route in ROUTES
        if needed(route) != {None} and scope_of(route.method, route.path) is None and not changes_accounts(route)
    ]
    assert unnamed == []


def test_the_description_tells_the_scope_of_each_address():
    paths = openapi(ROUTES, "1")["paths"]
    assert paths["/api/v1/incidents"]["get"]["x-scope"] == "incidents:read"
    assert paths["/api/v1/cameras/{camera}/snooze"]["post"]["x-scope"] == "commands"
    assert "x-scope" not in paths["/api/v1/users"]["post"]


def changes_accounts(route) -> bool:
    """Who may make accounts and tokens may make any: nothing for a token that may do some things only."""
    own = route.path.startswith("/api/v1/users/me")
    return route.path.startswith(("/api/v1/users", "/api/v1/tokens")) and route.method != "GET" and not own


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_its_routes_and_no_other(site, scope):
    site.tokens["script"] = Actor("script", "admin", scopes=frozenset({scope}))
    client = site.client("script")
    opened = 0
    for route in ROUTES:
        if needed(route) == {None}:
            continue
        site.engine.put_camera("front_door", "Front door")
        incident = site.engine.open_incident("front_door")
        status = await status_of(client, route, address(route, "front_door", incident.incident_id))
        wanted = scope_of(route.method, route.path)
        assert (status != 403) == (wanted in (scope, OWN)), (route.method, route.path, status)
        opened += wanted == scope
    assert opened or scope in ("audit", "privacy"), "a scope that opens nothing is a promise that nobody keeps"


async def test_what_is_missing_is_named(site):
    site.tokens["script"] = Actor("script", "admin", scopes=frozenset({"reports"}))
    client = site.client("script")
    async with client.get("/api/v1/incidents") as answer:
        error = (await answer.json())["error"]
    assert answer.status == 403
    assert error["details"] == {"missing_scope": "incidents:read"}
    async with client.post("/api/v1/session", json={"token": "script"}) as answer:
        assert answer.status == 403, "a browser would show it whatever the role may see"
    async with client.get("/incidents") as answer:
        assert answer.status == 403


async def test_switching_a_camera_is_not_changing_its_settings(site):
    site.tokens["switch"] = Actor("switch", "admin", scopes=frozenset({"commands"}))
    client = site.client("switch")
    async with client.patch("/api/v1/cameras/yard", json={"privacy": True}) as answer:
        assert answer.status == 200
    async with client.patch("/api/v1/cameras/yard", json={"threshold": 0.1}) as answer:
        assert (await answer.json())["error"]["details"] == {"missing_scope": "settings"}


async def test_a_scope_does_not_make_up_for_a_role(site):
    site.tokens["script"] = Actor("script", "viewer", scopes=frozenset(SCOPES))
    async with site.client("script").get("/api/v1/tokens") as answer:
        assert answer.status == 403


def test_pages_and_ones_own_session_have_scopes_that_no_token_can_get():
    assert not {PAGES, OWN} & set(SCOPES)


# --- aggregates -----------------------------------------------------------------------------------------------------


async def test_who_sees_aggregates_only_sees_nothing_of_any_incident(site):
    secrets = []
    for number in range(3):
        incident = site.engine.open_incident("front_door", note=f"hemmelig{number}", zone="vault")
        secrets += [incident.incident_id, f"hemmelig{number}"]
    site.engine.alter_camera("front_door", active=True, label="robbery", confidence=0.87654)
    client, read = site.client("analyst-token"), ""
    paths = [f"/api/v1/reports/daily?date=2026-11-21&format={one}" for one in ("json", "csv", "html")]
    for path in ("/api/v1/info", "/api/v1/cameras", "/api/v1/cameras/front_door", "/reports", "/account", *paths):
        async with client.get(path) as answer:
            assert answer.status == 200, path
            read += await answer.text()
    assert "Front door" in read
    for secret in (*secrets, "vault", "0.87654", "0.93", "93 %", "snapshot.jpg", "clip.mp4", "rtsp://", "data:image"):
        assert secret not in read, secret


async def test_counts_in_all_formats_are_those_of_the_whole_report(site):
    for number in range(3):
        site.engine.open_incident("front_door", "robbery" if number else "fighting")
    async with site.client("analyst-token").get("/api/v1/reports/daily?date=2026-11-21") as answer:
        counts = await answer.json()
    async with site.client("viewer-token").get("/api/v1/reports/daily?date=2026-11-21") as answer:
        whole = await answer.json()
    assert counts["incidents"] == []
    assert len(whole["incidents"]) == 3
    for part in ("totals", "by_camera", "by_label", "by_hour"):
        assert counts[part] == whole[part]
    async with site.client("analyst-token").get("/api/v1/reports/daily?date=2026-11-21&format=csv") as answer:
        rows = (await answer.text()).splitlines()
    assert "class,robbery,2" in rows
    assert "camera,Front door,3" in rows
    async with site.client("analyst-token").get("/api/v1/reports/daily?date=2026-11-21&format=pdf") as answer:
        assert (await answer.read()).startswith(b"%PDF")


@pytest.mark.parametrize("narrow", ["min_confidence=0.9", "from=2026-11-21T11:59:00Z", "to=2026-11-21T12:01:00Z"])
async def test_counts_cannot_be_narrowed_down_to_one_incident_and_its_score(site, narrow):
    async with site.client("analyst-token").get(f"/api/v1/reports/daily?date=2026-11-21&{narrow}") as answer:
        assert answer.status == 403
    async with site.client("viewer-token").get(f"/api/v1/reports/daily?date=2026-11-21&{narrow}") as answer:
        assert answer.status == 200


async def test_the_first_page_of_who_sees_aggregates_only_is_the_reports(site):
    browser, _ = await site.browser("analyst-token")
    async with browser.get("/") as answer:
        page = await answer.text()
    assert answer.url.path == "/reports"
    assert 'href="incidents"' not in page
    assert 'name="min_confidence"' not in page


@pytest.mark.parametrize("role", ROLES)
def test_each_role_includes_itself_and_those_before_it(role):
    order = ["analyst", "viewer", "operator", "investigator", "admin"]
    wanted = {*order[: order.index(role) + 1]} if role in order else {"analyst", "viewer", "operator", "integration"}
    assert {one for one in ROLES if includes(role, one)} == wanted
    assert not includes("root", "analyst")
    assert not includes(role, "root")
