"""Roles, tokens, sessions, CSRF, guessing and ingress."""

from __future__ import annotations

import re

import pytest
from aiohttp import web
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.access import COOKIE, CSRF_HEADER, ROLES, allows, declared_roles, role
from crime_detect_engine.web.guessing import FAILURE_WINDOW_S, MAX_FAILURES
from crime_detect_engine.web.route import Route, add_route
from crime_detect_engine.web.routes import ROUTES

# Counts, names and health, and one's own account: all that somebody is shown who sees aggregates only.
AGGREGATES = {
    ("GET", "/"), ("GET", "/reports"), ("GET", "/account"), ("GET", "/api/v1/info"), ("GET", "/api/v1/cameras"),
    ("GET", "/api/v1/cameras/{camera}"), ("GET", "/api/v1/reports/{kind}"), ("DELETE", "/api/v1/session"),
    ("GET", "/api/v1/users/me"), ("POST", "/api/v1/users/me/password"), ("DELETE", "/api/v1/users/me/sessions"),
    ("DELETE", "/api/v1/users/me/sessions/{session}"),
}  # fmt: skip
# What each role may do beyond the one before it; everything else under the API is for viewers.
OPERATOR = {
    ("PATCH", "/api/v1/cameras/{camera}"), ("POST", "/api/v1/cameras/{camera}/snooze"), ("POST", "/api/v1/incidents"),
    ("POST", "/api/v1/cameras/{camera}/accept_view"),
    ("POST", "/api/v1/incidents/{incident}/verdict"), ("POST", "/api/v1/incidents/{incident}/acknowledge"),
    ("POST", "/api/v1/analyze"), ("GET", "/api/v1/jobs/{job}"), ("GET", "/analyze"),
}  # fmt: skip
ONLY_FOR = {
    ("POST", "/api/v1/incidents/{incident}/hold"): {"investigator", "admin", "integration"},
    ("DELETE", "/api/v1/incidents/{incident}"): {"admin"},
    ("GET", "/api/v1/incidents/{incident}/evidence.zip"): {"investigator", "admin", "integration"},
    ("GET", "/api/v1/incidents/{incident}/evidence.sig"): {"investigator", "admin", "integration"},
    ("GET", "/api/v1/incidents/{incident}/original.jpg"): {"investigator", "admin"},
    ("GET", "/api/v1/incidents/{incident}/original.mp4"): {"investigator", "admin"},
    ("GET", "/cameras/{camera}/masks"): {"admin"},
    ("GET", "/retention"): {"admin"},
    ("GET", "/api/v1/retention/state"): {"admin"},
    ("POST", "/api/v1/retention/confirm"): {"admin"},
    ("GET", "/api/v1/incidents/{incident}/files"): {"investigator", "admin"},
    ("GET", "/api/v1/reports/public"): {"admin"},
    ("GET", "/subjects"): {"investigator", "admin"},
    ("POST", "/api/v1/subjects/find"): {"investigator", "admin"},
    ("POST", "/api/v1/subjects/export"): {"investigator", "admin"},
    ("POST", "/api/v1/subjects/erase"): {"admin"},
    ("GET", "/api/v1/models"): {"admin"},
    ("POST", "/api/v1/models/{model}/activate"): {"admin"},
    ("POST", "/api/v1/models/{model}/rollback"): {"admin"},
    **{
        (method, f"/api/v1/{path}"): {"admin"}
        for method, path in (
            ("GET", "users"),
            ("POST", "users"),
            ("GET", "users/{user}"),
            ("PATCH", "users/{user}"),
            ("DELETE", "users/{user}"),
            ("GET", "users/{user}/sessions"),
            ("DELETE", "users/{user}/sessions"),
            ("GET", "tokens"),
            ("POST", "tokens"),
            ("DELETE", "tokens/{token}"),
        )
    },
    ("GET", "/users"): {"admin"},
    ("GET", "/audit"): {"admin"},
    ("GET", "/api/v1/audit"): {"admin"},
    ("GET", "/api/v1/audit/export"): {"admin"},
    **{
        route: {"admin", "integration"}
        for route in (
            ("POST", "/api/v1/alerts/test"),
            ("POST", "/api/v1/cameras"),
            ("DELETE", "/api/v1/cameras/{camera}"),
            ("POST", "/api/v1/sources/test"),
            ("GET", "/api/v1/sources/frigate"),
            ("GET", "/api/v1/retention"),
            ("PUT", "/api/v1/retention"),
            ("POST", "/api/v1/retention/dry-run"),
            ("DELETE", "/api/v1/mqtt/discovery"),
        )
    },
}
PUBLIC = {
    ("GET", "/health"), ("GET", "/api/v1/openapi.json"), ("POST", "/api/v1/session"), ("GET", "/login"),
    ("GET", "/login/oidc"), ("GET", "/login/oidc/callback"),
    ("GET", "/static/{name}"), ("GET", "/public"), ("GET", "/api/v1/pictures/{incident}/{expires}/{signature}.jpg"),
}  # fmt: skip
BODIES = {
    "verdict": {"verdict": "confirmed"}, "snooze": {"minutes": 5}, "session": {"token": "nobody"},
    "cameras": {"source": "rtsp://10.0.0.9/s", "name": "Gate"}, "retention": {"incidents": "10d"},
    "users": {"name": "ana", "password": "seven green bottles", "role": "viewer"}, "{user}": {"disabled": False},
    "tokens": {"name": "script", "role": "viewer"}, "password": {"current": "x", "new": "seven green bottles"},
    **{one: {"from": "2026-11-21T02:00:00Z", "to": "2026-11-21T03:00:00Z"} for one in ("find", "export")},
    "erase": {"from": "2026-11-21T02:00:00Z", "to": "2026-11-21T03:00:00Z", "reason": "asked"},
}  # fmt: skip


