"""Owns the tests of the commands that change who may use the service."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from crime_detect_engine.cli import main
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.store import Store

from tests.rig.postgres import Postgres


def test_a_token_is_printed_once_alone_on_its_line_and_opens_the_door(tmp_path: Path, capsys: Any) -> None:
    code = main(
        ["token", "create", "--role", "operator", "--cameras", "yard", "--data", str(tmp_path), "--name", "app"]
    )
    told = capsys.readouterr()
    token = told.out.strip()
    assert code == 0
    assert "\n" not in token
    assert token not in told.err

    async def find() -> Any:
        store = await Store.open(tmp_path, SystemClock(), repair=False)
        try:
            return await store.tokens.find(token), await store.tokens.find(token + "x")
        finally:
            await store.close()

    actor, nobody = asyncio.run(find())
    assert (actor.role, actor.cameras) == ("operator", frozenset({"yard"}))
    assert nobody is None
    assert token.encode() not in (tmp_path / "crime_detect.db").read_bytes(), "only its digest is kept"


def test_a_token_goes_where_the_service_keeps_its_records(tmp_path: Path, postgres: Postgres, capsys: Any) -> None:
    name = postgres.create()
    database = DatabaseOptions(postgres.url(name))
    config = tmp_path / "c.yaml"
    config.write_text(f"timezone: UTC\ndatabase: {database.url}\n")
    asked = ["token", "create", "--role", "viewer", "--data", str(tmp_path / "data")]

    async def beside_a_service() -> Any:
        service = await Store.open(tmp_path / "data", SystemClock(), database=database)
        try:
            assert await asyncio.to_thread(main, [*asked, "--config", str(config)]) == 0
            token = capsys.readouterr().out.strip()
            assert await asyncio.to_thread(main, asked) != 0
            return await service.tokens.find(token)
        finally:
            await service.close()

    assert asyncio.run(beside_a_service()).role == "viewer"
    assert "--config" in capsys.readouterr().err
    postgres.drop(name)
