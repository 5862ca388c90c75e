"""Owns the `evidence` commands: checking a package anywhere, and what only the installation itself can say."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from .administration import open_store
from .config import data_dir
from .domain.errors import InvalidInputError
from .domain.ports import Actor
from .evidence_printing import prepare_evidence
from .store.evidence.container import ContainerError
from .store.evidence.keys import KEY_FILE, PublicKey, SigningKey
from .store.evidence.verify import Checked, read_signature, verify_package
from .store.store import Store

EXIT_BAD = 3


def verify_command(arguments: argparse.Namespace) -> int:
    """`crime-detect evidence verify`: 0 for a package that holds, 3 for one that does not. Opens nothing but files."""
    try:
        good, text = check(arguments.file, arguments.public_key, arguments.signature, as_json=arguments.json)
    except InvalidInputError as error:
        print(f"crime-detect: {error}", file=sys.stderr)
        return 2
    print(text)
    return 0 if good else EXIT_BAD


def key_command(arguments: argparse.Namespace) -> int:
    """`crime-detect evidence key`: the public part in PEM; its id goes to stderr."""
    data = data_dir(arguments.data)
    if not (data / KEY_FILE).exists():
        raise InvalidInputError(f"{data / KEY_FILE} is not there; the service makes it at its first start")
    key = SigningKey.keep(data).public
    print(f"key id {key.key_id}", file=sys.stderr)
    print(key.pem.decode(), end="")
    return 0


def chain_command(arguments: argparse.Namespace) -> int:
    """`crime-detect evidence chain`: 0 when every link and record of this installation holds, else 3."""
    return asyncio.run(_chain(arguments))


def export_command(arguments: argparse.Namespace) -> int:
    """`crime-detect evidence export`: writes the package and its signature beside it."""
    return asyncio.run(_export(arguments))


async def _chain(arguments: argparse.Namespace) -> int:
    store = await _open(arguments)
    try:
        report = await store.evidence.check(files=arguments.files)
    finally:
        await store.close()
    if report.fault is not None:
        print(f"BAD: {report.fault}")
        return EXIT_BAD
    assert report.head is not None
    print(f"GOOD: {report.links} links hold, of {report.erased} the content was erased")
    print(f"newest: {report.head.seq} of {report.head.at} {report.head.hash}")
    return 0


async def _export(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out or Path(f"{arguments.incident}.zip")
    beside = out.with_name(f"{out.name}.sig")
    store = await _open(arguments)
    try:
        made = await store.evidence.make(arguments.incident, Actor("command line", "admin"))
        try:
            with made.content.open() as package, out.open("wb") as target:
                shutil.copyfileobj(package, target)
            beside.write_bytes(made.signature)
        except OSError as error:
            raise InvalidInputError(f"{out} cannot be written: {error.strerror or error}") from error
        finally:
            made.path.unlink(missing_ok=True)
    finally:
        await store.close()
    print(f"{out} and {beside}", file=sys.stderr)
    return 0


async def _open(arguments: argparse.Namespace) -> Store:
    data = data_dir(arguments.data)
    if not data.is_dir():
        raise InvalidInputError(f"there is no {data}; name the service's folder with --data")
    store = await open_store(data, arguments.config)
    prepare_evidence(store)
    return store


def check(path: Path, public_key: Path | None, signature: Path | None, *, as_json: bool = False) -> tuple[bool, str]:
    """Whether the package holds, and what to print. Raises InvalidInputError for a key or signature that is none."""
    key = None if public_key is None else PublicKey.read(_read(public_key))
    beside = None if signature is None else read_signature(_read(signature))
    try:
        checked = verify_package(path, key, beside)
    except ContainerError as error:
        return False, json.dumps({"good": False, "fault": str(error)}) if as_json else f"BAD: {error}"
    if as_json:
        return True, json.dumps({"good": True, **asdict(checked)}, indent=1)
    return True, "\n".join(_told(checked, signed_whole=beside is not None))


def _told(checked: Checked, *, signed_whole: bool) -> list[str]:
    told = [
        f"GOOD: incident {checked.incident_id}, made {checked.made_at}",
        f"{len(checked.parts)} parts and {checked.links} links of the chain hold, up to link {checked.head['seq']}"
        f" of {checked.head['at']} ({checked.head['hash']})",
    ]
    if signed_whole:
        told.append("the signature beside the file holds")
    if checked.trusted:
        told.append(f"signed by your key {checked.key_id}")
    else:
        told.append(
            f"signed by the key {checked.key_id}, which came in the package: nothing was changed since, but this "
            "does not show who signed it. Compare the key with the installation's, or give it with --public-key"
        )
    told += [f"not in the package: {part}: {why}" for part, why in checked.missing.items()]
    return [*told, *(f"note: {note}" for note in checked.notes)]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100_000)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from error
