"""Owns the proof that false alarms are counted once, by unique time, with file, time and cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from crime_detect_engine.domain.types import ModelSpec, Rules
from crime_detect_engine.stress.footage import Ordinary, footage_section, hard_negatives_section, watch_ordinary

from tests.fakes import ScriptedClassifier

Make = Callable[..., Path]


def files(spec: ModelSpec, make: Make) -> list[Ordinary]:
    classifier = ScriptedClassifier(spec)
    calm, loud = make("calm.mp4", 6.0), make("loud.mp4", 9.0, 0.9, seed=3)
    copy = calm.with_name("copy.mp4")
    copy.write_bytes(calm.read_bytes())
    broken = calm.with_name("broken.mp4")
    broken.write_text("no video")
    found = [Ordinary(path, path.name, "street", classifier) for path in (calm, loud, copy, broken)]
    return [*found, Ordinary(make("drawn.mp4", 5.0, 0.6, seed=4), "drawn.mp4", "rain", classifier, procedural=True)]


def test_each_alarm_is_listed_and_copies_are_no_hours(small_spec: ModelSpec, told_video: Make) -> None:
    seen, left_out = watch_ordinary(files(small_spec, told_video), Rules(), lambda _: None)
    section = footage_section(seen, left_out, Rules())
    assert {row["file"] for row in section["left_out"]} == {"copy.mp4", "broken.mp4"}
    street = section["folders"]["street"]
    assert street["files"] == 2
    assert street["unique_hours"] == pytest.approx(15 / 3600, abs=1e-4)
    assert street["alarms"] == 1
    assert street["per_hour"] == pytest.approx(3600 / 15, rel=0.02)
    (alert,) = section["alerts"]
    assert (alert["file"], alert["label"], alert["at_cut"]) == ("loud.mp4", "fighting", False)
    assert 1.5 < alert["time_s"] < 4
    assert alert["confidence"] == pytest.approx(0.9, abs=0.03)
    assert 0 < alert["moving_share"] < 1
    assert section["all"]["windows_above_0.8"] < section["all"]["windows_above_0.5"] < section["all"]["windows"]
    assert section["all"]["per_day_bound_95"] > section["all"]["per_day"]


def test_a_drawn_kind_says_so(small_spec: ModelSpec, told_video: Make) -> None:
    seen, _ = watch_ordinary(files(small_spec, told_video), Rules(), lambda _: None)
    kinds = hard_negatives_section(seen, Rules())["kinds"]
    assert {kind: found["procedural"] for kind, found in kinds.items()} == {"street": False, "rain": True}
    assert kinds["rain"]["windows_above_0.5"] > 0
    assert kinds["rain"]["windows_above_0.8"] == kinds["rain"]["alarms"] == 0
