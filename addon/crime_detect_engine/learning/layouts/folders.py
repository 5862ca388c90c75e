"""Owns the plain layout: `DIR/<class>/*.mp4`, with a list of groups and folds where there is one."""

from __future__ import annotations

import csv
from pathlib import Path

from crime_detect_engine.domain.errors import InvalidInputError

from .listing import SUFFIXES, ClipFile, Request


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
            group, fold, origin = row or (stem_group(path), None, "")
            clips.append(ClipFile(str(path.relative_to(base)), label, group, fold, origin))
    if not clips:
        raise InvalidInputError(f"no video of the classes {', '.join(folders)} below {base}")
    return clips


def stem_group(path: Path) -> str:
    """Without a list, what stands before the first underscore names the source (a subject, a camera)."""
    return path.stem.split("_")[0]


def _read_groups(path: Path) -> dict[str, tuple[str, int | None, str]]:
    """`path,group[,fold][,origin]` by path. Raises InvalidInputError."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    if rows and not {"path", "group"} <= rows[0].keys():
        raise InvalidInputError(f"{path} needs the columns path and group (and may have fold)")
    return {
        row["path"]: (row["group"], int(row["fold"]) if row.get("fold") else None, row.get("origin") or "")
        for row in rows
    }
