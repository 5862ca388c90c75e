"""Owns the test of the page about delays: medians and late ones of each way, from what arrived."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rig.scripts import load_script


@pytest.fixture
def delivery() -> Any:
    return load_script("bench/delivery.py")


def told(incident: str, **changes: Any) -> dict[str, Any]:
    return {"after": {"incident_id": incident, "notify": True, "severity": "alert"} | changes}


def test_delays_count_from_the_picture_that_decided_to_the_first_that_was_told(delivery: Any) -> None:
    arrivals = delivery.Arrivals()
    for way in delivery.WAYS:
        for incident in ("a", "b", "c"):
            arrivals.came(way, told(incident, severity="detection"))
            arrivals.came(way, told(incident, notify=False))
            assert incident not in arrivals.first[way]
            arrivals.came(way, told(incident))
        arrivals.first[way] = {"a": 10.25, "b": 20.5, "c": 33.0}
        arrivals.came(way, told("a"))
        assert arrivals.first[way]["a"] == 10.25, "a repetition is no arrival"
    page = "\n".join(delivery.write_page(arrivals, {"a": 10.0, "b": 20.0, "c": 30.0}))
    for way in delivery.WAYS:
        assert f"| that picture | {way}, written down and with its snapshot | 0.50 | 0.50 |" in page
    assert "3 incidents" in page


def test_a_way_that_brought_nothing_is_not_left_out_in_silence(delivery: Any) -> None:
    with pytest.raises(SystemExit, match="nothing came by WebSocket"):
        list(delivery.write_page(delivery.Arrivals(), {}))
