"""Owns the tests of names and files: unique, inside the folder, whole or absent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.store.media import MediaFolder, media_stem

AT = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)


def test_names_say_camera_day_time_and_label_in_utc():
    local = AT.astimezone(timezone(timedelta(hours=9)))
    assert media_stem("yard", local, "fighting", "0" * 26) == f"yard/2026-11-21/030405_fighting_{'0' * 26}"


@pytest.mark.parametrize("evil", ["../../etc", "a/b\\c", "\0", "%2e%2e", "é" * 400, "", "..", "C:\\x"])
def test_no_name_leaves_the_folder(evil, tmp_path):
    folder = MediaFolder(tmp_path)
    stem = media_stem(evil, AT, evil, evil)
    assert stem.count("/") == 2
    assert len(folder.path(stem).name) < 200
    assert folder.path(stem).relative_to(tmp_path.resolve()).parts[1] == "2026-11-21"


@pytest.mark.parametrize("relative", ["../x", "/etc/passwd", "a/../../x", "a\0b"])
def test_an_altered_path_is_refused(relative, tmp_path):
    with pytest.raises((StoreError, ValueError)):
        MediaFolder(tmp_path / "media").path(relative)


def test_a_failed_write_leaves_the_earlier_file(tmp_path):
    folder = MediaFolder(tmp_path)
    folder.write("yard/x.jpg", b"old")

    def fail() -> None:
        with folder.replacing("yard/x.jpg") as temporary:
            temporary.write_bytes(b"half")
            raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        fail()
    assert [path.name for path in (tmp_path / "yard").iterdir()] == ["x.jpg"]
    assert folder.path("yard/x.jpg").read_bytes() == b"old"


def test_removing_the_last_file_removes_its_folders_but_not_the_root(tmp_path):
    folder = MediaFolder(tmp_path)
    folder.write("yard/2026-11-21/x.jpg", b"x")
    folder.remove("yard/2026-11-21/x.jpg")
    folder.remove("yard/2026-11-21/x.jpg")
    assert list(tmp_path.iterdir()) == []
    folder.write("yard/2026-11-21/x.jpg", b"x")


async def test_parallel_writers_never_share_a_name(store, make_alert, tmp_path):
    """Mission row 78: many cameras and classes in the same second."""
    alerts = [
        make_alert(camera=f"cam{camera}", label=label, incident_id=ulid(AT, f"cam{camera}", label, str(extra)))
        for camera in range(4)
        for label in ("fighting", "robbery", "arson")
        for extra in range(3)
    ]
    pictures = {alert.incident_id: alert.incident_id.encode() for alert in alerts}
    stored = await asyncio.gather(*(store.write(alert, pictures[alert.incident_id]) for alert in alerts))
    assert len({event.after.snapshot for event in stored}) == len(alerts)
    assert sorted(event.seq for event in stored) == list(range(1, len(alerts) + 1))
    for event in stored:
        path = tmp_path / "data" / "media" / event.after.snapshot
        assert path.read_bytes() == pictures[event.after.incident_id]
