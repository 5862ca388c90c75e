"""Owns the `audit` commands: the audit as a file, and the check of such a file anywhere."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

from .administration import open_store
from .auditing import Auditor
from .config import data_dir
from .domain.auditing import AuditFormat, AuditQuery
from .domain.clock import SystemClock
from .domain.errors import InvalidInputError
from .domain.ports import Actor
from .store.audit_file import AuditFileError, CheckedAudit, verify_audit
from .store.evidence.keys import PublicKey

EXIT_BAD = 3


def export_command(arguments: argparse.Namespace) -> int:
    """`crime-detect audit export`: the whole audit as signed JSON lines, or as CSV."""
    return asyncio.run(_export(arguments))


async def _export(arguments: argparse.Namespace) -> int:
    data, out = data_dir(arguments.data), arguments.out
    if not data.is_dir():
        raise InvalidInputError(f"there is no {data}; name the service's folder with --data")
    store = await open_store(data, arguments.config)
    try:
        auditor, format_ = Auditor(store, SystemClock()), AuditFormat(arguments.format)
        chunks = await auditor.export_audit(AuditQuery(), format_, Actor("command line", "admin"))
        try:
            with out.open("xb") as file:
                async for chunk in chunks:
                    file.write(chunk)
        except OSError as error:
            raise InvalidInputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        await store.close()
    print(f"{out}", file=sys.stderr)
    return 0


def verify_command(arguments: argparse.Namespace) -> int:
    """`crime-detect audit verify`: 0 for a file that holds, 3 for one that does not. Opens nothing but files."""
    try:
        key = None if arguments.public_key is None else PublicKey.read(_read(arguments.public_key))
        checked = verify_audit(arguments.file, key)
    except InvalidInputError as error:
        print(f"crime-detect: {error}", file=sys.stderr)
        return 2
    except AuditFileError as error:
        print(json.dumps({"good": False, "fault": str(error)}) if arguments.json else f"BAD: {error}")
        return EXIT_BAD
    print(json.dumps({"good": True, **asdict(checked)}, indent=1) if arguments.json else _told(checked))
    return 0


def _told(checked: CheckedAudit) -> str:
    told = [
        f"GOOD: audit of engine {checked.engine}, made {checked.made_at}",
        f"{checked.entries} entries and {checked.links - checked.entries} other links of the chain hold, "
        f"numbers {checked.first} to {checked.last} without a gap",
    ]
    if checked.filters:
        told.append(
            f"entries were chosen by {json.dumps(checked.filters, ensure_ascii=False)}; the others are not told"
        )
    if checked.trusted:
        told.append(f"signed by your key {checked.key_id}")
    else:
        told.append(
            f"signed by the key {checked.key_id}, which came in the file: nothing was changed since, but this does "
            "not show who signed it. Compare the key with the installation's, or give it with --public-key"
        )
    return "\n".join(told)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100_000)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from error
