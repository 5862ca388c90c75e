"""Owns the tests of where the service finds its records again, and where it refuses to begin anew."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from crime_detect_engine.config import parse_config
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.store.store import Store
from crime_detect_engine.storing import KNOWN, open_store


@pytest.fixture
async def stack() -> AsyncIterator[contextlib.AsyncExitStack]:
    async with contextlib.AsyncExitStack() as stack:
        yield stack


async def start(tmp_path: Path, stack: contextlib.AsyncExitStack, name: str = "data", *, file: bool = True) -> Store:
    settings = tmp_path / "config" / "crime_detect.yaml"
    settings.parent.mkdir(exist_ok=True)
    config = parse_config("timezone: UTC\n", settings, {})
    where = settings if file else None
    return await open_store(lambda: config, tmp_path / name, SystemClock(), where, stack)


async def test_a_data_directory_whose_disk_is_away_is_no_first_start(tmp_path, stack):
    uuid = (await start(tmp_path, stack)).uuid
    await stack.aclose()
    (tmp_path / "data").rename(tmp_path / "unplugged")
    (tmp_path / "data").mkdir()
    with pytest.raises(StoreError, match=f"had records .of engine {uuid}.*is its disk connected"):
        await start(tmp_path, stack)
    assert list((tmp_path / "data").iterdir()) == [], "nothing is written in its place"
    (tmp_path / "data").rmdir()
    (tmp_path / "unplugged").rename(tmp_path / "data")
    assert (await start(tmp_path, stack)).uuid == uuid


async def test_who_means_it_begins_anew(tmp_path, stack):
    uuid = (await start(tmp_path, stack)).uuid
    await stack.aclose()
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "config" / KNOWN).unlink()
    assert (await start(tmp_path, stack)).uuid != uuid


async def test_another_data_directory_is_another_beginning(tmp_path, stack):
    await start(tmp_path, stack)
    await start(tmp_path, stack, "second")
    assert len(json.loads((tmp_path / "config" / KNOWN).read_text())) == 2


async def test_a_folder_that_cannot_be_written_is_no_reason_not_to_start(tmp_path, stack):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / KNOWN).mkdir()
    await start(tmp_path, stack)


async def test_without_a_file_nothing_is_remembered(tmp_path, stack):
    await start(tmp_path, stack, file=False)
    assert list((tmp_path / "config").iterdir()) == []