def expected(route: Route) -> set[str]:
    key = (route.method, route.path)
    if key in ONLY_FOR:
        return ONLY_FOR[key]
    if key in AGGREGATES:
        return set(ROLES)
    return set(ROLES) - {"viewer", "analyst"} if key in OPERATOR else set(ROLES) - {"analyst"}


def address(route: Route, **names: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], "app.css"), route.path)


def body_of(route: Route) -> dict[str, object]:
    if route.path.endswith("/cameras/{camera}") and route.method == "PATCH":
        return {"detection": True}
    if (route.method, route.path) == ("POST", "/api/v1/incidents"):
        return {"camera": "front_door", "label": "robbery", "started_at": "2026-11-21T03:00:00Z"}
    if route.path.endswith("/sources/test"):
        return {"source": "rtsp://10.0.0.9/s"}
    return BODIES.get(route.path.rsplit("/", 1)[-1], {})


def test_a_route_without_a_role_is_refused():
    async def handler(_request: web.Request) -> web.Response:
        return web.Response()

    with pytest.raises(ValueError, match="declares no role"):
        add_route(web.Application(), Route("GET", "/open", handler))
    with pytest.raises(ValueError, match="not roles"):
        role("owner")
    with pytest.raises(ValueError, match="not roles"):
        role()


def test_only_the_known_routes_are_public():
    public = {(route.method, route.path) for route in ROUTES if declared_roles(route.handler) == (None,)}
    assert public == PUBLIC


def test_who_sees_aggregates_only_gets_no_further_than_them():
    """A new route that lets an analyst in must be thought about: it has no picture, no single incident and no score."""
    open_to_them = {
        (route.method, route.path) for route in ROUTES if "analyst" in (declared_roles(route.handler) or ())
    }
    assert open_to_them == AGGREGATES


@pytest.mark.parametrize("asking", [None, *ROLES])
async def test_every_route_as_every_role(site, asking):
    client = site.client(f"{asking}-token" if asking else None)
    for route in ROUTES:
        site.engine.put_camera("front_door", "Front door")  # one of the routes removes it
        incident = site.engine.open_incident()
        path = address(route, camera="front_door", incident=incident.incident_id, job="none")
        body = None if route.method == "GET" else body_of(route)
        async with client.request(route.method, path, json=body, allow_redirects=False) as answer:
            status = answer.status
        key = (route.method, route.path)
        if key in PUBLIC:
            # A wrong signature opens nothing, whoever asks.
            refused = {"session": 401, "app.css.jpg": 404, "oidc": 404, "callback": 404, "public": 404}
            assert status == refused.get(path.rsplit("/", 1)[-1], 200), key
        elif asking is None:
            assert status == (401 if path.startswith("/api/") or path == "/metrics" else 302), key
        elif asking in expected(route):
            assert status not in (401, 403), key
        else:
            assert status == 403, key


