"""Owns the windows that a camera learns its normal from: a bounded sample of numbers, spread over the day."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.types import Vector

HOURS = 24
KEY_FILE = "key"
_FILES = "hour-*.npz"


@dataclass(frozen=True, slots=True, eq=False)
class _Hour:
    """Rows float16 [N, W], when each was seen (seconds since 1970), and how many ever came."""

    rows: NDArray[np.float16]
    at_s: NDArray[np.float64]
    seen: int


class Reservoir:
    """At most `capacity` rows in `folder`, one file an hour of the day (UTC); one hour at a time is in memory.

    `key` says what the rows were made with: rows of another key mean nothing here and are deleted. Rows older than
    `keep_s` go whenever their hour is written or read.

    Blocking; threads take turns, because a training reads while the camera goes on.
    """

    def __init__(self, folder: Path, key: str, capacity: int = 20_000, keep_s: float = 30 * 86400.0) -> None:
        self.folder = folder
        self.keep_s = keep_s
        self._lock = threading.RLock()
        self._share = max(1, capacity // HOURS)
        self._drawn = np.random.default_rng()
        self._open: int | None = None
        self._hour = _EMPTY
        self._dirty = False
        self._forget_other(key)
        self.counts: dict[int, int] = {}
        self.first_at_s: float | None = None
        self._survey()

    def __len__(self) -> int:
        return sum(list(self.counts.values()))  # a copy in one step: another thread may be adding an hour

    def add(self, rows: Iterable[tuple[datetime, Vector]]) -> None:
        """Raises OSError when an hour that is over cannot be written; then its last rows are lost."""
        with self._lock:
            for at, row in rows:
                self._turn_to(at.astimezone(UTC).hour)
                self._take(at.timestamp(), row)

    def flush(self, now: datetime) -> None:
        """Writes what is new and drops what is too old. Raises OSError."""
        with self._lock:
            if self._open is not None and self._dirty:
                self._hour = _younger(self._hour, now.timestamp() - self.keep_s)
                self._write(self._open, self._hour)
                self._dirty = False

    def rows(self, now: datetime) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """All rows float32 [N, W] and when they were seen [N], oldest first. Raises OSError."""
        with self._lock:
            self.flush(now)
            hours = [_younger(self._read(hour), now.timestamp() - self.keep_s) for hour in range(HOURS)]
        found = [hour for hour in hours if len(hour.at_s)]
        if not found:
            return np.zeros((0, 0), np.float32), np.zeros(0)
        at_s = np.concatenate([hour.at_s for hour in found])
        order = np.argsort(at_s, kind="stable")
        return np.concatenate([hour.rows for hour in found])[order].astype(np.float32), at_s[order]

    def forget(self, start: datetime, end: datetime, now: datetime) -> None:
        """Deletes what was seen from `start` to `end`. Raises OSError."""
        with self._lock:
            self.flush(now)
            for hour in range(HOURS):
                kept = self._read(hour)
                stays = (kept.at_s < start.timestamp()) | (kept.at_s > end.timestamp())
                if not stays.all():
                    self._write(hour, replace(kept, rows=kept.rows[stays], at_s=kept.at_s[stays]))
            self._open, self._hour = None, _EMPTY
            self._survey()

    def prune(self, now: datetime) -> None:
        """Deletes what is too old also in hours when nothing comes any more. Raises OSError."""
        self.forget(datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(now.timestamp() - self.keep_s, UTC), now)

    def _take(self, at_s: float, row: Vector) -> None:
        """A uniform sample of what an hour of the day showed, with a bias to what is new once four times as much came.

        Vitter's algorithm R (1985), whose probability of taking a row stays at a quarter.
        """
        hour = self._hour
        seen = hour.seen + 1
        new, at = row.astype(np.float16)[None], np.array([at_s])
        if len(hour.at_s) < self._share:
            fits = len(hour.at_s) == 0 or hour.rows.shape[1] == len(row)
            rows = np.concatenate([hour.rows, new]) if fits and len(hour.at_s) else new
            self._hour = _Hour(rows, np.concatenate([hour.at_s, at]) if fits else at, seen)
        else:
            place = int(self._drawn.integers(min(seen, 4 * self._share)))
            if place < self._share:
                hour.rows[place], hour.at_s[place] = new[0], at_s
            self._hour = replace(hour, seen=seen)
        self._dirty = True
        assert self._open is not None
        self.counts[self._open] = len(self._hour.at_s)
        self.first_at_s = at_s if self.first_at_s is None else min(self.first_at_s, at_s)

    def _turn_to(self, hour: int) -> None:
        if hour == self._open:
            return
        before, self._open = self._open, None
        if before is not None and self._dirty:
            self._dirty = False
            self._write(before, self._hour)
        self._open, self._hour = hour, self._read(hour)

    def _read(self, hour: int) -> _Hour:
        """An hour that is not there, or that nobody can read any more, is empty: it fills again."""
        try:
            with np.load(self._path(hour), allow_pickle=False) as kept:
                return _Hour(kept["rows"], kept["at_s"], int(kept["seen"]))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            return _EMPTY

    def _write(self, hour: int, kept: _Hour) -> None:
        partial = self._path(hour).with_suffix(".partial")
        try:
            with partial.open("wb") as stream:
                np.savez(stream, allow_pickle=False, rows=kept.rows, at_s=kept.at_s, seen=kept.seen)
            partial.replace(self._path(hour))
        finally:
            partial.unlink(missing_ok=True)

    def _path(self, hour: int) -> Path:
        return self.folder / f"hour-{hour:02}.npz"

    def _forget_other(self, key: str) -> None:
        with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
            if (self.folder / KEY_FILE).read_text(encoding="utf-8") == key:
                return
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True)
        (self.folder / KEY_FILE).write_text(key, encoding="utf-8")

    def _survey(self) -> None:
        hours: Mapping[int, _Hour] = {hour: self._read(hour) for hour in range(HOURS) if self._path(hour).exists()}
        self.counts = {hour: len(kept.at_s) for hour, kept in hours.items()}
        self.first_at_s = min((float(kept.at_s.min()) for kept in hours.values() if len(kept.at_s)), default=None)


_EMPTY = _Hour(np.zeros((0, 0), np.float16), np.zeros(0), 0)


def _younger(kept: _Hour, than_s: float) -> _Hour:
    stays = kept.at_s >= than_s
    return kept if stays.all() else replace(kept, rows=kept.rows[stays], at_s=kept.at_s[stays])
