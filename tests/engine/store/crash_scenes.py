"""Owns what is done while it is killed, and what must hold after the next start."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.domain.types import Alert, ChangeType, IncidentChanged, Score, Severity
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.caution import MARK
from crime_detect_engine.store.chain_check import check_chain
from crime_detect_engine.store.lifecycle import ARCHIVED, COPIED, HOT
from crime_detect_engine.store.media import ORIGINALS
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.retention import DAY_S, ArchiveOptions, RetentionOptions
from crime_detect_engine.store.sealing import is_sealed
from crime_detect_engine.store.store import Store
from crime_detect_engine.store.tables import media, outbox
from sqlalchemy import select

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
PERSON = Actor("anna", "admin")
PICTURES = (b"one" * 1000, b"two" * 1000)
FACE = b"\xff\xd8 whose face it is" * 1000
FRAME = np.zeros((48, 64, 3), np.uint8)
INVESTIGATOR = Actor("ines", "investigator")
Tell = Callable[[str], None]
"""Notes what the caller was told is done: `kept ID` or `gone ID`."""


def alert(change: ChangeType, label: str, at: datetime, started_at: datetime = START) -> Alert:
    score = Score("yard", at, (at - started_at).total_seconds(), {"normal": 0.1, label: 0.9}, "m", 1.0)
    incident_id = ulid(started_at, "yard", label)
    values = (incident_id, "yard", change, label, 0.9, 0.8, Severity.ALERT, True, None, started_at, at, (score,), True)
    return Alert(*values)


async def open_store(folder: Path, database: DatabaseOptions) -> Store:
    store = await Store.open(
        folder / "data", ManualClock(START), deliveries_for=lambda _event: [("mqtt", "yard")], database=database,
        reserve_bytes=0, privacy=PrivacyOptions(blur_faces=True, encrypt_originals=True),
    )  # fmt: skip
    (folder / "archive").mkdir(exist_ok=True)
    store.retention.options = RetentionOptions(30 * DAY_S, archive=ArchiveOptions(folder / "archive", 10 * DAY_S))
    return store


async def _whole(store: Store, label: str, age: timedelta) -> str:
    """An incident with picture and clip."""
    began = START - age
    first = await store.write(alert(ChangeType.NEW, label, began, began), PICTURES[0])
    clip = await store.clips.encode(first.after.incident_id, [(0.0, FRAME)])
    await store.write(alert(ChangeType.END, label, began + timedelta(seconds=5), began), None, clip=clip)
    return first.after.incident_id


async def _with_originals(store: Store, label: str, age: timedelta) -> str:
    """An incident as `_whole` makes it, and what was hidden in both, sealed."""
    began = START - age
    first = await store.write(alert(ChangeType.NEW, label, began, began), PICTURES[0], original=FACE)
    clip = await store.clips.encode(first.after.incident_id, [(0.0, FRAME)])
    await store.clips.keep_original(first.after.incident_id, None, [(0.0, FRAME)])
    await store.write(alert(ChangeType.END, label, began + timedelta(seconds=5), began), None, clip=clip)
    return first.after.incident_id


async def nothing_before(_store: Store, folder: Path) -> None:
    (folder / "archive" / MARK).touch()


async def write(store: Store, tell: Tell) -> None:
    """A life: begun, seen better, over, with a clip that comes with the end and one that comes late, and judged."""
    new = await store.write(alert(ChangeType.NEW, "fighting", START), PICTURES[0])
    tell(f"kept {new.after.incident_id}")
    await store.write(alert(ChangeType.UPDATE, "fighting", START + timedelta(seconds=1)), PICTURES[1])
    clip = await store.clips.encode(new.after.incident_id, [(0.0, FRAME)])
    await store.write(alert(ChangeType.END, "fighting", START + timedelta(seconds=5)), None, clip=clip)
    other = await store.write(alert(ChangeType.NEW, "robbery", START), PICTURES[0])
    tell(f"kept {other.after.incident_id}")
    await store.write(alert(ChangeType.END, "robbery", START + timedelta(seconds=6)), None)
    late = await store.clips.encode(other.after.incident_id, [(0.0, FRAME)])
    await store.attach_clip(other.after.incident_id, late)
    await store.hold(other.after.incident_id, True, PERSON)


async def old_ones(store: Store, folder: Path) -> None:
    (folder / "archive" / MARK).touch()
    await _whole(store, "fighting", timedelta(days=40))
    await _whole(store, "robbery", timedelta(days=5))


async def delete(store: Store, tell: Tell) -> None:
    """By its age, its clip alone, and by a person."""
    aged, asked = (
        ulid(START - timedelta(days=age), "yard", label) for age, label in ((40, "fighting"), (5, "robbery"))
    )
    await store.retention.apply()
    tell(f"gone {aged}")
    store.retention.options = RetentionOptions(clips_s=DAY_S, archive=store.retention.options.archive)
    await store.retention.apply()
    await store.delete(asked, PERSON)
    tell(f"gone {asked}")


async def for_the_archive(store: Store, folder: Path) -> None:
    (folder / "archive" / MARK).touch()
    await _whole(store, "fighting", timedelta(days=20))
    await _whole(store, "robbery", timedelta(days=15))


async def archive(store: Store, tell: Tell) -> None:
    """There, and deleted there: by its age and by a person."""
    older, newer = (
        ulid(START - timedelta(days=age), "yard", label) for age, label in ((20, "fighting"), (15, "robbery"))
    )
    await store.retention.clean()
    await store.delete(newer, PERSON)
    tell(f"gone {newer}")
    store.retention.options = RetentionOptions(18 * DAY_S, archive=store.retention.options.archive)
    await store.retention.apply()
    tell(f"gone {older}")


async def with_originals(store: Store, folder: Path) -> None:
    (folder / "archive" / MARK).touch()
    await _with_originals(store, "fighting", timedelta(days=8))
    await _with_originals(store, "arson", timedelta(days=3))


async def originals(store: Store, tell: Tell) -> None:
    """Sealed while one begins and after it, looked at, archived, gone by their own age, and gone with their record."""
    older, newer = (ulid(START - timedelta(days=age), "yard", label) for age, label in ((8, "fighting"), (3, "arson")))
    began = START - timedelta(seconds=5)
    first = await store.write(alert(ChangeType.NEW, "robbery", began, began), PICTURES[0], original=FACE)
    tell(f"kept {first.after.incident_id}")
    clip = await store.clips.encode(first.after.incident_id, [(0.0, FRAME)])
    await store.write(alert(ChangeType.END, "robbery", START, began), None, clip=clip)
    await store.clips.keep_original(first.after.incident_id, None, [(0.0, FRAME)])
    assert await store.originals.open(await store.incident(older), "snapshot", INVESTIGATOR) is not None
    store.retention.options = RetentionOptions(archive=ArchiveOptions(store.retention.options.archive.path, 7 * DAY_S))
    await store.retention.clean()
    store.retention.options = RetentionOptions(originals_s=5 * DAY_S, archive=store.retention.options.archive)
    await store.retention.apply()
    assert await store.originals.kinds(older) == frozenset()
    await store.delete(newer, PERSON)
    tell(f"gone {newer}")


@dataclass(frozen=True, slots=True)
class Scene:
    before: Callable[[Store, Path], Awaitable[None]]
    act: Callable[[Store, Tell], Awaitable[None]]


SCENES = {
    "write": Scene(nothing_before, write),
    "delete": Scene(old_ones, delete),
    "archive": Scene(for_the_archive, archive),
    "originals": Scene(with_originals, originals),
}


# --- what must hold ----------------------------------------------------------------------------------------------


def _files(root: Path) -> set[str]:
    found = (path for path in root.rglob("*") if path.is_file() and path.name not in (MARK, f"{MARK}.tmp"))
    return {path.relative_to(root).as_posix() for path in found}


async def check(folder: Path, database: DatabaseOptions, told: list[str]) -> None:
    """After the next start, and once more after the next clean-up. Raises AssertionError."""
    store = await open_store(folder, database)
    await store.recover()
    await _check_whole(store, folder, told)
    await store.retention.clean()
    assert await store.retention.doubts() == []
    await _check_whole(store, folder, told)
    rows = await store._database.read(lambda c: c.execute(select(media)).all())
    assert {row.tier for row in rows} <= {HOT, ARCHIVED}
    assert [row.path for row in rows if row.doomed] == []
    assert _files(folder / "archive") == {row.path for row in rows if row.tier == ARCHIVED}, "an orphan in the archive"
    assert _files(folder / "data" / "media") == {row.path for row in rows if row.tier == HOT}, "in two places"
    assert store.storage_error is None
    await store.close()


async def _check_whole(store: Store, folder: Path, told: list[str]) -> None:
    here, there = _files(folder / "data" / "media"), _files(folder / "archive")
    rows = {row.path: row for row in await store._database.read(lambda c: c.execute(select(media)).all())}
    kept = {one.incident_id: one for one in (await store.incidents(IncidentQuery())).items}
    assert here <= rows.keys(), f"no record of {here - rows.keys()}"
    for row in rows.values():
        if not row.doomed:
            assert row.path in (there if row.tier in (COPIED, ARCHIVED) else here), (
                f"{row.path} ({row.tier}) is not there"
            )
    for incident in kept.values():
        assert incident.ended_at is not None
        for path in filter(None, (incident.snapshot, incident.clip)):
            assert path in rows, f"{path} has no record"
            assert not rows[path].doomed
        if incident.snapshot:
            assert await store.outbox.snapshot_jpeg(incident.incident_id) in PICTURES
        if incident.clip:
            assert (await store.media(incident, "clip")).size > 100
        sidecar = next(
            row.path for row in rows.values() if row.incident_id == incident.incident_id and row.kind == "sidecar"
        )
        assert incident.incident_id.encode() in (folder / "data" / "media" / sidecar).read_bytes()
        for kind in await store.originals.kinds(incident.incident_id):
            content = (await store.originals.open(incident, kind, INVESTIGATOR)).read()
            assert content == FACE if kind == "snapshot" else b"ftyp" in content[:16], f"{kind} is not whole"
    _check_hidden(folder, {row.path for row in rows.values() if row.kind in ORIGINALS and not row.doomed})
    for line in told:
        word, incident_id = line.split()
        if word == "kept":
            assert incident_id in kept
        else:
            try:
                await store.incident(incident_id)
            except NotFoundError:
                continue
            raise AssertionError(f"{incident_id} was deleted and is there")
    await _check_told(store, set(kept))
    report = await store._database.read(lambda c: check_chain(c, store._journal.folder))
    assert report.fault is None, report.fault


def _check_hidden(folder: Path, sealed: set[str]) -> None:
    for path in (one for one in folder.rglob("*") if one.is_file()):
        content = path.read_bytes()
        assert FACE[:20] not in content, f"whom to hide lies in clear in {path}"
    for root in (folder / "data" / "media", folder / "archive"):
        for path in (root / one for one in sealed):
            assert not path.exists() or is_sealed(path.read_bytes()[:64]), f"{path} is not sealed"


async def _check_told(store: Store, kept: set[str]) -> None:
    """Every event has its delivery, and every incident its events."""
    events = [event for event in await store.events_since(0) if isinstance(event, IncidentChanged)]
    rows = await store._database.read(lambda c: c.execute(select(outbox.c.event_seq)).scalars().all())
    assert sorted(rows) == [event.seq for event in events]
    last = {(event.after or event.before).incident_id: event for event in events}
    assert kept == {incident_id for incident_id, event in last.items() if event.type is not ChangeType.DELETED}
