"""Owns the copy that a person in the picture is given: what is kept of a time and place, as one readable ZIP."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection, select

from crime_detect_engine.domain.errors import NotFoundError, StoreError
from crime_detect_engine.domain.subjects import SubjectQuery, SubjectRecord
from crime_detect_engine.domain.wire import timestamp

from .evidence.package import readable_json, scores_csv
from .incidents import load_scores
from .lifecycle import ENGINE, MediaFile, log
from .media import CLIP, SNAPSHOT, MediaFolder
from .records import incident_document, load
from .tables import audit, lifecycle, media

KeptPeriods = Mapping[str, str]
"""What is kept and for how long, as people read it."""
_NAMES = {SNAPSHOT: "snapshot.jpg", CLIP: "clip.mp4"}
"""Untouched originals are not copied: others are in them too. A clip remade for browsers shows nothing else."""
_INSIDE = ("snapshot", "clip", "stem", "published")
ReadIncident = Callable[[str], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class CopyJob:
    query: SubjectQuery
    records: Sequence[SubjectRecord]
    keeps: KeptPeriods
    made_at: datetime


def read_incident(connection: Connection, incident_id: str) -> Mapping[str, Any] | None:
    """Record, scores, files by kind, and what was done with it; None when it is gone meanwhile.

    Of those who looked and judged it says the role: a person in the picture may know what was done, while who of the
    staff did it is the staff's own.
    """
    try:
        incident = load(connection, incident_id)
    except NotFoundError:
        return None
    document = incident_document(incident) or {}
    kept = select(media).where(media.c.incident_id == incident_id, media.c.kind.in_(_NAMES), media.c.doomed.is_(None))
    done = [
        {"at": timestamp(row.at), "who": row.role, "what": row.action}
        for row in connection.execute(select(audit).where(audit.c.target == incident_id))
    ]
    done += [
        {"at": timestamp(row.at), "who": row.actor if row.actor == ENGINE else "a person", "what": _what(row)}
        for row in connection.execute(select(lifecycle).where(lifecycle.c.incident_id == incident_id))
    ]
    return {
        "record": {key: value for key, value in document.items() if key not in _INSIDE},
        "scores": load_scores(connection, incident_id),
        "files": {row.kind: row.path for row in connection.execute(kept)},
        "camera": incident.camera,
        "done": sorted(done, key=lambda one: str(one["at"])),
    }


def _what(row: Any) -> str:
    return f"{row.action} of {row.path.rpartition('.')[2]}" + (f" ({row.reason})" if row.reason else "")


def write_copy(job: CopyJob, path: Path, folder: MediaFolder, read: ReadIncident) -> list[MediaFile]:
    """Writes the ZIP; the files that were copied. Raises OSError and StoreError."""
    copied: list[MediaFile] = []
    shown: list[dict[str, Any]] = []
    with folder.scratch(path) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for record in job.records:
            found = read(record.incident_id)
            if found is None:
                continue
            at = record.started_at
            place = f"incidents/{at:%Y-%m-%d_%H%M%S}_{record.camera}_{record.label}_{record.incident_id}"
            archive.writestr(f"{place}/record.json", readable_json(found["record"]))
            archive.writestr(f"{place}/scores.csv", scores_csv(found["scores"]))
            archive.writestr(f"{place}/done.json", readable_json(found["done"]))
            files = []
            for kind, relative in sorted(found["files"].items()):
                name = f"{place}/{_NAMES[kind]}"
                if _copy_file(archive, name, folder, relative):
                    files.append(name)
                    copied.append(MediaFile(relative, record.incident_id, record.camera, kind, 0))
            shown.append({"record": record, "found": found, "files": files, "place": place})
        archive.writestr("index.html", _index(job, shown))
        archive.writestr("index.json", json.dumps(_index_json(job, shown), indent=1, ensure_ascii=False) + "\n")
    return copied


def _copy_file(archive: zipfile.ZipFile, name: str, folder: MediaFolder, relative: str) -> bool:
    """False for a file that went meanwhile or does not open: the rest is theirs all the same."""
    try:
        stored = folder.file(relative).open()
    except (FileNotFoundError, StoreError):
        return False
    with stored, archive.open(name, "w", force_zip64=True) as member:
        shutil.copyfileobj(stored, member, 1 << 20)
    return True


def log_copied(connection: Connection, copied: Sequence[MediaFile], at: datetime, actor: str) -> None:
    """A look at each file that was handed out."""
    for file in copied:
        log(connection, "access", file, at, actor, "copied for a person in the picture")


def _index(job: CopyJob, shown: Sequence[Mapping[str, Any]]) -> str:
    """Everything from outside is escaped; no script, nothing loaded from anywhere else."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("subject_copy.html").render(job=job, shown=shown, timestamp=timestamp)


def _index_json(job: CopyJob, shown: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    cameras = job.query.cameras
    return {
        "made_at": timestamp(job.made_at),
        "from": timestamp(job.query.start),
        "to": timestamp(job.query.end),
        "cameras": None if cameras is None else sorted(cameras),
        "kept_for": dict(job.keeps),
        "incidents": [
            {"incident_id": one["record"].incident_id, "folder": one["place"], "files": one["files"]} for one in shown
        ],
    }
