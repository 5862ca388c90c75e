"""Owns the tests of the way into the store: in order, retried, nobody waits for an encoder, memory stays bounded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from crime_detect_engine import writer as writer_module
from crime_detect_engine.anonymity import Anonymity
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import InvalidInputError, StoreError
from crime_detect_engine.domain.ports import IncidentQuery
from crime_detect_engine.domain.types import Alert, ChangeType, Score, Severity
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.store.privacy import Blur, PrivacyOptions
from crime_detect_engine.store.store import Store
from crime_detect_engine.writer import Writer, store_entry

from tests.fakes import NOON, FakePicture, told_frame


def alert(kind: ChangeType = ChangeType.NEW, number: int = 0, camera: str = "yard", **changes: Any) -> Alert:
    started_at = NOON + timedelta(seconds=number)
    score = Score(camera, started_at, float(number), {"normal": 0.1, "fighting": 0.9}, "m", 5.0)
    values: dict[str, Any] = {
        "incident_id": ulid(started_at, camera, "fighting"), "camera": camera, "type": kind, "label": "fighting",
        "confidence": 0.9, "threshold": 0.8, "severity": Severity.ALERT, "notify": True, "suppressed_by": None,
        "started_at": started_at, "at": started_at, "scores": (score,), "best": True,
    }  # fmt: skip
    return Alert(**values | changes)


class Sink:
    """A store by hand: keeps what was written; `refusals` are raised first, `gate` holds ends up."""

    def __init__(self) -> None:
        self.written: list[Any] = []
        self.refusals: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, entry: Any) -> None:
        if entry.material is not None:
            await self.gate.wait()
        if self.refusals:
            raise self.refusals.pop(0)
        self.written.append(entry)

    def ids(self) -> list[tuple[str, str]]:
        return [(entry.alert.camera, str(entry.alert.type)) for entry in self.written]


@pytest.fixture
async def sink() -> Sink:
    return Sink()


@pytest.fixture
async def writer(sink: Sink) -> Any:
    made = Writer(sink.write, retry_s=0.01)
    made.start()
    yield made
    await made.stop(0.1)


async def test_a_refusing_store_gets_everything_later_in_order(writer, sink, make_line, until):
    line = make_line()
    sink.refusals = [StoreError("the database is locked")] * 3
    for number in range(3):
        writer.put(line, line, alert(number=number))
    await until(lambda: writer.fault)
    assert writer.fault == "the database is locked"
    assert writer.status()["waiting"] >= 2
    await until(lambda: len(sink.written) == 3)
    assert [entry.alert.started_at for entry in sink.written] == [alert(number=n).started_at for n in range(3)]
    await until(lambda: writer.fault is None)
    assert (writer.lost, writer.status()["written"]) == (0, 3)


async def test_an_alert_that_no_retry_can_store_is_counted_and_the_next_ones_follow(writer, sink, make_line, until):
    sink.refusals = [InvalidInputError("no such thing")]
    writer.put(line := make_line(), line, alert(number=1))
    writer.put(line := make_line(), line, alert(number=2))
    await until(lambda: len(sink.written) == 1)
    assert writer.lost == 1


async def test_a_slow_clip_holds_up_no_other_camera(writer, sink, make_line, until):
    yard, gate = make_line("yard"), make_line("gate")
    yard.recorder.add(told_frame("yard", 1.0, 0.9))
    yard.recorder.begin(alert().incident_id, 0.5)
    yard.score = alert(number=1).scores[0]
    sink.gate.clear()
    writer.put(yard, yard, alert(ChangeType.END))
    writer.put(gate, gate, alert(camera="gate"))
    await until(lambda: sink.ids() == [("gate", "new")])
    sink.gate.set()
    await until(lambda: sink.ids() == [("gate", "new"), ("yard", "end")])


async def test_stop_writes_the_backlog(sink, make_line):
    writer = Writer(sink.write, retry_s=0.01)
    writer.start()
    line = make_line()
    for number in range(50):
        writer.put(line, line, alert(number=number))
    await writer.stop(5.0)
    assert len(sink.written) == 50


async def test_stop_does_not_wait_for_ever_and_says_what_is_left(sink, make_line, caplog):
    writer = Writer(sink.write, retry_s=0.01)
    writer.start()
    sink.refusals = [StoreError("the disk is full")] * 100_000
    for number in range(3):
        writer.put(line := make_line(), line, alert(number=number))
    await writer.stop(0.05)
    assert "were not stored before the stop" in caplog.text


async def test_a_full_queue_counts_what_it_loses(sink, make_line, monkeypatch):
    monkeypatch.setattr(writer_module, "BACKLOG", 2)
    writer = Writer(sink.write)
    for number in range(5):
        writer.put(line := make_line(), line, alert(number=number))
    assert writer.lost == 3


async def test_waiting_pictures_are_bounded_and_alerts_go_without(sink, make_line, monkeypatch):
    line = make_line()
    line.recorder.add(told_frame("yard", 0.0, 0.9))
    picture_bytes = 64 * 36 * 3 // 2
    monkeypatch.setattr(writer_module, "HELD_BYTES", 2 * picture_bytes)
    writer = Writer(sink.write)
    for number in range(5):
        writer.put(line, line, alert(number=number))
    assert writer.bare == 3
    writer.start()
    await writer.stop(5.0)
    assert [entry.picture is not None for entry in sink.written] == [True, True, False, False, False]
    writer.put(line, line, alert(number=9))
    assert writer.bare == 3, "what was written is no longer held"


async def test_a_flaw_in_writing_is_said_and_not_silent(sink, make_line, until):
    async def flawed(_entry: Any) -> None:
        raise ZeroDivisionError

    writer = Writer(flawed)
    writer.start()
    writer.put(line := make_line(), line, alert())
    await until(lambda: writer.fault)
    assert "ZeroDivisionError" in writer.fault
    await writer.stop(0.05)


async def test_the_picture_of_the_best_moment_is_taken(writer, sink, make_line, until):
    line = make_line()
    for n in range(8):
        line.recorder.add(told_frame("yard", n * 0.5, 0.9, seq=n))
    writer.put(line, line, replace(alert(number=3), best=True))
    writer.put(line, line, replace(alert(number=3), best=False))
    await until(lambda: len(sink.written) == 2)
    assert sink.written[0].picture._step == 4, "the middle of the window that ends at second three"
    assert sink.written[1].picture is None


def pictures_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("blur", [Blur(), Blur(faces=True)])
async def test_an_incident_is_stored_with_picture_and_clip(tmp_path, make_line, blur):
    """The real store behind it. Without the detector's weights everything is hidden, and the incident is told."""
    store = await Store.open(tmp_path, ManualClock(NOON), reserve_bytes=0)
    line = make_line()
    line.recorder.blur = lambda: blur
    writer = Writer(partial(store_entry, store, Anonymity(PrivacyOptions(), tmp_path)))
    writer.start()
    for n in range(24):
        line.recorder.add(told_frame("yard", n / 8, 0.9, seq=n))
    line.recorder.begin(alert().incident_id, 0.0)
    line.score = replace(alert().scores[0], tick_s=3.0)
    writer.put(line, line, alert())
    writer.put(line, line, alert(ChangeType.END, at=NOON + timedelta(seconds=3), best=False))
    await writer.stop(20.0)
    (incident,) = (await store.incidents(IncidentQuery())).items
    assert incident.ended_at is not None
    assert (incident.model.name, incident.snapshot_rev) == ("m", 1)
    for kind in ("snapshot", "clip"):
        kept = await store.media(incident, kind)
        assert kept is not None
        assert kept.size > 500
        assert kept.clear_path is not None
        for picture in pictures_of(kept.clear_path):
            away = min(np.abs(FakePicture(step, 64, 36).rgb().astype(int) - picture).mean() for step in range(24))
            assert bool(away > 3) is blur.on
    assert incident.faces_blurred is blur.on
    await store.close()
