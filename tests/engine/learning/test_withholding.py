"""Owns the proof that a report for everybody names no clip of people, and still tells one from another."""

from __future__ import annotations

import json
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402
from crime_detect_engine.learning.withholding import without_names  # noqa: E402


def clip(path: str, *, extra: bool = False) -> ScoredClip:
    return ScoredClip(path, 0, "", 0, "", extra, ((0.0, 0.0),))


def test_clips_that_are_judged_get_numbers_and_published_footage_keeps_its_name() -> None:
    scored = [clip("fights/fighting/fi002.mp4"), clip("fights/normal/no001.mp4"), clip("street/cars.mp4", extra=True)]
    report = {
        "footage": {"alerts": [{"file": "normal/no001.mp4", "time_s": 1.5}, {"file": "street/cars.mp4", "time_s": 2}]},
        "splices": {"missed": ["fi002.mp4"], "event_recall": 0.5},
        "occlusion": {"fights/fighting/fi002.mp4": {"drops": [[0.1, 0.2]]}},
    }
    public = without_names(report, scored)
    assert public == {
        "footage": {"alerts": [{"file": "clip 2", "time_s": 1.5}, {"file": "street/cars.mp4", "time_s": 2}]},
        "splices": {"missed": ["clip 1"], "event_recall": 0.5},
        "occlusion": {"clip 1": {"drops": [[0.1, 0.2]]}},
    }
    assert "no001" in json.dumps(report), "the report itself is left as it was"
