"""That an erasure reaches what cameras have learned from, and not only the records."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.anomaly_learning import FOLDER
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.subjects import SubjectQuery
from crime_detect_engine.store.reservoir import Reservoir
from crime_detect_engine.store.store import Store
from crime_detect_engine.subject_rights import SubjectDesk

from tests.fakes import NOON

ANNA = Actor("anna", "admin")
HOUR = SubjectQuery(NOON - timedelta(hours=1), NOON)


def seen(folder: Path) -> list[datetime]:
    rows = [(NOON - timedelta(minutes=minutes), np.ones(3, np.float32)) for minutes in (90, 30, 5)]
    reservoir = Reservoir(folder, "one model")
    reservoir.add(rows)
    reservoir.flush(NOON)
    return [at for at, _ in rows]


def left(folder: Path) -> list[float]:
    return list(Reservoir(folder, "one model").rows(NOON)[1])


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    store = await Store.open(tmp_path, ManualClock(NOON))
    yield store
    await store.close()


async def erase(store: Store, lines: dict[str, Any], query: SubjectQuery) -> None:
    desk = SubjectDesk(store, ManualClock(NOON), lines)
    found = await desk.find(query, ANNA)
    await desk.erase(query, found.confirm, "asked", ANNA)


async def test_what_was_learned_from_goes_too(store: Store, tmp_path: Path) -> None:
    before, *_ = seen(tmp_path / FOLDER / "yard")
    await erase(store, {}, HOUR)
    assert left(tmp_path / FOLDER / "yard") == [before.timestamp()]


async def test_other_cameras_forget_nothing(store: Store, tmp_path: Path) -> None:
    seen(tmp_path / FOLDER / "yard")
    await erase(store, {}, SubjectQuery(HOUR.start, HOUR.end, frozenset({"gate"})))
    assert len(left(tmp_path / FOLDER / "yard")) == 3


async def test_a_camera_that_learns_now_is_told(store: Store, tmp_path: Path) -> None:
    """It has an hour in memory, which would be written over what another hand changed on the disk."""
    told: list[tuple[datetime, datetime]] = []
    watch = SimpleNamespace(confirm=lambda start, end: told.append((start, end)))
    seen(tmp_path / FOLDER / "yard")
    await erase(store, {"yard": SimpleNamespace(anomaly=watch), "gate": SimpleNamespace(anomaly=None)}, HOUR)
    assert told == [(HOUR.start, HOUR.end)]
    assert len(left(tmp_path / FOLDER / "yard")) == 3
