"""The audit over HTTP: admins find, read and take along; everybody's accesses get there, folded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from crime_detect_engine.domain.auditing import AuditEntry, AuditFormat, AuditPage, AuditQuery
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.auditing import BY_ENGINE, IMPERSONAL, Access, declared_audit
from crime_detect_engine.web.routes import ROUTES
from crime_detect_engine.web.server import build_app, serve

from tests.fakes import NOON

# What nobody needs to be remembered for: settings, pages that hold nothing yet, and what everybody may read.
IMPERSONAL_READS = {
    "/health", "/metrics", "/api/v1/info", "/api/v1/openapi.json", "/static/{name}", "/login", "/login/oidc",
    "/api/v1/cameras", "/api/v1/cameras/{camera}", "/cameras/{camera}/masks", "/cameras/{camera}/zones", "/analyze",
    "/reports", "/api/v1/models", "/api/v1/sources/frigate", "/api/v1/retention", "/api/v1/evidence/key.pem",
    "/account", "/api/v1/users/me", "/retention", "/api/v1/retention/state", "/subjects",
    "/public", "/api/v1/reports/public",
}  # fmt: skip


@dataclass
class Kept:
    """An Auditing in memory."""

    entries: list[AuditEntry] = field(default_factory=list)
    asked: list[AuditQuery] = field(default_factory=list)

    async def audit(self, query: AuditQuery) -> AuditPage:
        self.asked.append(query)
        return AuditPage(self.entries[::-1][: query.limit], "7" if len(self.entries) > query.limit else None)

    async def audit_actions(self) -> Sequence[str]:
        return sorted({entry.action for entry in self.entries})

    async def export_audit(self, query: AuditQuery, format_: AuditFormat, actor: Actor) -> AsyncIterator[bytes]:
        async def chunks() -> AsyncIterator[bytes]:
            yield f"{format_} for {actor.name}\n".encode()
            yield str(query.actor).encode()

        return chunks()

    def note_access(self, actor: Actor, action: str, target: str, details: Mapping[str, Any]) -> None:
        number = len(self.entries) + 1
        self.entries.append(AuditEntry(number, NOON, actor.name, actor.role, action, target, details, (number, "ab")))

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(entry.actor, entry.action, entry.target) for entry in self.entries]


@dataclass
class Watched:
    site: Any
    kept: Kept
    url: str

    def client(self, token: str | None) -> ClientSession:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        session = ClientSession(self.url, headers=headers)
        self.site._sessions.append(session)
        return session

    async def get(self, path: str, token: str | None = "admin-token") -> tuple[int, str]:
        async with self.client(token).get(path) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def watched(site: Any, tmp_path: Path) -> AsyncIterator[Watched]:
    kept = Kept()
    app = build_app(site.engine, site.access, uploads=tmp_path / "watched", audit=kept)
    server = await serve(app, "127.0.0.1", 0)
    yield Watched(site, kept, f"http://127.0.0.1:{server.port}")
    await server.stop()


def test_every_route_says_what_the_audit_is_told():
    silent = [f"{route.method} {route.path}" for route in ROUTES if declared_audit(route.handler) is None]
    assert not silent, "put @audited(…) or @unaudited(…) above @role of these handlers"


def test_only_what_is_listed_shows_nothing_about_people():
    """Whoever adds a route that reads something must think of who will ask who read it."""
    impersonal = {route.path for route in ROUTES if declared_audit(route.handler) == IMPERSONAL}
    assert impersonal <= IMPERSONAL_READS
    assert all(route.method == "GET" for route in ROUTES if declared_audit(route.handler) == IMPERSONAL)
    for route in ROUTES:
        what = declared_audit(route.handler)
        assert isinstance(what, Access) or what in (BY_ENGINE, IMPERSONAL), route.path
        if isinstance(what, Access):
            assert len(what.action) <= 32
            assert all(
                f"{{{name}}}" in route.path for name in what.target.split("{")[1:] for name in [name.rstrip("}")]
            )


async def test_who_looked_is_noted_once_in_a_while(watched):
    incident = watched.site.engine.open_incident().incident_id
    for _ in range(3):
        assert (await watched.get(f"/api/v1/incidents/{incident}", "viewer-token"))[0] == 200
        assert (await watched.get("/api/v1/incidents", "viewer-token"))[0] == 200
    assert watched.kept.told == [("viewer", "view_incident", incident), ("viewer", "list_incidents", "incidents")]
    await watched.get(f"/api/v1/incidents/{incident}", "operator-token")
    assert watched.kept.told[-1] == ("operator", "view_incident", incident), "somebody else is another entry"
    watched.site.clock.advance(301)
    await watched.get(f"/api/v1/incidents/{incident}", "viewer-token")
    assert watched.kept.told[-1] == ("viewer", "view_incident", incident)
    assert len(watched.kept.entries) == 4


async def test_what_was_not_shown_is_not_noted_as_seen(watched):
    await watched.get("/api/v1/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV", "viewer-token")
    await watched.get("/api/v1/info", "viewer-token")
    await watched.get("/login", None)
    await watched.get("/incidents", None)
    incident = watched.site.engine.open_incident()
    async with watched.client("viewer-token").get(
        f"/api/v1/incidents/{incident.incident_id}/snapshot.jpg?rev=0", allow_redirects=False
    ) as answer:
        assert answer.status in (302, 404)
    assert watched.kept.told == []


async def test_the_event_stream_is_noted_when_it_begins(watched):
    async with watched.client("viewer-token").ws_connect("/api/v1/events") as socket:
        await socket.receive_json()
        assert watched.kept.told == [("viewer", "follow_events", "events")]


async def test_who_was_refused_is_noted_without_names_of_what_they_may_not_know(watched):
    for _ in range(2):
        async with watched.client("viewer-token").delete("/api/v1/cameras/front_door") as answer:
            assert answer.status == 403
    assert watched.kept.told == [("viewer", "denied", "DELETE /api/v1/cameras/{camera}")]


async def test_guesses_are_few_lines_and_never_name_the_guess(watched):
    for n in range(9):
        assert (await watched.get("/api/v1/info", f"guess-{n}"))[0] == 401
    (entry,) = watched.kept.entries
    assert (entry.actor, entry.action, entry.details["address"]) == ("somebody", "sign in refused", "127.0.0.1")
    assert "guess" not in repr(entry)


async def test_signing_in_by_a_token_and_out_is_noted(watched):
    browser = watched.client(None)
    async with browser.post("/api/v1/session", json={"token": "guess"}) as answer:
        assert answer.status == 401
    async with browser.post("/api/v1/session", json={"token": "viewer-token"}) as answer:
        told, cookie = await answer.json(), answer.cookies
    headers = {"X-CSRF-Token": told["csrf_token"]}
    async with browser.delete("/api/v1/session", headers=headers, cookies=cookie) as answer:
        assert answer.status == 204
    assert [entry.action for entry in watched.kept.entries] == ["sign in refused", "sign in", "sign out"]
    assert watched.kept.entries[1].details == {"by": "token"}


async def test_admins_search_and_page_and_others_do_not(watched):
    for n in range(3):
        watched.kept.note_access(Actor("ana", "viewer"), "view_clip", f"n{n}", {})
    for token in ("viewer-token", "investigator-token", "integration-token", "yard-token"):
        assert (await watched.get("/api/v1/audit", token))[0] == 403
        assert (await watched.get("/api/v1/audit/export", token))[0] == 403
    async with watched.client("admin-token").get("/api/v1/audit?actor=ana&limit=2&from=2026-11-21T00:00:00Z") as answer:
        told = await answer.json()
    assert [item["target"] for item in told["items"]][-1] != ""
    assert told["next_cursor"] == "7"
    assert told["items"][0]["link"] == {"seq": told["items"][0]["id"], "hash": "ab"}
    asked = watched.kept.asked[-1]
    assert (asked.actor, asked.limit, asked.start.isoformat()) == ("ana", 2, "2026-11-21T00:00:00+00:00")
    for wrong in ("limit=0", "limit=201", "from=yesterday", "nonsense=1", "actor=" + "x" * 200):
        assert (await watched.get(f"/api/v1/audit?{wrong}"))[0] == 400


@pytest.mark.parametrize(("format_", "kind"), [("jsonl", "application/jsonl"), ("csv", "text/csv")])
async def test_exports_come_as_files(watched, format_, kind):
    async with watched.client("admin-token").get(f"/api/v1/audit/export?format={format_}&actor=ana") as answer:
        assert answer.content_type == kind
        assert answer.headers["Content-Disposition"] == f'attachment; filename="audit.{format_}"'
        assert await answer.text() == f"{format_} for admin\nana"


async def test_the_page_shows_entries_as_text(watched):
    incident = watched.site.engine.open_incident().incident_id
    watched.kept.note_access(Actor("<i>ana</i>", "viewer"), "view_clip", incident, {"x": "</pre><script>"})
    status, page = await watched.get("/audit?actor=an")
    assert status == 200
    assert "&lt;i&gt;ana" in page
    assert f'href="incidents/{incident}"' in page
    assert "<script>" not in page.split("<main")[1]
