"""Owns the tests of tokens: who gets in, who no longer does, and that no secret is kept."""

from __future__ import annotations

import asyncio
import hashlib
import stat

import pytest
from alembic import command
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store import opening
from crime_detect_engine.store.database import Database


async def test_a_token_lets_its_holder_in_until_it_is_revoked(store, tmp_path):
    secret = await store.tokens.create("phone", "viewer", frozenset({"yard"}))
    actor = await store.tokens.find(secret)
    assert actor == Actor("phone", "viewer", frozenset({"yard"}))
    assert not actor.may_see("hall")
    (info,) = await store.tokens.list()
    assert secret not in repr(info)
    await store.tokens.revoke(info.id, Actor("anna", "admin"))
    assert await store.tokens.find(secret) is None
    with pytest.raises(NotFoundError):
        await store.tokens.revoke(info.id)
    assert [line.action for line in await store.audit.list()] == ["token revoke", "token create"]
    await store.close()
    for path in (tmp_path / "data").iterdir():
        if path.is_file():
            assert secret.encode() not in path.read_bytes()


@pytest.mark.parametrize("secret", ["", "x", "' OR 1=1 --", "\ud800", "a" * 10_000])
async def test_a_wrong_secret_is_nobody(store, secret):
    await store.tokens.create("phone", "admin")
    assert await store.tokens.find(secret) is None


@pytest.mark.parametrize(("name", "role"), [("x", "root"), ("", "viewer"), ("y" * 65, "viewer")])
async def test_an_unknown_role_or_empty_name_is_refused(store, name, role):
    with pytest.raises(InvalidInputError):
        await store.tokens.create(name, role)


async def test_the_first_start_writes_one_admin_token(open_store, tmp_path):
    store = await open_store()
    path = await store.tokens.ensure_admin_token()
    assert path == tmp_path / "data" / "admin-token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = path.read_text().strip()
    assert (await store.tokens.find(secret)).role == "admin"
    assert await store.tokens.ensure_admin_token() is None
    await store.tokens.revoke((await store.tokens.list())[0].id)
    await store.close()
    store = await open_store()
    assert await store.tokens.ensure_admin_token() is None
    assert await store.tokens.find(secret) is None, "a revoked token must not come back by a restart"


async def test_the_store_closes_in_the_moment_in_which_a_use_was_written_down(store, monkeypatch):
    """The task is done and its callbacks are still to come: the engine once span there for ever when it was stopped."""
    secret = await store.tokens.create("phone", "viewer")
    written = []

    async def at_once(_database, job):
        written.append(job)

    monkeypatch.setattr(Database, "write", at_once)
    assert await store.tokens.find(secret) is not None
    await asyncio.sleep(0)
    assert written, "the use is being told"
    await store.tokens.settle()


async def test_a_token_of_before_there_were_scopes_and_ends_goes_on(open_store, tmp_path, clock, database):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    engine = opening.choose_backend(data_dir, database(data_dir)).open(clock.now(), service=True)
    digest = hashlib.sha256(b"phone's secret").hexdigest()
    with engine.begin() as connection:
        scripts = opening._scripts()
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0003")
        connection.exec_driver_sql(
            "INSERT INTO tokens (name, role, cameras, digest, created_at) "
            f"VALUES ('phone', 'viewer', '[\"yard\"]', '{digest}', '2026-11-01 00:00:00')"
        )
    engine.dispose()
    store = await open_store()
    assert await store.tokens.find("phone's secret") == Actor("phone", "viewer", frozenset({"yard"}))
    (info,) = await store.tokens.list()
    assert (info.scopes, info.expires_at) == (None, None)
    assert await store.users.list() == []
