"""Owns `media collect`: clips that people judged become a folder that `recipe` and `train` read."""

from __future__ import annotations

import argparse
import asyncio
import csv
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .administration import open_store
from .config import data_dir
from .domain.errors import InvalidInputError, NotFoundError, StoreError
from .domain.media import StoredMedia
from .domain.ports import IncidentQuery
from .domain.types import NORMAL, Incident, IncidentSource, Verdict
from .store.mp4 import frame_times
from .store.store import Store
from .unsealing import PERSON, write_new

LIST = "clips.csv"
COLUMNS = ("path", "group", "first", "last", "verdict")
WINDOW = timedelta(seconds=2)
"""What a score of the models that ship looks back on."""
NOON = timedelta(hours=12)
LEARNED = (IncidentSource.MODEL, IncidentSource.MANUAL)
"""What a model said, or a person; rules about zones and unusual movement are no classes of a recogniser."""
PAGE = 200

Row = Mapping[str, str]


@dataclass(slots=True)
class _Collection:
    """What lies in the folder, by incident; `told` counts what the person should know."""

    folder: Path
    rows: dict[str, Row]
    told: Counter[str]


def collect_command(arguments: argparse.Namespace) -> int:
    """`crime-detect media collect DIR`: copies in clear, outside of retention. Each is logged as an access."""
    return asyncio.run(_collect(arguments))


async def _collect(arguments: argparse.Namespace) -> int:
    folder: Path = arguments.folder
    collection = _Collection(folder, _read_list(folder / LIST), Counter())
    store = await open_store(data_dir(arguments.data), arguments.config)
    judged: set[str] = set()
    try:
        async for incident in _judged(store, arguments.camera):
            judged.add(incident.incident_id)
            await _take(store, incident, collection, originals=arguments.originals)
        for incident_id in sorted(set(collection.rows) - judged):
            await _look_again(store, incident_id, collection, arguments.camera)
        _write_list(collection)
    except OSError as error:
        raise InvalidInputError(f"{error.filename or folder} cannot be written: {error.strerror or error}") from error
    finally:
        await store.close()
    _tell(collection)
    return 0


async def _judged(store: Store, camera: str | None) -> AsyncIterator[Incident]:
    for verdict in Verdict:
        cursor: str | None = None
        while True:
            page = await store.incidents(IncidentQuery(camera=camera, verdict=verdict, cursor=cursor, limit=PAGE))
            for incident in page.items:
                yield incident
            if (cursor := page.next_cursor) is None:
                break


async def _take(store: Store, incident: Incident, collection: _Collection, *, originals: bool) -> None:
    real = incident.verdict is Verdict.CONFIRMED
    if real and incident.source not in LEARNED:
        collection.told["are of rules or of unusual movement, which no class stands for"] += 1
        return
    label = incident.label if real else NORMAL
    name = _name(incident)
    path = collection.folder / label / name
    for other in collection.folder.glob(f"*/{name}"):
        if other != path:
            path.parent.mkdir(exist_ok=True)
            other.rename(path)
    if not path.exists():
        stored = await _clip(store, incident, originals=originals)
        if stored is None:
            collection.told["have no clip yet, or retention has deleted it"] += 1
            return
        await asyncio.to_thread(_copy, stored, path)
    first, last = "", ""
    if real:
        span = _span(incident, await store.scores(incident.incident_id), await asyncio.to_thread(_times, path))
        if span is None:
            collection.told["have a clip with a gap, so that nobody knows when it was"] += 1
            path.unlink()
            collection.rows.pop(incident.incident_id, None)
            return
        first, last = str(span[0]), str(span[1])
    # What one night shows is one occasion: it belongs on one side of a split.
    night = (incident.started_at - NOON).date().isoformat()
    values = (f"{label}/{name}", f"{incident.camera} {night}", first, last, str(incident.verdict))
    collection.rows[incident.incident_id] = dict(zip(COLUMNS, values, strict=True))


def _name(incident: Incident) -> str:
    return f"{incident.camera}-{incident.incident_id}.mp4"


async def _clip(store: Store, incident: Incident, *, originals: bool) -> StoredMedia | None:
    if originals and "clip" in await store.originals.kinds(incident.incident_id):
        return await store.originals.open(incident, "clip", PERSON)
    return await store.media(incident, "clip", PERSON.name)


async def _look_again(store: Store, incident_id: str, collection: _Collection, camera: str | None) -> None:
    """One of before that is not judged now: somebody took the verdict back, or retention took the incident."""
    try:
        incident = await store.incident(incident_id)
    except NotFoundError:
        if not (collection.folder / collection.rows[incident_id]["path"]).exists():
            del collection.rows[incident_id]
            return
        collection.told["are still here although the incident is deleted; remove them if they should go, too"] += 1
        return
    if camera in (None, incident.camera) and incident.verdict is None:
        del collection.rows[incident_id]
        for path in collection.folder.glob(f"*/{_name(incident)}"):
            path.unlink()
        collection.told["were taken out: nobody judges them any more"] += 1


def _span(incident: Incident, scores: Sequence[Mapping[str, Any]], times: Sequence[float]) -> tuple[int, int] | None:
    """First and last picture of what the model was sure of; a clip ends with the last score of its incident."""
    if not times:
        return None
    if not scores:
        return 0, len(times) - 1
    at = [datetime.fromisoformat(str(one["at"])) for one in scores]
    sure = [
        moment
        for moment, one in zip(at, scores, strict=True)
        if one["probabilities"].get(incident.label, 0.0) >= incident.threshold
    ] or at
    begins = times[-1] - (at[-1] - sure[0] + WINDOW).total_seconds()
    ends = times[-1] - (at[-1] - sure[-1]).total_seconds()
    if begins < -1 / 2:
        return None
    inside = [number for number, time in enumerate(times) if begins <= time <= ends]
    return (inside[0], inside[-1]) if inside else None


def _times(path: Path) -> Sequence[float]:
    try:
        return frame_times(path)
    except StoreError as error:
        raise InvalidInputError(f"{path}: {error}") from error


def _copy(stored: StoredMedia, path: Path) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with stored.open() as content:
        write_new(content, part)
    part.rename(path)


def _read_list(path: Path) -> dict[str, Row]:
    """By incident. Raises InvalidInputError for a list that somebody else made."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    if set(reader.fieldnames or ()) != set(COLUMNS):
        raise InvalidInputError(f"{path} is not of this command; name another folder, and use both in a recipe")
    return {Path(row["path"]).stem.rpartition("-")[2]: row for row in rows}


def _write_list(collection: _Collection) -> None:
    collection.folder.mkdir(parents=True, exist_ok=True)
    path = collection.folder / LIST
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows(sorted(collection.rows.values(), key=lambda row: row["path"]))
    part.replace(path)


def _tell(collection: _Collection) -> None:
    rows = collection.rows.values()
    clips = Counter(row["path"].partition("/")[0] for row in rows)
    occasions = {label: len({row["group"] for row in rows if row["path"].startswith(f"{label}/")}) for label in clips}
    found = ", ".join(f"{clips[label]} {label} (nights of a camera: {occasions[label]})" for label in sorted(clips))
    lines = [f"{collection.folder}: {found or 'nobody has judged an incident that has a clip'}"]
    lines += [f"{count} {what}" for what, count in collection.told.items()]
    if found:
        lines.append("These are copies in clear, which retention does not delete: remove the folder afterwards.")
        lines.append(f"next: crime-detect recipe {collection.folder} --name NAME, or name the folder in a recipe")
    sys.stderr.write("\n".join(lines) + "\n")
