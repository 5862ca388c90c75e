"""Pictures of incidents on disk: of exactly that incident, whole, bounded in time, and gone when they should be."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.crime_detect import pictures
from custom_components.crime_detect.const import DOMAIN
from custom_components.crime_detect.coordinator import CrimeDetectCoordinator, IncidentEvent
from custom_components.crime_detect.engine.models import Incident
from tests.integration.fake_engine import FakeEngine

SetupEntry = Callable[..., Awaitable[MockConfigEntry]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
DAY_S = 24 * 3600


def ago(**by: float) -> str:
    return (dt_util.utcnow() - timedelta(**by)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
async def coordinator(setup_entry: SetupEntry) -> CrimeDetectCoordinator:
    return (await setup_entry()).runtime_data


@pytest.fixture
def heard(coordinator: CrimeDetectCoordinator) -> list[IncidentEvent]:
    heard: list[IncidentEvent] = []
    coordinator.async_add_incident_listener(heard.append)
    return heard


def files(media: Path) -> set[str]:
    return {path.relative_to(media).as_posix() for path in media.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"status": 404}, "It was told to fail"),
        ({"status": 500}, "It was told to fail"),
        ({"status": 200, "body": b"<html>"}, "it is no JPEG"),
        ({"status": 200, "body": b""}, "it is no JPEG"),
    ],
)
async def test_a_picture_that_cannot_be_had_holds_nobody_up(
    engine: FakeEngine,
    heard: list[IncidentEvent],
    media: Path,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    said: str,
) -> None:
    failing = engine.fail("/snapshot.jpg", **fault)
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2)))
    await eventually(lambda: len(heard) == 1)
    assert heard[0].picture is None
    assert failing.met == (1 if fault["status"] == 404 else 2), "once more, but for one that is not there"
    assert caplog.text.count("No picture of incident") == 1
    assert said in caplog.text
    assert files(media) == set()
    engine.faults.clear()
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2), confidence=0.9))
    await eventually(lambda: len(heard) == 2)
    assert heard[1].picture is not None, "it is tried again at the next news of this incident"


async def test_a_slow_picture_is_waited_for_a_limited_time(
    engine: FakeEngine, heard: list[IncidentEvent], eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "TRIES_S", (0.05, 0.05))
    slow = engine.fail("/snapshot.jpg", None, hold=asyncio.Event())
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2)))
    await eventually(lambda: len(heard) == 1)
    assert (heard[0].picture, slow.met) == (None, 2)


async def test_a_slow_camera_does_not_hold_up_another(
    engine: FakeEngine, heard: list[IncidentEvent], eventually: Eventually
) -> None:
    slow = engine.fail("1/snapshot.jpg", None, hold=asyncio.Event())
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2)))
    await engine.push_incident(engine.incident(2, "yard", started_at=ago(seconds=2)))
    await eventually(lambda: len(heard) == 1)
    assert heard[0].incident.camera == "yard"
    assert slow.hold is not None
    slow.hold.set()
    await eventually(lambda: len(heard) == 2)


async def test_news_that_waits_is_told_together(
    engine: FakeEngine, heard: list[IncidentEvent], eventually: Eventually
) -> None:
    slow = engine.fail("1/snapshot.jpg", None, hold=asyncio.Event())
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2)))
    await eventually(lambda: slow.met == 1)
    for severity in ("alert", "critical"):
        await engine.push_incident(engine.incident(2, started_at=ago(seconds=1), severity=severity))
    over = engine.incident(2, started_at=ago(seconds=1), severity="critical", rev=3, ended_at=ago(seconds=0))
    await engine.push_incident(over)
    assert slow.hold is not None
    slow.hold.set()
    await eventually(lambda: len(heard) == 3)
    assert [event.kind.value for event in heard] == ["new", "new", "ended"]
    assert (heard[1].incident.severity.name, heard[1].incident.snapshot_rev) == ("CRITICAL", 3)


async def test_an_incident_without_a_picture_yet(
    engine: FakeEngine, heard: list[IncidentEvent], eventually: Eventually
) -> None:
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2), rev=0))
    await eventually(lambda: len(heard) == 1)
    assert heard[0].picture is None
    assert not any(one.path.endswith("snapshot.jpg") for one in engine.requests)


async def test_a_folder_that_cannot_be_written(
    engine: FakeEngine,
    heard: list[IncidentEvent],
    media: Path,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (media / "crime_detect").write_text("a file where the folder should be")
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2)))
    await eventually(lambda: len(heard) == 1)
    assert heard[0].picture is None
    assert "Cannot write" in caplog.text


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        pictures._write(tmp_path / "yard" / "A1.jpg", b"\xff\xd8")
    assert files(tmp_path) == set()


async def test_a_newer_picture_is_not_replaced_by_an_older(
    engine: FakeEngine, coordinator: CrimeDetectCoordinator, media: Path
) -> None:
    newer = Incident.from_json(engine.incident(1, rev=2, started_at=ago(seconds=2)))
    older = Incident.from_json(engine.incident(1, rev=1, started_at=ago(seconds=2)))
    await coordinator.pictures._keep_picture(newer, b"\xff\xd8 2")
    await coordinator.pictures._keep_picture(older, b"\xff\xd8 1")
    path = coordinator.pictures.path(older)
    assert path is not None
    assert path.read_bytes() == b"\xff\xd8 2"
    assert path.stat().st_mode & 0o777 == 0o644
    assert files(media) == {f"crime_detect/front_door/{newer.incident_id}.jpg"}


# --- tidying --------------------------------------------------------------------------------------------------------


async def test_what_is_old_goes_and_what_is_missing_comes(
    hass: HomeAssistant,
    engine: FakeEngine,
    coordinator: CrimeDetectCoordinator,
    heard: list[IncidentEvent],
    media: Path,
    eventually: Eventually,
) -> None:
    for number in (1, 2, 3):
        await engine.push_incident(engine.incident(number, started_at=ago(hours=number), ended_at=ago(hours=number)))
    await eventually(lambda: len(heard) == 3)
    folder = media / "crime_detect" / "front_door"
    old, removed, kept = (folder / f"{engine.incident(number)['incident_id']}.jpg" for number in (1, 2, 3))
    os.utime(old, (0, 0))
    removed.unlink()
    orphan, young, partial = folder / "ORPHAN.jpg", folder / "YOUNG.jpg", folder / ".x.part"
    for file in (orphan, young, partial):
        file.write_bytes(b"x")
    os.utime(orphan, (0, 0))
    os.utime(partial, (0, 0))
    stranger = media / "crime_detect" / "notes.txt"
    stranger.write_text("somebody's")
    os.utime(stranger, (0, 0))
    engine.fail(f"{old.stem}/snapshot.jpg", 404)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(days=1, seconds=1))
    await hass.async_block_till_done(wait_background_tasks=False)
    await eventually(lambda: removed.exists())
    assert files(media / "crime_detect") == {
        f"front_door/{removed.name}",
        f"front_door/{kept.name}",
        "front_door/YOUNG.jpg",
        "notes.txt",
    }


async def test_files_of_another_entry_are_left_alone(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry, media: Path
) -> None:
    """Who knows what belongs to an entry that is not loaded."""
    MockConfigEntry(domain=DOMAIN, unique_id="another", data=dict(entry.data)).add_to_hass(hass)
    folder = media / "crime_detect" / "front_door"
    folder.mkdir(parents=True)
    file = folder / "OF_ANOTHER.jpg"
    file.write_bytes(b"x")
    os.utime(file, (0, 0))
    await setup_entry()
    await hass.async_block_till_done(wait_background_tasks=False)
    assert file.exists()


async def test_one_that_is_deleted_while_it_is_fetched(
    engine: FakeEngine,
    coordinator: CrimeDetectCoordinator,
    heard: list[IncidentEvent],
    media: Path,
    eventually: Eventually,
) -> None:
    failing = engine.fail("/snapshot.jpg", 404)
    incident = engine.incident(1, started_at=ago(seconds=2))
    await engine.push_incident(incident)
    await eventually(lambda: len(heard) == 1)
    failing.status, failing.hold = None, asyncio.Event()
    tidying = asyncio.ensure_future(coordinator.pictures.reconcile(dt_util.utcnow(), set()))
    await eventually(lambda: failing.met == 2)
    await engine.push_incident(None, before=incident)
    await eventually(lambda: len(heard) == 2)
    engine.incidents[incident["incident_id"]] = incident
    failing.hold.set()
    await tidying
    assert files(media) == set()


async def test_what_cannot_be_removed_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "folder.jpg").mkdir()
    pictures._unlink([tmp_path / "folder.jpg"])
    assert "Cannot remove" in caplog.text


async def test_an_entry_that_is_removed_takes_its_files_along(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    engine: FakeEngine,
    coordinator: CrimeDetectCoordinator,
    heard: list[IncidentEvent],
    media: Path,
    eventually: Eventually,
) -> None:
    await engine.push_incident(engine.incident(1, started_at=ago(seconds=2)))
    await eventually(lambda: len(heard) == 1)
    assert len(files(media)) == 1
    entry_id = coordinator.config_entry.entry_id
    assert f"crime_detect.{entry_id}" in hass_storage
    await hass.config_entries.async_remove(entry_id)
    assert files(media) == set()
    assert f"crime_detect.{entry_id}" not in hass_storage


async def test_without_a_folder_for_media(hass: HomeAssistant) -> None:
    hass.config.media_dirs = {}
    assert pictures.pictures_folder(hass) == Path(hass.config.path("media")) / "crime_detect"