async def test_cameras_of_others_look_like_cameras_that_do_not_exist(site):
    theirs, client = site.engine.open_incident("front_door"), site.client("yard-token")
    mine = site.engine.open_incident("yard")
    for route in ROUTES:
        if not re.search(r"\{(camera|incident)\}", route.path):
            continue
        body = None if route.method == "GET" else body_of(route)
        answers = []
        for camera, incident in (("front_door", theirs.incident_id), ("nowhere", "01ARZ3NDEKTSV4RRFFQ69G5FAV")):
            path = address(route, camera=camera, incident=incident)
            async with client.request(route.method, path, json=body) as answer:
                text = (await answer.text()).replace(path.lstrip("/"), "PATH").replace(incident, "ID")
                answers.append((answer.status, text))
        assert answers[0][0] == 404, route.path
        assert answers[0] == answers[1], route.path
    async with client.get("/api/v1/incidents") as answer:
        assert [item["incident_id"] for item in (await answer.json())["items"]] == [mine.incident_id]
    async with client.get("/api/v1/incidents?camera=front_door") as answer:
        assert (await answer.json())["items"] == []
    async with client.get("/api/v1/cameras") as answer:
        assert [item["id"] for item in (await answer.json())["items"]] == ["yard"]
    async with client.get("/api/v1/info") as answer:
        assert (await answer.json())["cameras"] == ["yard"]
    report = {"camera": "front_door", "label": "robbery", "started_at": "2026-11-21T03:00:00Z"}
    async with client.post("/api/v1/incidents", json=report) as answer:
        assert answer.status == 404
    async with client.get("/metrics") as answer:
        assert answer.status == 403
    assert site.engine.actions == []


@pytest.mark.parametrize(
    "header", ["Bearer none", "Bearer ", "Basic YWRtaW46YWRtaW4=", "admin-token", "Bearer " + "x" * 5000]
)
async def test_wrong_credentials_are_refused_without_being_repeated(site, header):
    async with site.client(Authorization=header).get("/api/v1/info") as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await answer.json())["error"]["code"] == "unauthenticated"
        assert "x" * 10 not in await answer.text()


async def test_guessing_is_slowed_for_right_tokens_too_until_a_minute_has_passed(site):
    for _ in range(MAX_FAILURES):
        async with site.client().post("/api/v1/session", json={"token": "guess"}) as answer:
            assert answer.status == 401
    async with site.client("admin-token").get("/api/v1/info") as answer:
        assert answer.status == 429
        assert 0 < int(answer.headers["Retry-After"]) <= FAILURE_WINDOW_S + 1
    site.clock.advance(FAILURE_WINDOW_S + 1)
    async with site.client("admin-token").get("/api/v1/info") as answer:
        assert answer.status == 200


async def test_guessing_does_not_end_open_sessions(site):
    browser, _ = await site.browser("viewer-token")
    for _ in range(MAX_FAILURES + 1):
        async with site.client("guess").get("/api/v1/info"):
            pass
    async with browser.get("/api/v1/info") as answer:
        assert answer.status == 200


async def test_the_cookie_is_kept_from_scripts_and_other_sites(site):
    async with site.client().post("/api/v1/session", json={"token": "viewer-token"}) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "viewer-token" not in cookie
    proxied = {"X-Forwarded-Proto": "https"}
    async with site.client().post("/api/v1/session", json={"token": "viewer-token"}, headers=proxied) as answer:
        assert "Secure" in answer.headers["Set-Cookie"]


async def test_a_browser_writes_only_with_its_csrf_token(site):
    browser, csrf = await site.browser("operator-token")
    path = f"/api/v1/incidents/{site.engine.open_incident().incident_id}/acknowledge"
    for wrong in ({}, {CSRF_HEADER: "x"}, {CSRF_HEADER: "Zürich"}):
        async with browser.post(path, json={}, headers=wrong) as answer:
            assert answer.status == 403
    assert site.engine.actions == []
    async with browser.post(path, json={}, headers={CSRF_HEADER: csrf}) as answer:
        assert answer.status == 200
    _, other = await site.browser("operator-token")
    async with browser.post(path, json={}, headers={CSRF_HEADER: other}) as answer:
        assert answer.status == 403


