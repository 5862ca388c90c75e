"""Owns the tests of what a link says of camera, rules and model."""

from __future__ import annotations

import json
from typing import Any

from crime_detect_engine.circumstances import circumstances_of
from crime_detect_engine.domain.types import Rules


async def test_camera_rules_and_model_are_named_and_no_secret(make_flow: Any, small_spec: Any) -> None:
    flow = make_flow()
    flow.add("yard", rules=Rules(threshold=0.7))
    read = circumstances_of(flow.pipeline)
    assert read("nowhere") is None
    found = read("yard")
    assert found is not None
    assert found["rules"]["threshold"] == 0.7
    assert found["camera"]["id"] == "yard"
    assert found["model"]["name"] == small_spec.name
    assert found["model"]["preprocessing"]["size"] == small_spec.size
    assert found["model"]["sha256"] == dict(small_spec.sha256)
    assert "p4ss" not in json.dumps(found)
