"""Owns the tests of the `media` commands: out of the sealed folder with the key, in clear only where a person asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from crime_detect_engine.cli import main
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import Alert, ChangeType, Score, Severity
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.store.media_key import KEY_FILE
from crime_detect_engine.store.pictures import encode_jpeg
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.store import Store

from tests.fakes import NOON, FakePicture

JPEG = encode_jpeg(FakePicture(1, 64, 48).rgb())
SCORE = Score("yard", NOON, 0.0, {"normal": 0.1, "fighting": 0.9}, "m", 5.0)
INCIDENT = ulid(NOON, "yard", "fighting")
ALERT = Alert(
    INCIDENT, "yard", ChangeType.NEW, "fighting", 0.9, 0.8, Severity.ALERT, True, None, NOON, NOON, (SCORE,), best=True
)
UNTOUCHED = encode_jpeg(FakePicture(2, 64, 48).rgb())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Of a service that has stopped, with one incident."""
    folder = tmp_path / "data"

    async def write() -> None:
        privacy = PrivacyOptions(encrypt_media=True, encrypt_database=True, encrypt_originals=True, blur_faces=True)
        store = await Store.open(folder, ManualClock(NOON), reserve_bytes=0, privacy=privacy)
        await store.write(ALERT, JPEG, original=UNTOUCHED)
        await store.write(replace(ALERT, type=ChangeType.END), None)
        await store.close()

    asyncio.run(write())
    return folder


def test_one_file_with_nothing_but_the_key(data, tmp_path, capsysbinary):
    (sealed,) = [one for one in (data / "media").rglob("*.jpg") if "original" not in one.name]
    key = tmp_path / "backup.key"
    key.write_bytes((data / KEY_FILE).read_bytes())
    lost = tmp_path / sealed.name
    sealed.rename(lost)
    out, nowhere = tmp_path / "out.jpg", str(tmp_path / "nowhere")
    assert main(["media", "unseal", str(lost), "--key-file", str(key), "--data", nowhere, "--out", str(out)]) == 0
    assert out.read_bytes() == JPEG
    assert out.stat().st_mode & 0o777 == 0o600
    assert main(["media", "unseal", str(lost), "--key-file", str(key), "--data", nowhere]) == 0
    assert capsysbinary.readouterr().out == JPEG


def test_what_does_not_open_is_told_and_nothing_is_written(data, tmp_path, capsys):
    (sealed,) = [one for one in (data / "media").rglob("*.jpg") if "original" not in one.name]
    renamed, out = tmp_path / "picture.jpg", tmp_path / "out.jpg"
    renamed.write_bytes(sealed.read_bytes())
    asked = ["media", "unseal", str(renamed), "--data", str(data), "--out", str(out)]
    assert main(asked) == 1
    assert "another file than its name says" in capsys.readouterr().err
    assert not out.exists()
    assert main([*asked, "--name", sealed.name]) == 0
    assert main([*asked, "--name", sealed.name]) == 1, "nothing is written over"
    assert main(["media", "unseal", str(out), "--data", str(data)]) == 1
    assert "is not sealed" in capsys.readouterr().err
    assert main(["media", "unseal", str(renamed), "--data", str(tmp_path / "none")]) == 1
    assert "media.key is missing" in capsys.readouterr().err


def test_an_incidents_media_in_clear_and_originals_only_when_asked(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["media", "export", INCIDENT, "--data", str(data), "--out", str(out)]) == 0
    assert [one.name for one in out.iterdir()] == ["snapshot.jpg"]
    assert (out / "snapshot.jpg").read_bytes() == JPEG
    out = tmp_path / "more"
    assert main(["media", "export", INCIDENT, "--data", str(data), "--out", str(out), "--originals"]) == 0
    assert (out / "original_snapshot.jpg").read_bytes() == UNTOUCHED

    async def audited() -> list[str]:
        store = await Store.open(data, ManualClock(NOON), repair=False)
        try:
            return [f"{one.actor} {one.action}" for one in await store.audit.list()]
        finally:
            await store.close()

    assert asyncio.run(audited()) == ["command line original"]
    assert main(["media", "export", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--data", str(data), "--out", str(out)]) == 1
