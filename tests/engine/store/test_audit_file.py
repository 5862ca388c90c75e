"""Owns the tests of the audit as a file: a good one holds on its own, one that was touched anywhere does not."""

from __future__ import annotations

import json

import pytest
from crime_detect_engine.domain.auditing import AuditQuery
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store.audit_file import AuditFileError, AuditWriter, verify_audit
from crime_detect_engine.store.evidence.keys import PublicKey, SigningKey


@pytest.fixture
async def exported(store, tmp_path):
    """(path, key) of an audit with entries of two people, of which only one's are told."""
    for who, target in (("ana", "01A"), ("bo", "01B"), ("ana", "Zoë = ½")):
        await store.audit.append(Actor(who, "viewer"), "view_clip", target, {"share": 0.1})
    key = SigningKey.keep(tmp_path)
    writer, query = AuditWriter(key), AuditQuery(actor="ana")
    first, last = await store.audit.span(query)
    lines = [writer.head(store.uuid, "2026-11-21T03:00:00Z", {"actor": "ana"})]
    lines += [writer.link(*one) for one in await store.audit.part(query, first, last)]
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join([*lines, writer.end()]))
    return path, key.public


def test_a_good_file_holds_and_says_what_it_tells(exported):
    path, key = exported
    checked = verify_audit(path)
    assert (checked.entries, checked.links, checked.first, checked.trusted) == (2, 4, 1, False)
    assert verify_audit(path, key).trusted
    assert b"01B" not in path.read_bytes()


def test_a_single_byte_changed_anywhere_is_found(exported, tmp_path):
    path, key = exported
    whole, spoiled = path.read_bytes(), tmp_path / "spoiled.jsonl"
    for at in range(len(whole)):
        spoiled.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(AuditFileError):
            verify_audit(spoiled, key)
    for cut in range(0, len(whole), 7):
        spoiled.write_bytes(whole[:cut])
        with pytest.raises(AuditFileError):
            verify_audit(spoiled, key)


def test_lines_that_are_gone_swapped_added_or_signed_anew_are_found(exported, tmp_path):
    path, key = exported
    lines, spoiled = path.read_bytes().splitlines(keepends=True), tmp_path / "spoiled.jsonl"
    bare = json.dumps({"link": json.loads(lines[-2])["link"]}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    for changed in (
        [*lines[:2], *lines[3:]],
        [lines[0], lines[2], lines[1], *lines[3:]],
        [*lines[:-1], lines[-2], lines[-1]],
        [*lines[:-2], bare, lines[-1]],
        [*lines, lines[-1]],
        lines[:-1],
        lines[1:],
        [],
    ):
        spoiled.write_bytes(b"".join(changed))
        with pytest.raises(AuditFileError):
            verify_audit(spoiled)
    (tmp_path / "other").mkdir()
    forger = SigningKey.keep(tmp_path / "other")
    writer = AuditWriter(forger)
    spoiled.write_bytes(writer.head("x", "now", {}) + writer.end())
    assert verify_audit(spoiled).entries == 0
    with pytest.raises(AuditFileError, match="another key"):
        verify_audit(spoiled, key)


def test_what_is_no_audit_is_said(tmp_path):
    for text in ("", "hello\n", "[]\n", "{}\n", '{"format": "x"}\n', "[" * 100_000 + "\n", "\xff"):
        file = tmp_path / "file"
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(AuditFileError):
            verify_audit(file)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        verify_audit(tmp_path / "absent")
    with pytest.raises(InvalidInputError):
        PublicKey.read(b"no key")
