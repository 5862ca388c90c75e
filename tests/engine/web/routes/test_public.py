"""The summary for everybody over HTTP."""

from __future__ import annotations

from typing import Any

import pytest


async def test_it_is_for_admins_unless_the_configuration_gives_it_away(make_site: Any) -> None:
    site = await make_site()
    async with site.client().get("/public") as answer:
        assert answer.status == 404
    async with site.client("viewer-token").get("/api/v1/reports/public") as answer:
        assert answer.status == 403
    site.engine.serve_public = True
    async with site.client().get("/public") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert "script" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("format_", "kind"), [("json", "application/json"), ("csv", "text/csv"), ("html", "text/html")]
)
async def test_a_month_is_asked_for(make_site: Any, format_: str, kind: str) -> None:
    site = await make_site()
    query = {"month": "2026-10", "format": format_}
    async with site.client("admin-token").get("/api/v1/reports/public", params=query) as answer:
        assert answer.content_type == kind
        assert "2026-10-01" in await answer.text()


@pytest.mark.parametrize(
    "query", [{"month": "2026-13"}, {"month": "2026-10-01"}, {"format": "pdf"}, {"camera": "yard"}]
)
async def test_what_cannot_be_asked_is_refused(make_site: Any, query: dict[str, str]) -> None:
    site = await make_site()
    async with site.client("admin-token").get("/api/v1/reports/public", params=query) as answer:
        assert answer.status == 400
