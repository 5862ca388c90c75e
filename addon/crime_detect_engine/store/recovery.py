"""Owns what a start mends: half-written files, files without their record, records without their sidecar file."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from crime_detect_engine.domain.types import Incident

from .caution import is_other_database, stranger, write_mark
from .journal import Change, Journal
from .lifecycle import ENGINE, HOT, MediaFile, log, register
from .media import CLIP, SIDECAR, SNAPSHOT, SUFFIX
from .memory import CHANGED, recall
from .records import find_row, incident_from
from .tables import incidents, media
from .writing import close_orphans

_log = logging.getLogger(__name__)

LEFT_BEHIND = 8
"""A crash leaves what was being written at that moment. More than this it is not, and is left for a person to see."""
_ENDS = "|".join(map(re.escape, SUFFIX.values()))
_OURS = re.compile(rf"[^/]+/\d{{4}}-\d\d-\d\d/\d{{6}}_[^/]*_(?P<incident>[0-9A-Za-z-]{{1,40}})(?P<suffix>{_ENDS})")


def recover(journal: Journal, uuid: str) -> int:
    """Once at the start of the service; returns how many incidents were still open."""
    folder, database = journal.folder, journal.database
    folder.remove_temporaries()
    journal.stranger = database.transact(lambda c: stranger(c, folder, uuid))
    journal.sweep()
    try:
        folder.require()
    except OSError:  # its disk is away: what lies there is looked at when it is back
        return close_orphans(journal)
    _enter_unknown(journal)
    closed = close_orphans(journal)
    _write_sidecars(journal)
    _look_at_rest(journal, uuid)
    return closed


def _unknown(journal: Journal) -> list[re.Match[str]]:
    """Files named as this engine names them, of which the database does not know."""
    known = journal.database.transact(_known, write=False)
    return [match for path in journal.folder.files() if path not in known and (match := _OURS.fullmatch(path))]


def _known(connection: Connection) -> Mapping[str, Any]:
    return {row.path: row for row in connection.execute(select(media))}


def _enter_unknown(journal: Journal) -> None:
    """A file that was written whole when the engine died, before its record said so."""
    kinds = {suffix: kind for kind, suffix in SUFFIX.items()}
    for match in _unknown(journal):
        path, kind = match[0], kinds[match["suffix"]]
        stem = path.removesuffix(match["suffix"])
        row = journal.database.transact(partial(_of_stem, stem=stem), write=False)
        if row is None:
            continue
        incident = incident_from(row._asdict())

        def job(connection: Connection, incident: Incident = incident, path: str = path, kind: str = kind) -> Change:
            _register(connection, journal, path, incident, kind)
            after = incident
            if kind == CLIP:
                after = replace(incident, clip=path)
            elif kind == SNAPSHOT:
                after = replace(incident, snapshot=path, snapshot_rev=incident.snapshot_rev + 1)
            if after == incident:
                return Change(None)
            return journal.save(connection, incident, after)

        journal.commit(job)


def _of_stem(connection: Connection, stem: str) -> Any:
    return connection.execute(select(incidents).where(incidents.c.stem == stem)).one_or_none()


def _register(connection: Connection, journal: Journal, path: str, incident: Incident, kind: str) -> None:
    register(
        connection,
        MediaFile(path, incident.incident_id, incident.camera, kind, journal.folder.size(path)),
        journal.clock.now(),
    )


def _write_sidecars(journal: Journal) -> None:
    """Of the incident that was written last, and those that are not there."""
    there = set(journal.folder.files())

    def wanted(connection: Connection) -> list[str]:
        mine = select(media.c.path, media.c.incident_id).where(
            media.c.kind == SIDECAR, media.c.tier == HOT, media.c.doomed.is_(None)
        )
        lacking = [row.incident_id for row in connection.execute(mine) if row.path not in there]
        last = recall(connection, CHANGED)
        return [*lacking, *([last] if last else [])]

    for incident_id in journal.database.transact(wanted, write=False):

        def job(connection: Connection, incident_id: str = incident_id) -> Change:
            row = find_row(connection, incident_id)
            if row is None:
                return Change(None)
            return Change(incident_from(row._asdict()), None, row.stem, row.published)

        journal.commit(job)


def _look_at_rest(journal: Journal, uuid: str) -> None:
    """What nobody knows is removed where it can only be a crash's, else told; a person decides (caution.py)."""
    folder, database = journal.folder, journal.database
    there = set(folder.files())
    rest = [match[0] for match in _unknown(journal)]
    sidecars = {path for path in there if path.endswith(SUFFIX[SIDECAR])}
    bare = [path for path in rest if path.split(".")[0] + SUFFIX[SIDECAR] not in sidecars]
    known = database.transact(_known, write=False)
    missing = [path for path, row in known.items() if row.tier == HOT and path not in there]
    other = database.transact(lambda c: is_other_database(c, folder), write=False)
    journal.doubt = None
    if other and (rest or missing):
        journal.doubt = (
            f"the database is another than before: {len(rest)} files belong to no record of it, and {len(missing)} "
            "that it names are not there; was an old copy restored?"
        )
    elif len(rest) > len(known) + LEFT_BEHIND:
        journal.doubt = f"{len(rest)} files belong to no record, and only {len(known)} do: is this the right database?"
    elif journal.stranger is None:
        if other:
            database.transact(lambda c: write_mark(folder.root, uuid, recall(c, "epoch") or ""), write=False)
        if len(bare) <= LEFT_BEHIND:
            _remove_left_behind(journal, bare)
    if len(rest) > len(bare) or len(bare) > LEFT_BEHIND:
        _log.warning("%d files in %s belong to no record and were left alone", len(rest), folder.root)


def _remove_left_behind(journal: Journal, paths: list[str]) -> None:
    for path in paths:
        match = _OURS.fullmatch(path)
        assert match is not None

        def job(connection: Connection, path: str = path, incident_id: str = match["incident"][:26]) -> None:
            file = MediaFile(path, incident_id, path.partition("/")[0], "", 0)
            log(connection, "delete", file, journal.clock.now(), ENGINE, "a crash left it without a record")
            journal.folder.remove(path)

        try:
            journal.database.transact(job)
        except OSError as error:
            journal.fail("deletion", f"a file cannot be deleted: {error.strerror or error}")