async def test_a_foreign_page_cannot_open_the_event_stream_with_our_cookie(site):
    browser, _ = await site.browser("viewer-token")
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    foreign = {**upgrade, **key, "Origin": "http://127.0.0.1:1"}
    async with browser.get("/api/v1/events", headers=foreign) as answer:
        assert answer.status == 403
    async with browser.ws_connect("/api/v1/events", origin=site.url) as socket:
        assert (await socket.receive_json())["kind"] == "hello"


async def test_revoking_a_token_ends_its_session_within_half_a_minute(site):
    browser, _ = await site.browser("viewer-token")
    del site.tokens["viewer-token"]
    site.clock.advance(31)
    async with browser.get("/api/v1/info") as answer:
        assert answer.status == 401


async def test_signing_out_ends_the_session_and_a_week_unused_does_too(site):
    browser, csrf = await site.browser("viewer-token")
    cookies = {cookie.key: cookie.value for cookie in browser.cookie_jar}
    async with browser.delete("/api/v1/session", headers={CSRF_HEADER: csrf}) as answer:
        assert answer.status == 204
    async with site.client().get("/api/v1/info", cookies=cookies) as answer:
        assert answer.status == 401
    idle, _ = await site.browser("viewer-token")
    site.clock.advance(8 * 86400)
    async with idle.get("/api/v1/info") as answer:
        assert answer.status == 401


INGRESS = {"X-Remote-User-Id": "u1", "X-Remote-User-Name": "Ana", "X-Ingress-Path": "/api/hassio_ingress/abc"}


@pytest.mark.parametrize("ingress", [False, True])
async def test_ingress_headers_from_another_address_count_for_nothing(make_site, ingress):
    site = await make_site(ingress=ingress)
    async with site.client(**INGRESS).get("/api/v1/info") as answer:
        assert answer.status == 401
    forwarded = {"X-Forwarded-For": "172.30.32.2", "X-Real-IP": "172.30.32.2"}
    async with site.client(**INGRESS, **forwarded).get("/api/v1/info") as answer:
        assert answer.status == 401


async def test_an_ingress_user_gets_the_mapped_role_and_pages_with_relative_links(make_site):
    async def actor(user: str, name: str) -> Actor | None:
        return Actor(name, "operator") if user == "u1" else None

    site = await make_site(ingress=True, ingress_actor=actor, ingress_peer="127.0.0.1")
    async with site.client(**{**INGRESS, "X-Remote-User-Id": "u2"}).get("/api/v1/info") as answer:
        assert answer.status == 403
        assert "access.ingress" in await answer.text()
    incident = site.engine.open_incident()
    client = site.client(**INGRESS)
    async with client.get(f"/incidents/{incident.incident_id}") as answer:
        page = await answer.text()
    assert '<base href="../">' in page
    assert not re.findall(r'(?:href|src|action)="/', page)
    csrf = re.search(r'name="csrf" content="(\w+)"', page)
    assert csrf
    path = f"/api/v1/incidents/{incident.incident_id}/acknowledge"
    async with client.post(path, json={}) as answer:
        assert answer.status == 403
    async with client.post(path, json={}, headers={CSRF_HEADER: csrf[1]}) as answer:
        assert answer.status == 200
    assert site.engine.actions == [("acknowledge", incident.incident_id, True, "Ana")]
    other = site.client(**{**INGRESS, "X-Remote-User-Id": "u2"})
    async with other.post(path, json={}, headers={CSRF_HEADER: csrf[1]}) as answer:
        assert answer.status == 403


async def test_the_integration_acts_for_a_person_and_others_cannot_claim_to(site):
    path = f"/api/v1/incidents/{site.engine.open_incident().incident_id}/acknowledge"
    for token in ("integration-token", "admin-token"):
        async with site.client(token).post(path, json={}, headers={"X-On-Behalf-Of": "Ana"}) as answer:
            assert answer.status == 200
    assert [action[-1] for action in site.engine.actions] == ["integration for Ana", "admin"]
    headers = {"X-On-Behalf-Of": "A" * 300}
    async with site.client("integration-token").post(path, json={}, headers=headers) as answer:
        assert answer.status == 200
    assert site.engine.actions[-1][-1] == f"integration for {'A' * 100}"


def test_roles_include_what_contracts_say():
    assert allows(Actor("a", "admin"), "viewer")
    assert allows(Actor("i", "integration"), "operator")
    assert not allows(Actor("i", "integration"), "investigator")
    assert not allows(Actor("a", "admin"), "integration")
    assert not allows(Actor("v", "viewer"), "operator")
