"""Owns the hash chain: a link for every change of an ended incident and for every audit entry, in its transaction."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.types import Incident
from crime_detect_engine.domain.wire import timestamp

from .evidence.links import (
    AUDIT,
    ERASED,
    GENESIS,
    INCIDENT,
    Content,
    Link,
    canonical,
    content_digest,
    make_link,
    sha256,
)
from .incidents import load_scores
from .media import CLIP, ORIGINAL_SNAPSHOT, ORIGINALS, SNAPSHOT, MediaFolder
from .records import find_row, incident_document, incident_from
from .tables import audit, chain, chain_contents, incidents, meta
from .tables import media as files

Circumstances = Callable[[str], Mapping[str, Any] | None]
"""Camera, rules and model in force for a camera, free of secrets; None when the camera is not known."""


def no_circumstances(_camera: str) -> None:
    return None


def head(connection: Connection) -> Link | None:
    row = connection.execute(select(chain).order_by(chain.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else Link(**row._asdict())


def _append(connection: Connection, at: datetime, kind: str, subject: str, text: str) -> Link:
    # Where the database has writers side by side, the second waits here and then reads the head that the first made.
    connection.execute(select(meta.c.value).where(meta.c.key == "uuid").with_for_update())
    salt = secrets.token_hex(16)
    link = make_link(head(connection), str(timestamp(at)), kind, content_digest(salt, text))
    connection.execute(insert(chain).values(**link.json()))
    connection.execute(insert(chain_contents).values(seq=link.seq, subject=subject, salt=salt, content=text))
    return link


def begin(connection: Connection, at: datetime) -> bool:
    """Makes the first link where there is none, which says how much was there before, and a link for each such record.

    Pictures and clips of that time are not read for it: nobody could say that they are as they were.
    """
    if head(connection) is not None:
        return False
    ended = incidents.c.ended_at.is_not(None)
    subjects = connection.execute(
        select(incidents.c.incident_id).where(ended).order_by(incidents.c.started_at)
    ).scalars()
    old = [(INCIDENT, one, canonical(_content(connection, None, one))) for one in subjects.all()]
    entries = connection.execute(select(audit).order_by(audit.c.id))
    old += [(AUDIT, f"{AUDIT}:{row.id}", canonical(audit_document(row._asdict()))) for row in entries]
    uuid = connection.execute(select(meta.c.value).where(meta.c.key == "uuid")).scalar()
    genesis = canonical({"engine": uuid, "records_before": len(old)})
    made: list[Link] = []
    contents = []
    for kind, subject, text in [(GENESIS, GENESIS, genesis), *old]:
        salt = secrets.token_hex(16)
        made.append(make_link(made[-1] if made else None, str(timestamp(at)), kind, content_digest(salt, text)))
        contents.append({"seq": made[-1].seq, "subject": subject, "salt": salt, "content": text})
    connection.execute(insert(chain), [link.json() for link in made])
    connection.execute(insert(chain_contents), contents)
    return True


def audit_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """An audit entry as its link has it."""
    return {
        "id": row["id"],
        "at": timestamp(row["at"]),
        "actor": row["actor"],
        "role": row["role"],
        "action": row["action"],
        "target": row["target"],
        "details": dict(row["details"]),
    }


def chain_audit(connection: Connection, entry_id: int, at: datetime) -> Link:
    row = connection.execute(select(audit).where(audit.c.id == entry_id)).one()
    return _append(connection, at, AUDIT, f"{AUDIT}:{entry_id}", canonical(audit_document(row._asdict())))


def latest(connection: Connection, incident_id: str) -> dict[str, Any] | None:
    """The newest content of an incident's links."""
    query = select(chain_contents.c.content).where(chain_contents.c.subject == incident_id)
    text = connection.execute(query.order_by(chain_contents.c.seq.desc()).limit(1)).scalar()
    return None if text is None else json.loads(text)


