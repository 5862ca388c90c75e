"""The audit as files: CSV that no spreadsheet runs, JSON lines that anybody can check, by command line and API."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from crime_detect_engine.auditing import COLUMNS, Auditor
from crime_detect_engine.cli import main
from crime_detect_engine.domain.auditing import AuditFormat, AuditQuery
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store.audit_file import verify_audit
from crime_detect_engine.store.store import Store

ADMIN = Actor("owner", "admin")


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    store = await Store.open(tmp_path / "data", SystemClock())
    for n in range(3):
        await store.audit.append(Actor("=cmd()", "viewer"), "view_clip", f"@{n}", {"n": n})
    await store.close()
    return tmp_path / "data"


@pytest.fixture
async def auditor(data: Path) -> AsyncIterator[Auditor]:
    store = await Store.open(data, SystemClock())
    yield Auditor(store, SystemClock())
    await store.close()


async def whole(auditor: Auditor, query: AuditQuery, format_: AuditFormat) -> bytes:
    return b"".join([chunk async for chunk in await auditor.export_audit(query, format_, ADMIN)])


async def test_a_sheet_has_each_entry_with_its_link_and_runs_nothing(auditor: Auditor) -> None:
    auditor.note_access(ADMIN, "view_live", "yard", {})
    text = (await whole(auditor, AuditQuery(), AuditFormat.CSV)).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["action"] for row in rows] == ["view_clip"] * 3 + ["export_audit", "view_live"]
    assert (rows[0]["actor"], rows[0]["target"]) == ("'=cmd()", "'@0")
    assert all(len(row["hash"]) == 64 and int(row["link"]) > 0 for row in rows)


async def test_signed_lines_hold_and_the_export_is_itself_in_the_audit(auditor: Auditor, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_bytes(await whole(auditor, AuditQuery(action="view_clip"), AuditFormat.JSONL))
    checked = verify_audit(file)
    assert (checked.entries, checked.filters) == (3, {"action": "view_clip"})
    assert (await auditor.audit(AuditQuery(limit=1))).items[0].details == {"format": "jsonl", "action": "view_clip"}


def test_the_commands_write_and_check(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, key = tmp_path / "audit.jsonl", tmp_path / "key.pem"
    assert main(["audit", "export", "--data", str(data), "--out", str(out)]) == 0
    assert main(["evidence", "key", "--data", str(data)]) == 0
    key.write_text(capsys.readouterr().out)
    assert main(["audit", "verify", str(out), "--public-key", str(key)]) == 0
    told = capsys.readouterr().out
    assert "GOOD" in told
    assert "without a gap" in told
    assert main(["audit", "export", "--data", str(data), "--out", str(out)]) == 1, "what is there is not overwritten"
    out.write_bytes(out.read_bytes().replace(b"@1", b"@7"))
    assert main(["audit", "verify", str(out)]) == 3
    assert "BAD: line" in capsys.readouterr().out
    assert main(["audit", "verify", str(tmp_path / "absent")]) == 2
