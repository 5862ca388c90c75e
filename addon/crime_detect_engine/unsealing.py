"""Owns the `media` commands: pictures and clips out of the sealed folder, with the key and without the service."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import BinaryIO

from .administration import open_store
from .config import data_dir
from .domain.errors import InvalidInputError, NotFoundError
from .domain.media import StoredMedia
from .domain.ports import Actor
from .store.media_key import MediaKey
from .store.store import Store
from .store.stored_file import StoredFile

PERSON = Actor("command line", "admin")
KINDS = {"snapshot": "jpg", "clip": "mp4"}


def unseal_command(arguments: argparse.Namespace) -> int:
    """`crime-detect media unseal`: opens nothing but the file and the key, for when all else is lost."""
    data = data_dir(arguments.data)
    name = arguments.name or arguments.file.name
    stored = StoredFile(arguments.file, MediaKey(data, arguments.key_file), name)
    try:
        if not stored.sealed:
            raise InvalidInputError(f"{arguments.file} is not sealed")
        with stored.open() as content:
            write_new(content, arguments.out)
    except OSError as error:
        raise InvalidInputError(f"{error.filename or arguments.file}: {error.strerror or error}") from error
    return 0


def export_command(arguments: argparse.Namespace) -> int:
    """`crime-detect media export`: what is kept of an incident, in clear, into a folder. Logged as an access."""
    return asyncio.run(_export(arguments))


async def _export(arguments: argparse.Namespace) -> int:
    out: Path = arguments.out or Path(arguments.incident)
    store = await open_store(data_dir(arguments.data), arguments.config)
    try:
        written = [
            await asyncio.to_thread(_copy, stored, out / name)
            for name, stored in await _kept(store, arguments.incident, originals=arguments.originals)
        ]
    except OSError as error:
        raise InvalidInputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        await store.close()
    if not written:
        raise NotFoundError("this incident has no picture and no clip, or retention has deleted them")
    print("\n".join(str(path) for path in written))
    return 0


async def _kept(store: Store, incident_id: str, *, originals: bool) -> list[tuple[str, StoredMedia]]:
    incident = await store.incident(incident_id)
    found = [(f"{kind}.{end}", await store.media(incident, kind, PERSON.name)) for kind, end in KINDS.items()]
    for kind in sorted(await store.originals.kinds(incident_id)) if originals else ():
        found += [(f"original_{kind}.{KINDS[kind]}", await store.originals.open(incident, kind, PERSON))]
    return [(name, stored) for name, stored in found if stored is not None]


def _copy(stored: StoredMedia, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with stored.open() as content:
        write_new(content, path)
    return path


def write_new(content: BinaryIO, path: Path | None) -> None:
    """Into a new file that only its owner reads, or to the terminal's other end. Never over a file that is there."""
    if path is None:
        shutil.copyfileobj(content, sys.stdout.buffer)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        shutil.copyfileobj(content, target)