def chain_incident(
    connection: Connection,
    folder: MediaFolder,
    incident_id: str,
    at: datetime,
    circumstances: Circumstances = no_circumstances,
) -> Link | None:
    """A link for an incident that is over, when it is another than its last link says.

    Files and scores are digested once: what was told later about them would be what somebody made of them.
    """
    content = _content(connection, folder, incident_id, circumstances)
    if content is None or content == latest(connection, incident_id):
        return None
    return _append(connection, at, INCIDENT, incident_id, canonical(content))


def _content(
    connection: Connection,
    folder: MediaFolder | None,
    incident_id: str,
    circumstances: Circumstances = no_circumstances,
) -> dict[str, Any] | None:
    row = find_row(connection, incident_id)
    if row is None or row.ended_at is None:
        return None
    incident, before = incident_from(row._asdict()), latest(connection, incident_id)
    return {
        "incident": incident_document(incident),
        "scores_sha256": before["scores_sha256"] if before else scores_digest(connection, incident_id),
        "media": _media(connection, folder, incident, before or {}),
        "circumstances": before["circumstances"] if before else circumstances(incident.camera),
    }


def scores_digest(connection: Connection, incident_id: str) -> str:
    return sha256(canonical(load_scores(connection, incident_id)))


def _media(
    connection: Connection, folder: MediaFolder | None, incident: Incident, before: Mapping[str, Any]
) -> dict[str, Any]:
    """Digest and size of picture and clip, and of their originals; `sha256` None for a file that cannot be read."""
    known = before.get("media", {})
    media: dict[str, Any] = {}
    kept = [(SNAPSHOT, incident.snapshot, incident.snapshot_rev), (CLIP, incident.clip, 0)]
    own = files.c.kind.in_(ORIGINALS) & files.c.doomed.is_(None) & (files.c.incident_id == incident.incident_id)
    for kind, path in connection.execute(select(files.c.kind, files.c.path).where(own).order_by(files.c.kind)):
        kept.append((kind, path, incident.snapshot_rev if kind == ORIGINAL_SNAPSHOT else 0))
    for kind, path, revision in kept:
        if path is None:
            continue
        same = known.get(kind)
        if same is not None and (same["path"], same["revision"]) == (path, revision):
            media[kind] = same
            continue
        media[kind] = {"path": path, "revision": revision, **_file_digest(folder, path)}
    return media


def _file_digest(folder: MediaFolder | None, path: str) -> dict[str, Any]:
    if folder is not None:
        # Of the content and not of what a sealed file looks like on the disk: a package holds the content, and sealing
        # anew with another key, or not at all, changes nothing that anybody could see.
        with contextlib.suppress(OSError, StoreError), folder.file(path).open() as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            return {"sha256": digest, "bytes": file.tell()}
    return {"sha256": None, "bytes": None}


def erase(connection: Connection, subjects: Sequence[str], at: datetime) -> None:
    """Takes content and salt of these subjects away and says so in a link of its own: tombstones, not holes."""
    found: list[int] = []
    for start in range(0, len(subjects), 500):
        part = chain_contents.c.subject.in_(subjects[start : start + 500])
        found += connection.execute(select(chain_contents.c.seq).where(part)).scalars()
        connection.execute(delete(chain_contents).where(part))
    if found:
        _append(connection, at, ERASED, ERASED, canonical({"links": sorted(found)}))


def links(connection: Connection, first: int = 1) -> Iterator[tuple[Link, Content | None]]:
    """From number `first` to the head, each with what is left of its content."""
    joined = chain.outerjoin(chain_contents, chain.c.seq == chain_contents.c.seq)
    columns = (*chain.c, chain_contents.c.subject, chain_contents.c.salt, chain_contents.c.content)
    query = select(*columns).select_from(joined).where(chain.c.seq >= first).order_by(chain.c.seq)
    for row in connection.execute(query):
        link = Link(row.seq, row.at, row.kind, row.digest, row.previous, row.hash)
        yield link, None if row.content is None else Content(row.subject, row.salt, row.content)
