"""Owns the rights of people in pictures over all that keeps something of them: the store, and what cameras learned."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping

from .anomaly_learning import FOLDER
from .domain.clock import Clock
from .domain.ports import Actor
from .domain.subjects import Erasure, SubjectExport, SubjectFinding, SubjectQuery
from .line import Line
from .reporting import keeps_texts
from .store.reservoir import KEY_FILE, Reservoir
from .store.store import Store


class SubjectDesk:
    """See domain.subjects.SubjectRights. `lines` are the cameras that are watched."""

    def __init__(self, store: Store, clock: Clock, lines: Mapping[str, Line]) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines

    async def find(self, query: SubjectQuery, actor: Actor) -> SubjectFinding:
        return await self._store.subjects.find(query, actor)

    async def export(self, query: SubjectQuery, actor: Actor) -> SubjectExport:
        return await self._store.subjects.export(query, actor, keeps_texts(self._store.retention.options))

    async def erase(self, query: SubjectQuery, confirm: str, reason: str, actor: Actor) -> Erasure:
        erased = await self._store.subjects.erase(query, confirm, reason, actor)
        learning = self._forget_in_lines(query)
        await asyncio.to_thread(self._forget_on_disk, query, learning)
        return erased

    def _forget_in_lines(self, query: SubjectQuery) -> frozenset[str]:
        """Cameras that learn now forget by themselves, at their next look; which they are."""
        learning = {camera: line.anomaly for camera, line in self._lines.items() if line.anomaly is not None}
        for camera, watch in learning.items():
            if query.cameras is None or camera in query.cameras:
                watch.confirm(query.start, query.end)
        return frozenset(learning)

    def _forget_on_disk(self, query: SubjectQuery, learning: Iterable[str]) -> None:
        """What cameras have left that do not learn at present; one that cannot be read is deleted by who reads next."""
        for folder in (self._store.subjects.data_dir / FOLDER).glob("*"):
            named = query.cameras is None or folder.name in query.cameras
            if named and folder.name not in learning:
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    kept = Reservoir(folder, (folder / KEY_FILE).read_text(encoding="utf-8"))
                    kept.forget(query.start, query.end, self._clock.now())
