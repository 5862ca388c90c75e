"""Settings that are not those of one camera."""

from __future__ import annotations


async def test_discovery_over_mqtt_is_ended(site):
    async with site.client("integration-token").delete("/api/v1/mqtt/discovery") as answer:
        assert answer.status == 204
    assert site.engine.actions == [("end_mqtt_discovery", "integration")]
