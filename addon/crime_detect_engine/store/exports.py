"""Owns the making of evidence packages: what the store knows of an incident, gathered at one moment and signed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from crime_detect_engine.domain.errors import NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor, EvidencePackage
from crime_detect_engine.domain.wire import timestamp

from .audit import append_audit
from .chain import Circumstances, audit_document, head, latest, links
from .chain_check import ChainReport, check_chain
from .evidence.keys import SigningKey
from .evidence.links import AUDIT, Content, Link
from .evidence.package import FILE_PARTS, MEDIA_PARTS, Material, Printer, build_package, sign_file
from .evidence.stamps import check_stamp, keep_stamp, make_request
from .incidents import load_scores
from .journal import Journal
from .lifecycle import log
from .media import CLIP, ORIGINALS, SNAPSHOT, SUFFIX
from .originals import untouched
from .records import incident_document, load
from .stored_file import StoredFile
from .tables import audit, chain_contents, lifecycle

AskAuthority = Callable[[bytes], Awaitable[bytes]]
"""Carries a time-stamp request (DER) to an authority and its answer back."""
FOLDER = "exports"
EXPORT, EXPORTED = "evidence", "evidence made"
"""The audit's words: the first is written before a package is made and is in it, the second holds its digest."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The chain's head with a signature over `text`, to be kept where this installation cannot change it."""

    seq: int
    hash: str
    at: str
    text: str
    signature: bytes
    key_id: str


class Exports:
    """`version` is written into packages, `printer` makes the PDF in them."""

    def __init__(self, journal: Journal, data_dir: Path, uuid: str, version: str = "") -> None:
        self.version = version
        self.printer: Printer | None = None
        self._journal = journal
        self._database = journal.database
        self._data_dir = data_dir
        self._uuid = uuid
        self._key: SigningKey | None = None
        self._making = asyncio.Lock()

    def follow(self, circumstances: Circumstances) -> None:
        """Who is asked for camera, rules and model in force when an incident ends."""
        self._journal.circumstances = circumstances

    async def open(self) -> str:
        """Once at the start of the service: makes the key if there is none, removes what a crash left. The key's id.

        Raises StoreError.
        """

        def clear() -> None:
            for left in (self._data_dir / FOLDER).glob("*.zip"):
                left.unlink(missing_ok=True)

        await self._database.call(clear)
        return (await self.key()).public.key_id

    @property
    def key_id(self) -> str | None:
        return None if self._key is None else self._key.public.key_id

    async def key(self) -> SigningKey:
        """Raises StoreError."""
        if self._key is None:
            self._key = await self._database.call(lambda: SigningKey.keep(self._data_dir))
        return self._key

    async def check(self, *, files: bool = False) -> ChainReport:
        """Every link and record of this store; with `files` pictures and clips are read too."""
        return await self._database.read(lambda c: check_chain(c, self._journal.folder if files else None))

    async def make(self, incident_id: str, actor: Actor, *, originals: bool = False) -> EvidencePackage:
        """A package as a temporary file, which the caller deletes. One at a time; audited before and after. With
        `originals` what blurring hides is in it too: ask for the role first.

        Raises NotFoundError, StoreError, and ContainerError for an incident of more than 2 GB.
        """
        key = await self.key()
        async with self._making:
            now = self._journal.clock.now()

            def begin(connection: Connection) -> None:
                load(connection, incident_id)
                append_audit(connection, now, actor, EXPORT, incident_id, {"originals": True} if originals else {})
                for file in untouched(connection, incident_id) if originals else ():
                    log(connection, "access", file, now, actor.name[:64], "in an evidence package")

            await self._database.write(begin)
            material = await self._database.read(lambda c: self._gather(c, incident_id, originals=originals))
            try:
                return await self._build(material, key, actor)
            except OSError as error:
                raise StoreError(f"the package cannot be written: {error.strerror or error}") from error

    async def _build(self, material: Material, key: SigningKey, actor: Actor) -> EvidencePackage:
        path = await self._database.call(self._temporary)
        with contextlib.ExitStack() as undo:
            undo.callback(path.unlink, missing_ok=True)
            content = self._journal.folder.scratch_file(path)
            digest, size = await asyncio.to_thread(self._written, material, key, content)
            at = self._journal.clock.now()
            details = {"sha256": digest, "bytes": size}
            await self._database.write(lambda c: append_audit(c, at, actor, EXPORTED, material.incident_id, details))
            undo.pop_all()
        return EvidencePackage(path, content, size, digest, sign_file(digest, key), key.public.key_id)

    async def signature(self, incident_id: str, digest: str) -> bytes:
        """Of a package that was made here before, by its SHA-256. Raises NotFoundError for any other file."""
        key = await self.key()

        def known(connection: Connection) -> bool:
            query = select(audit.c.details).where(audit.c.target == incident_id, audit.c.action == EXPORTED)
            return any(details.get("sha256") == digest for details in connection.execute(query).scalars())

        if not await self._database.read(known):
            raise NotFoundError("no package of this incident with this digest was made here")
        return sign_file(digest, key)

    async def anchor(self) -> Anchor:
        """Raises StoreError."""
        key = await self.key()
        newest = await self._database.read(head)
        if newest is None:
            raise StoreError("the hash chain is gone")
        text = f"crime_detect chain\n{self._uuid}\n{newest.seq}\n{newest.at}\n{newest.hash}\n"
        return Anchor(newest.seq, newest.hash, newest.at, text, key.sign(text.encode()), key.public.key_id)

    async def stamp(self, anchor: Anchor, ask: AskAuthority, ca: Path) -> Path:
        """A checked time stamp over `anchor.text`, kept in DATA/stamps. Raises AnchorError and StoreError."""
        request = make_request(anchor.text)
        answer = await ask(request.as_bytes())
        check_stamp(request, answer, anchor.text, ca)
        return await self._database.call(lambda: keep_stamp(self._data_dir, anchor.seq, anchor.text, answer))

    def _written(self, material: Material, key: SigningKey, content: StoredFile) -> tuple[str, int]:
        """Its SHA-256 and size."""
        open_to_few = any(kind in material.files for kind in ORIGINALS)
        with self._journal.folder.scratch(content.path, seal=open_to_few) as target:
            build_package(material, key, target, self.printer)
        with content.open() as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()  # type: ignore[arg-type]

    def _temporary(self) -> Path:
        folder = self._data_dir / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(".zip", dir=folder)
        os.close(handle)
        return Path(name)

    def _gather(self, connection: Connection, incident_id: str, *, originals: bool) -> Material:
        incident = load(connection, incident_id)
        document = incident_document(incident) or {}
        files, missing, notes = {}, {}, []
        told = _entries(connection, incident_id)
        for kind, relative in ((SNAPSHOT, incident.snapshot), (CLIP, incident.clip)):
            if relative is None:
                missing[MEDIA_PARTS[kind]] = _why_missing(kind, ended=incident.ended_at is not None, files=told)
            else:  # it is not asked for here: an archive on a share that hangs must hold nobody else up
                files[kind] = self._journal.folder.file(relative)
        for file in untouched(connection, incident_id) if originals else ():
            files[file.kind] = self._journal.folder.file(file.path)
        content = latest(connection, incident_id)
        if incident.ended_at is None:
            notes.append("the incident was still going on: the chain has no link of it yet, only of who asked for this")
        media = (content or {}).get("media", {})
        notes += [
            f"the chain has no digest of {FILE_PARTS[kind]} from the time of the incident"
            for kind in files
            if media.get(kind, {}).get("sha256") is None and incident.ended_at is not None
        ]
        query = select(audit).where(audit.c.target == incident_id).order_by(audit.c.id)
        audited = [audit_document(row._asdict()) for row in connection.execute(query)]
        return Material(
            incident_id=incident_id,
            incident=document,
            scores=load_scores(connection, incident_id),
            circumstances=(content or {}).get("circumstances"),
            custody={"audit": audited, "files": told},
            links=_slice(connection, {incident_id, *(f"{AUDIT}:{entry['id']}" for entry in audited)}),
            files=files,
            missing=missing,
            made_at=str(timestamp(self._journal.clock.now())),
            engine={"uuid": self._uuid, "version": self.version},
            notes=notes,
        )


def _slice(connection: Connection, subjects: set[str]) -> Sequence[tuple[Link, Content | None]]:
    """From the first link about these to the head; of other links no content, which is not this package's business."""
    query = select(func.min(chain_contents.c.seq)).where(chain_contents.c.subject.in_(sorted(subjects)))
    first = int(connection.execute(query).scalar_one())
    return [
        (link, content if content is not None and content.subject in subjects else None)
        for link, content in links(connection, first)
    ]


def _entries(connection: Connection, incident_id: str) -> list[dict[str, Any]]:
    """What became of the incident's files, oldest first."""
    query = select(lifecycle).where(lifecycle.c.incident_id == incident_id).order_by(lifecycle.c.id)
    return [
        {"at": timestamp(row.at), "action": row.action, "path": row.path, "actor": row.actor, "reason": row.reason}
        for row in connection.execute(query)
    ]


def _why_missing(kind: str, files: Sequence[Mapping[str, Any]], *, ended: bool) -> str:
    for entry in reversed(files):
        if entry["action"] == "delete" and entry["path"].endswith(SUFFIX[kind]):
            return f"deleted {entry['at']} by {entry['actor']}: {entry['reason']}"
    return f"the incident has no {kind}" if ended else f"the incident was still going on and has no {kind} yet"
