"""Owns the check of the store's own chain: every link, and that records say what their last link says."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from crime_detect_engine.domain.errors import StoreError

from .chain import audit_document, links, scores_digest
from .evidence.links import AUDIT, ERASED, GENESIS, Content, Fault, Link, canonical, check_link, sha256
from .media import MediaFolder
from .records import incident_document, incident_from
from .tables import audit, incidents


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`links` that hold, up to the first `fault`; `erased` are those whose content was deleted as it should be."""

    links: int
    erased: int
    head: Link | None
    fault: Fault | None


def check_chain(connection: Connection, folder: MediaFolder | None = None) -> ChainReport:
    """With `folder` the pictures and clips are read too."""
    count, previous = 0, None
    newest: dict[str, tuple[int, str]] = {}
    bare: dict[int, str] = {}
    erased: set[int] = set()
    for link, content in links(connection):
        fault = check_link(link, previous, content) or _misplaced(link, content)
        if fault is not None:
            return ChainReport(count, len(erased & bare.keys()), previous, _earliest(bare, erased, fault))
        if content is None:
            bare[link.seq] = link.kind
        elif link.kind == ERASED:
            erased.update(json.loads(content.text)["links"])
        else:
            newest[content.subject] = (link.seq, content.text)
        count, previous = count + 1, link
    fault = Fault(1, "is missing: there is no chain") if previous is None else _earliest(bare, erased, None)
    fault = fault or _check_records(connection, newest) or _check_files(folder, newest)
    return ChainReport(count, len(bare), previous, fault)


def _misplaced(link: Link, content: Content | None) -> Fault | None:
    """A content that says of itself to be another's, or one that is gone and never may be."""
    if content is None:
        gone = link.kind in (GENESIS, ERASED)
        return (
            Fault(link.seq, f"has lost its content, which a link of kind {link.kind} keeps for ever") if gone else None
        )
    if link.kind in (GENESIS, ERASED):
        return None if content.subject == link.kind else Fault(link.seq, "has a content of another subject")
    value = json.loads(content.text)
    told = f"{AUDIT}:{value['id']}" if link.kind == AUDIT else value["incident"]["incident_id"]
    return None if content.subject == told else Fault(link.seq, "has a content of another subject")


def _earliest(bare: dict[int, str], erased: set[int], fault: Fault | None) -> Fault | None:
    """Contents that are gone although no later link says that they were erased come before a later fault."""
    for seq, kind in sorted(bare.items()):
        if seq not in erased and fault is None:
            return Fault(seq, f"has lost its {kind}, and no link says that it was erased")
    return fault


def _check_records(connection: Connection, newest: dict[str, tuple[int, str]]) -> Fault | None:
    """Every record against its last link, the earliest link first; then records that should have one."""
    faults: list[Fault] = []
    known = {subject: json.loads(text) for subject, (_, text) in newest.items() if subject != GENESIS}
    for row in connection.execute(select(incidents)):
        incident = incident_from(row._asdict())
        content = known.pop(incident.incident_id, None)
        if content is None:
            if incident.ended_at is not None:
                faults.append(Fault(None, f"incident {incident.incident_id} is in no link"))
            continue
        seq = newest[incident.incident_id][0]
        # What retention takes of an ended incident is a link too, so nothing may differ.
        if canonical(incident_document(incident)) != canonical(content["incident"]):
            faults.append(Fault(seq, f"incident {incident.incident_id} was changed after it"))
        elif scores_digest(connection, incident.incident_id) != content["scores_sha256"]:
            faults.append(Fault(seq, f"the scores of incident {incident.incident_id} were changed after it"))
    for row in connection.execute(select(audit)):
        content = known.pop(f"{AUDIT}:{row.id}", None)
        if content is None:
            faults.append(Fault(None, f"audit entry {row.id} is in no link"))
        elif canonical(audit_document(row._asdict())) != canonical(content):
            faults.append(Fault(newest[f"{AUDIT}:{row.id}"][0], f"audit entry {row.id} was changed after it"))
    for subject in known:
        what = "the audit entry" if subject.startswith(AUDIT) else "the incident"
        faults.append(
            Fault(newest[subject][0], f"{what} that it stands for is gone, and no link says that it was erased")
        )
    return min(faults, key=lambda one: (one.seq is None, one.seq or 0), default=None)


def _check_files(folder: MediaFolder | None, newest: dict[str, tuple[int, str]]) -> Fault | None:
    """Files that are gone are retention's or the disk's; files that are there must be what they were."""
    if folder is None:
        return None
    for subject, (seq, text) in sorted(newest.items(), key=lambda one: one[1][0]):
        for kind, file in json.loads(text).get("media", {}).items():
            if file["sha256"] is None:
                continue
            try:
                data = folder.read(file["path"])
            except (OSError, StoreError):
                return Fault(seq, f"the {kind} of incident {subject} cannot be read")
            if sha256(data) != file["sha256"]:
                return Fault(seq, f"the {kind} of incident {subject} was changed after it")
    return None
