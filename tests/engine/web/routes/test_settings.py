"""Settings that are not those of one camera."""

from __future__ import annotations

import pytest


async def test_retention_is_read_and_changed(site):
    client = site.client("integration-token")
    async with client.get("/api/v1/retention") as answer:
        before = await answer.json()
    async with client.put("/api/v1/retention", json={"incidents": "10d"}) as answer:
        assert await answer.json() == before | {"incidents": "10d"}
    assert site.engine.actions == [("retention", {"incidents": "10d"}, "integration")]


@pytest.mark.parametrize("body", [{}, {"incidents": 5}, {"archive": "x"}, {"per_class": {"FIGHT": "1d"}}])
async def test_a_retention_that_makes_no_sense_is_refused(site, body):
    async with site.client("admin-token").put("/api/v1/retention", json=body) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "invalid_input")
    assert site.engine.actions == []


async def test_discovery_over_mqtt_is_ended(site):
    async with site.client("integration-token").delete("/api/v1/mqtt/discovery") as answer:
        assert answer.status == 204
    assert site.engine.actions == [("end_mqtt_discovery", "integration")]
