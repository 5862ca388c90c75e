"""Owns the plain layout: `DIR/<class>/*.mp4`, with a list of groups and folds where there is one."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from crime_detect_engine.domain.errors import InvalidInputError

from .listing import SUFFIXES, ClipFile, Request, Span, read_spans


def list_folders(request: Request) -> list[ClipFile]:
    """Videos of `DIR/<class>/*`; `request.classes` may give a folder another class. Raises InvalidInputError."""
    base = request.base
    groups = _read_groups(base / request.groups) if request.groups else {}
    folders = {label: label for label in request.labels} | dict(request.classes)
    clips = []
    for folder, label in folders.items():
        if label not in request.labels:
            continue
        for path in sorted(path for path in (base / folder).glob("*") if path.suffix.lower() in SUFFIXES):
            row = groups.get(str(path.relative_to(base)))
            if groups and row is None:
                continue
            row = row or _Row(stem_group(path))
            own = ClipFile(
                str(path.relative_to(base)), label, row.group, row.fold, row.origin, spans=row.spans, rest_unknown=True
            )
            clips.append(own)
    if not clips:
        raise InvalidInputError(f"no video of the classes {', '.join(folders)} below {base}")
    return clips


def stem_group(path: Path) -> str:
    """Without a list, what stands before the first underscore names the source (a subject, a camera)."""
    return path.stem.split("_")[0]


class _Row(NamedTuple):
    group: str
    fold: int | None = None
    origin: str = ""
    spans: tuple[Span, ...] | None = None


def _read_groups(path: Path) -> dict[str, _Row]:
    """`path,group[,fold][,origin][,first,last]` by path. Raises InvalidInputError."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    if rows and not {"path", "group"} <= rows[0].keys():
        raise InvalidInputError(f"{path} needs the columns path and group (and may have fold)")
    return {row["path"]: _row(f"{path}, line {number}", row) for number, row in enumerate(rows, 2)}


def _row(where: str, row: Mapping[str, str | None]) -> _Row:
    named = [value for value in (row.get("first"), row.get("last")) if value]
    spans = read_spans(where, named) if named else None
    fold = row.get("fold")
    return _Row(row["group"] or "", int(fold) if fold else None, row.get("origin") or "", spans)
