"""Tests time stamps end to end: a real authority on loopback, and what is no stamp."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import AnchorError
from crime_detect_engine.outputs.timestamping import ask_authority
from crime_detect_engine.store.store import Store

from tests.fakes import NOON
from tests.rig.timestamping import Authority, openssl_missing

pytestmark = pytest.mark.skipif(openssl_missing() is not None, reason=str(openssl_missing()))


@pytest.fixture
async def authority(tmp_path: Path) -> AsyncIterator[Authority]:
    served = Authority(tmp_path / "authority")
    await served.start()
    yield served
    await served.stop()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "data", ManualClock(NOON), reserve_bytes=0)
    yield opened
    await opened.close()


async def test_the_head_is_stamped_and_openssl_agrees(authority: Authority, store: Store) -> None:
    anchor = await store.evidence.anchor()
    stamp = await store.evidence.stamp(anchor, partial(ask_authority, authority.url), authority.ca)
    assert stamp.name == f"{anchor.seq}.tsr"
    assert anchor.hash in stamp.with_suffix(".txt").read_text()
    command = ["openssl", "ts", "-verify", "-in", stamp, "-data", stamp.with_suffix(".txt"), "-CAfile", authority.ca]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_stamp_of_another_request_or_authority_is_refused(
    authority: Authority, store: Store, tmp_path: Path
) -> None:
    ask = partial(ask_authority, authority.url)
    anchor = await store.evidence.anchor()
    await store.evidence.stamp(anchor, ask, authority.ca)
    authority.answer = (authority.folder / "reply").read_bytes()
    with pytest.raises(AnchorError, match="does not hold"):
        await store.evidence.stamp(anchor, ask, authority.ca)  # the nonce is of the request before
    authority.answer = None
    other = Authority(tmp_path / "other")
    await asyncio.to_thread(other.make)
    with pytest.raises(AnchorError, match="does not hold"):
        await store.evidence.stamp(anchor, ask, other.ca)
    with pytest.raises(AnchorError, match="cannot be read"):
        await store.evidence.stamp(anchor, ask, tmp_path / "none.pem")


@pytest.mark.parametrize("answer", [b"", b"<html>", b"\x30" * 50, bytes(200_000)])
async def test_what_is_no_stamp_is_refused_and_not_kept(
    authority: Authority, store: Store, tmp_path: Path, answer: bytes
) -> None:
    authority.answer = answer
    with pytest.raises(AnchorError):
        await store.evidence.stamp(await store.evidence.anchor(), partial(ask_authority, authority.url), authority.ca)
    assert not (tmp_path / "data" / "stamps").exists()


async def test_an_authority_that_refuses_or_is_away_is_told(authority: Authority, store: Store) -> None:
    authority.status = 503
    authority.answer = b""
    with pytest.raises(AnchorError, match="answers 503"):
        await ask_authority(authority.url, b"query")
    with pytest.raises(AnchorError, match="does not answer"):
        await ask_authority("http://127.0.0.1:1/tsr", b"query")
