"""How long things are kept, what the rules would delete, and what became of files."""

from __future__ import annotations

import pytest


async def test_retention_is_read_and_changed(site):
    client = site.client("integration-token")
    async with client.get("/api/v1/retention") as answer:
        before = await answer.json()
    async with client.put("/api/v1/retention", json={"incidents": "10d"}) as answer:
        assert await answer.json() == before | {"incidents": "10d"}
    async with client.put("/api/v1/retention", json={**before, "incidents": "11d"}) as answer:
        assert answer.status == 200, "who sends everything back that it was told must be understood"
    assert site.engine.actions[0] == ("retention", {"incidents": "10d"}, "integration")


@pytest.mark.parametrize(
    "body",
    [{}, {"incidents": 5}, {"archive": "x"}, {"archive": {"after": "1d"}}, {"per_class": {"FIGHT": "1d"}},
     {"per_verdict": {"perhaps": "1d"}}, {"quota": "1GB"}],
)  # fmt: skip
async def test_a_retention_that_makes_no_sense_is_refused(site, body):
    async with site.client("admin-token").put("/api/v1/retention", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "invalid_input")
    assert site.engine.actions == []


async def test_only_an_administrator_says_where_the_archive_lies(site):
    body = {"archive": {"path": "/mnt/archive", "after": "30d", "quota": None}}
    async with site.client("integration-token").put("/api/v1/retention", json=body) as answer:
        assert answer.status == 403
    async with site.client("admin-token").put("/api/v1/retention", json=body) as answer:
        assert answer.status == 200
    assert [action[:2] for action in site.engine.actions] == [("retention", body)]


async def test_the_dry_run_takes_other_rules_and_names_what_is_wrong_with_them(site):
    client = site.client("admin-token")
    async with client.post("/api/v1/retention/dry-run?limit=5", json={"per_verdict": {"false_alarm": "3d"}}) as answer:
        plan = await answer.json()
    assert plan["rules"]["per_verdict"] == {"false_alarm": "3d"}
    assert (plan["items"], plan["next_offset"], plan["totals"]["bytes"]) == ([], None, 0)
    wrong = {"clips": "soon", "archive": {"path": "relative"}, "per_class": {"dancing": "3d"}}
    async with client.post("/api/v1/retention/dry-run", json=wrong) as answer:
        assert answer.status == 400
        assert set((await answer.json())["error"]["details"]) == {"clips", "archive.path", "per_class"}
    for limit in (0, 1001, "x"):
        async with client.post(f"/api/v1/retention/dry-run?limit={limit}") as answer:
            assert answer.status == 400
    assert site.engine.actions == []


async def test_a_confirmation_is_the_administrators_and_named(site):
    async with site.client("admin-token").post("/api/v1/retention/confirm") as answer:
        assert answer.status == 204
    async with site.client("yard-token").post("/api/v1/retention/confirm") as answer:
        assert answer.status == 403
    assert site.engine.actions == [("retention_confirm", "admin")]


async def test_an_investigator_reads_the_life_of_a_file(site):
    incident = site.engine.open_incident()
    address = f"/api/v1/incidents/{incident.incident_id}/files"
    async with site.client("investigator-token").get(address) as answer:
        assert [entry["action"] for entry in (await answer.json())["log"]] == ["archive", "create"]


async def test_the_page_shows_rules_use_and_archive(site):
    async with site.client("admin-token").get("/retention") as answer:
        text = await answer.text()
    assert 'value="30d"' in text
    assert "Snapshot 1.0 kB" in text
    assert "Everything stays where it was written" in text
