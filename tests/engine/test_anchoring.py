"""Owns the tests of what evidence needs while the service runs: key, circumstances and the head told outside."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine import anchoring
from crime_detect_engine.anchoring import Anchoring, build_anchoring, read_head
from crime_detect_engine.config import parse_config
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


async def test_who_gets_the_head_by_mail_gets_it_once_a_day(store: Store, make_flow: Any, tmp_path: Path) -> None:
    text = "alerts: {email: {host: h, from: c@example.org, to: [a@example.org]}}\n"
    text += "evidence: {anchor: {email: [notary@example.org]}}\n"
    config, clock, woken = parse_config(text, tmp_path / "c.yaml", {}), ManualClock(NOON), asyncio.Queue[str]()
    for _ in range(2):  # a restart
        task = asyncio.create_task(
            build_anchoring(store, make_flow().pipeline, None, config, clock, woken.put_nowait).run()
        )
        await asyncio.sleep(0)
        if not _:
            assert await woken.get() == "anchor"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    (waiting,) = await store.outbox.due("anchor", NOON)
    assert waiting.recipient == "2026-11-21 notary@example.org"
    head = await read_head(store.evidence)()
    assert head.text.splitlines()[2] == str(head.seq)
