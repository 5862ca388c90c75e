"""Owns the tests of what evidence needs while the service runs: key, circumstances and the head told outside."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine import anchoring
from crime_detect_engine.anchoring import Anchoring
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.store.evidence.keys import KEY_FILE
from crime_detect_engine.store.evidence.options import AuthorityOptions
from crime_detect_engine.store.store import Store

from tests.fakes import NOON


@pytest.fixture
async def store(tmp_path: Path) -> Any:
    opened = await Store.open(tmp_path / "data", ManualClock(NOON), reserve_bytes=0)
    yield opened
    await opened.close()


async def test_the_head_is_told_signed_at_the_start(store: Store, make_flow: Any) -> None:
    told: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(Anchoring(store.evidence, make_flow().pipeline, told.put_nowait, store.uuid).run())
    payload = await told.get()
    task.cancel()
    head = (await store.evidence.check()).head
    assert head is not None
    assert (payload["seq"], payload["hash"], payload["uuid"]) == (head.seq, head.hash, store.uuid)
    key = (await store.evidence.key()).public
    assert key.key_id == payload["key_id"]
    assert key.verifies(base64.b64decode(payload["signature"]), payload["text"].encode())
    assert head.hash in payload["text"]


async def test_without_a_key_the_engine_goes_on_and_says_so(
    store: Store, make_flow: Any, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchoring, "RETRY_S", 0.01)
    (tmp_path / "data" / "keys").mkdir()
    (tmp_path / "data" / KEY_FILE).write_text("no key")
    told: asyncio.Queue[Any] = asyncio.Queue()
    watched = Anchoring(store.evidence, make_flow().pipeline, told.put_nowait, store.uuid)
    task = asyncio.create_task(watched.run())
    await until(watched.notes)
    assert "is no Ed25519 key" in watched.notes()[0]
    (tmp_path / "data" / KEY_FILE).unlink()
    await told.get()
    assert watched.notes() == []
    task.cancel()


async def test_an_authority_that_is_away_is_named_and_the_broker_is_told(
    store: Store, make_flow: Any, until: Any, tmp_path: Path
) -> None:
    told: asyncio.Queue[Any] = asyncio.Queue()
    nobody = AuthorityOptions("http://127.0.0.1:1/tsr", tmp_path / "ca.pem")
    watched = Anchoring(store.evidence, make_flow().pipeline, told.put_nowait, store.uuid, nobody)
    task = asyncio.create_task(watched.run())
    await told.get()
    await until(watched.notes)
    assert "time-stamping authority does not answer" in watched.notes()[0]
    task.cancel()
