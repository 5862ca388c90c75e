"""Owns the tests of what a camera learns from: bounded, spread over the day, forgotten when it must be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.store.reservoir import Reservoir

from tests.fakes import NOON

DAY_S = 86400.0


def seen(at: datetime, count: int, value: float = 1.0) -> list[tuple[datetime, np.ndarray]]:
    return [(at + timedelta(seconds=2 * n), np.full(4, value, np.float32)) for n in range(count)]


@pytest.fixture
def reservoir(tmp_path: Path) -> Reservoir:
    return Reservoir(tmp_path / "yard", "key", capacity=240)


def test_a_busy_hour_does_not_push_out_a_calm_one(reservoir: Reservoir) -> None:
    night = NOON.replace(hour=3)
    reservoir.add(seen(night, 8, value=3.0))
    reservoir.add(seen(NOON, 1700, value=12.0))
    rows, _ = reservoir.rows(NOON + timedelta(hours=1))
    assert len(reservoir) == len(rows) == 18
    assert (rows[:, 0] == 3.0).sum() == 8


def test_a_full_hour_holds_a_sample_of_all_that_came_with_a_bias_to_the_new(tmp_path: Path) -> None:
    reservoir = Reservoir(tmp_path / "yard", "key", capacity=24 * 200)
    for day in range(4):
        reservoir.add(seen(NOON + timedelta(days=day), 1000, value=day))
    rows, _ = reservoir.rows(NOON + timedelta(days=4))
    counts = [int((rows[:, 0] == day).sum()) for day in range(4)]
    assert sum(counts) == 200
    assert counts[3] > counts[0]
    assert counts[2] > 0


def test_a_restart_keeps_what_was_written(reservoir: Reservoir, tmp_path: Path) -> None:
    reservoir.add(seen(NOON, 5))
    reservoir.flush(NOON)
    again = Reservoir(tmp_path / "yard", "key", capacity=240)
    rows, at_s = again.rows(NOON)
    assert len(again) == 5
    assert rows.dtype == np.float32
    assert again.first_at_s == at_s[0] == NOON.timestamp()


def test_what_another_source_or_model_showed_is_deleted(reservoir: Reservoir, tmp_path: Path) -> None:
    reservoir.add(seen(NOON, 5))
    reservoir.flush(NOON)
    (tmp_path / "yard" / "detector.safetensors").write_bytes(b"x")
    other = Reservoir(tmp_path / "yard", "another key", capacity=240)
    assert len(other) == 0
    assert [path.name for path in (tmp_path / "yard").iterdir()] == ["key"]


def test_what_a_person_confirmed_is_forgotten(reservoir: Reservoir) -> None:
    reservoir.add(seen(NOON, 8))
    reservoir.forget(NOON + timedelta(seconds=3), NOON + timedelta(seconds=9), NOON)
    _, at_s = reservoir.rows(NOON)
    assert (at_s - NOON.timestamp()).tolist() == [0, 2, 10, 12, 14]
    reservoir.add(seen(NOON + timedelta(seconds=60), 1))
    assert len(reservoir) == 6


def test_what_is_older_than_the_retention_goes(tmp_path: Path) -> None:
    reservoir = Reservoir(tmp_path / "yard", "key", capacity=240, keep_s=DAY_S)
    reservoir.add([*seen(NOON, 3), *seen(NOON + timedelta(hours=2), 3)])
    now = NOON + timedelta(days=1, hours=1)
    assert len(reservoir.rows(now)[0]) == 3
    reservoir.prune(now)
    assert len(reservoir) == 3
    with np.load(tmp_path / "yard" / "hour-12.npz") as kept:
        assert len(kept["rows"]) == 0


def test_a_damaged_hour_costs_only_itself(reservoir: Reservoir, tmp_path: Path) -> None:
    reservoir.add([*seen(NOON, 3), *seen(NOON + timedelta(hours=2), 4)])
    reservoir.flush(NOON)
    (tmp_path / "yard" / "hour-12.npz").write_bytes(b"PK\x03\x04 cut off")
    again = Reservoir(tmp_path / "yard", "key", capacity=240)
    assert len(again.rows(NOON)[0]) == 4
    again.add(seen(NOON, 2))
    assert len(again.rows(NOON)[0]) == 6


def test_a_disk_that_refuses_is_told(reservoir: Reservoir, tmp_path: Path) -> None:
    reservoir.add(seen(NOON, 3))
    (tmp_path / "yard" / "key").unlink()
    (tmp_path / "yard").rmdir()
    with pytest.raises(OSError, match="No such file"):
        reservoir.flush(NOON)


def test_a_training_reads_while_the_camera_goes_on(reservoir: Reservoir) -> None:
    """Without turns one thread renames the file that another one is writing."""

    def watch(first: int) -> None:
        for n in range(40):
            reservoir.add(seen(NOON + timedelta(hours=first + n), 2))
            reservoir.flush(NOON)

    def train(_: int) -> int:
        return min(len(reservoir.rows(NOON)[0]) for _ in range(20))

    with ThreadPoolExecutor(4) as threads:
        jobs = [threads.submit(watch, 0), threads.submit(watch, 1), threads.submit(train, 0), threads.submit(train, 1)]
        for job in jobs:
            job.result()
    assert len(reservoir) == len(reservoir.rows(NOON)[0])
