"""Owns the tests of the `evidence` commands, from an incident in the store to the exit code."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.cli import main
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.ports import Actor, ManualReport
from crime_detect_engine.store.store import Store

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


@pytest.fixture
def incident_id(tmp_path: Path) -> str:
    async def make() -> str:
        store = await Store.open(tmp_path / "data", SystemClock(), reserve_bytes=0)
        await store.evidence.open()
        report = ManualReport("yard", "robbery", AT, None, "=HYPERLINK(x)")
        made = await store.report(report, Actor("anna", "operator"))
        await store.close()
        return made.incident_id

    return asyncio.run(make())


def test_a_package_is_exported_checked_and_found_changed(tmp_path: Path, incident_id: str, capsys: Any) -> None:
    data, out = str(tmp_path / "data"), tmp_path / "p.zip"
    assert main(["evidence", "export", incident_id, "--data", data, "--out", str(out)]) == 0
    assert main(["evidence", "key", "--data", data]) == 0
    key = tmp_path / "key.pem"
    told = capsys.readouterr()
    key.write_text(told.out)
    good = ["evidence", "verify", str(out), "--public-key", str(key), "--signature", f"{out}.sig"]
    assert main(good) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"GOOD: incident {incident_id}")
    assert "signed by your key" in text
    assert "not in the package: clip.mp4: the incident has no clip" in text
    assert main(["evidence", "verify", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trusted"] is False
    out.write_bytes(out.read_bytes().replace(b"robbery", b"robberi", 1))
    assert main(good) == 3
    assert capsys.readouterr().out.startswith("BAD: ")


def test_what_is_no_key_or_no_package_is_told(tmp_path: Path, capsys: Any) -> None:
    nothing = str(tmp_path / "nothing")
    assert main(["evidence", "verify", nothing]) == 3
    assert "cannot be read" in capsys.readouterr().out
    assert main(["evidence", "verify", nothing, "--public-key", nothing]) == 2
    (tmp_path / "key").write_text("key")
    assert main(["evidence", "verify", nothing, "--public-key", str(tmp_path / "key")]) == 2
    assert main(["evidence", "key", "--data", nothing]) == 1
    assert main(["evidence", "chain", "--data", nothing]) == 1
    assert not Path(nothing).exists()


def test_the_installations_own_chain_is_checked(tmp_path: Path, incident_id: str, capsys: Any) -> None:
    command = ["evidence", "chain", "--files", "--data", str(tmp_path / "data")]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("GOOD: 3 links hold")

    async def tamper() -> None:
        store = await Store.open(tmp_path / "data", SystemClock(), repair=False)
        await store._database.write(lambda c: c.exec_driver_sql("UPDATE incidents SET note = 'x'"))
        await store.close()

    asyncio.run(tamper())
    assert main(command) == 3
    assert capsys.readouterr().out.startswith(f"BAD: link 3: incident {incident_id} was changed")
