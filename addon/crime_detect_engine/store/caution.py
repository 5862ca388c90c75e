"""Owns the doubts that keep clean-up from deleting: another folder, another database, a clock that jumped.

Each is said until a person has looked and confirmed, or until it is gone by itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, func, select

from .media import MediaFolder
from .memory import CLEANED, MARKED, NEWEST, recall, remember
from .retention import DAY_S
from .tables import events, incidents

MARK = ".crime_detect"
"""In the media folder and in the archive: whose they are."""
JUMP_S = 7 * DAY_S
"""Clean-up runs hourly: who finds the last one longer ago was off for long, or has a clock that jumped."""
BEHIND_S = 3600.0


def read_mark(root: Path) -> list[str] | None:
    """The words of the mark; None where there is none. Raises OSError."""
    try:
        return (root / MARK).read_text(errors="replace").split()
    except FileNotFoundError:
        return None


def write_mark(root: Path, *words: str) -> None:
    """Raises OSError."""
    temporary = root / f"{MARK}.tmp"
    with temporary.open("w") as file:
        file.write(" ".join(words) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(root / MARK)


def stranger(connection: Connection, folder: MediaFolder, uuid: str) -> str | None:
    """Why the media folder is another engine's or has lost its mark; a folder that never had one gets it.

    None also where the folder is missing: that is said elsewhere, and nothing is deleted there either.
    """
    try:
        folder.require()
        words = read_mark(folder.root)
        if words is None and recall(connection, MARKED) is None:
            write_mark(folder.root, uuid, recall(connection, "epoch") or "")
            words = [uuid]
    except OSError:
        return None
    if words is None:
        return f"the media folder {folder.root} has lost its mark: is it the right one, and is its disk connected?"
    if words[:1] != [uuid]:
        return f"the media folder {folder.root} belongs to another engine"
    if recall(connection, MARKED) is None:
        remember(connection, MARKED, "yes")
    return None


def is_other_database(connection: Connection, folder: MediaFolder) -> bool:
    """Whether the mark names another epoch: the database was restored, copied or made anew since."""
    with contextlib.suppress(OSError):
        words = read_mark(folder.root)
        return words is not None and len(words) > 1 and words[1] != recall(connection, "epoch")
    return False


def clock_doubts(connection: Connection, now: datetime) -> Sequence[str]:
    """Why the time may be wrong; nothing is deleted by a time that may be."""
    doubts = []
    cleaned, newest = _time(connection, CLEANED), newest_record(connection)
    if cleaned is not None and now - cleaned > timedelta(seconds=JUMP_S):
        days = (now - cleaned).total_seconds() / DAY_S
        doubts.append(f"the last clean-up was {days:.0f} days ago: was the engine off, or has the clock jumped?")
    known = _time(connection, NEWEST)
    if newest is not None and newest - now > timedelta(seconds=BEHIND_S) and (known is None or newest > known):
        doubts.append(f"the newest record is of {newest:%Y-%m-%d %H:%M} UTC, still to come: is the clock right?")
    return doubts


def newest_record(connection: Connection) -> datetime | None:
    times = (connection.execute(select(func.max(column))).scalar() for column in (incidents.c.started_at, events.c.at))
    return max((time for time in times if time is not None), default=None)


def confirm(connection: Connection, folder: MediaFolder, uuid: str, now: datetime) -> None:
    """Somebody has looked: this folder, this database and this time are right. Raises OSError."""
    folder.require()
    write_mark(folder.root, uuid, recall(connection, "epoch") or "")
    remember(connection, MARKED, "yes")
    trust_clock(connection, now)
    newest = newest_record(connection)
    if newest is not None:
        remember(connection, NEWEST, newest.isoformat())


def trust_clock(connection: Connection, now: datetime) -> None:
    remember(connection, CLEANED, now.isoformat())


def _time(connection: Connection, key: str) -> datetime | None:
    text = recall(connection, key)
    return None if text is None else datetime.fromisoformat(text)
