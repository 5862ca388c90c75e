"""What of zones and lines is written: only what differs, so that comments beside the rest stay."""

from __future__ import annotations

from typing import Any

import pytest
from crime_detect_engine.config.areas import area_changes

TRIANGLE = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]
LAWN = {"polygon": TRIANGLE, "objects": ["person"], "intrusion": "1s", "crowd": False, "schedule": None}


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        ({"lawn": LAWN}, {}),
        ({"lawn": {"polygon": TRIANGLE, "objects": ["person"], "intrusion": "1s"}}, {}),
        ({"lawn": {**LAWN, "crowd": 4}}, {("zones", "lawn", "crowd"): 4}),
        ({"lawn": {**LAWN, "intrusion": False}}, {("zones", "lawn", "intrusion"): None}),
        ({"lawn": {**LAWN, "colour": "red"}}, {("zones", "lawn", "colour"): "red"}),
        (
            {"path": {"polygon": TRIANGLE, "running": False, "crowd": 0}},
            {("zones", "path"): {"polygon": TRIANGLE, "crowd": 0}, ("zones", "lawn"): None},
        ),
        ({}, {("zones",): None}),
    ],
    ids=["same", "defaults left out", "one more", "one less", "unknown", "another", "none"],
)
def test_only_what_differs_is_written(wanted: dict[str, Any], written: dict[tuple[str, ...], Any]) -> None:
    assert area_changes("zones", {"lawn": LAWN}, wanted) == written
