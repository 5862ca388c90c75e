"""Owns the way of a decision into the store: picture first, then the record, then everybody who listens."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import background
from .anonymity import Anonymity
from .domain.errors import CrimeDetectError, StoreError
from .domain.types import Alert, ChangeType, Grounds, Location, Picture
from .judge import Judge
from .line import Line
from .recorder import NOBODY, ClipMaterial
from .store.boxes import draw_boxes
from .store.incidents import IncidentContext
from .store.pictures import encode_jpeg
from .store.privacy import Blur
from .store.store import Store

_LOG = logging.getLogger(__name__)
BACKLOG = 10_000
HELD_BYTES = 256 * 10**6
"""Of pictures and clips that wait; beyond it alerts wait without, for what was decided is worth more than memory."""
RETRY_S = 1.0
SNAPSHOT_HEIGHT = 1080


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert on its way: `picture` is the moment to show, `material` what the clip is made of.

    Both are as the camera sent them; `blur` is whom the camera hid at that moment.
    """

    alert: Alert
    location: Location | None
    grounds: Grounds
    picture: Picture | None
    material: ClipMaterial | None
    blur: Blur = NOBODY
    masked: bool = False
    """Of such a camera no original is kept: what its masks hide is nobody's to see."""

    @property
    def bytes(self) -> int:
        """Memory that it holds: a decoded picture is YUV 4:2:0."""
        picture = self.picture.width * self.picture.height * 3 // 2 if self.picture else 0
        return picture + (self.material.bytes if self.material else 0)


class Writer:
    """One alert at a time, in order. While the store refuses (full, locked) alerts wait and are retried.

    `write` stores one entry; the store tells its listeners. An end waits for its clip beside the queue, so that no
    other camera's alert waits for an encoder; it is an incident's last alert, so nothing can overtake it.
    """

    def __init__(self, write: Callable[[Entry], Awaitable[object]], retry_s: float = RETRY_S) -> None:
        self._write = write
        self._retry_s = retry_s
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(BACKLOG)
        self._task: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._held_bytes = 0
        self._refusal: str | None = None
        self._death: str | None = None
        self.lost = 0
        self.bare = 0
        self.written = 0
        self.ended: Counter[tuple[str, str, bool]] = Counter()
        """Incidents that are over by camera, label and whether people were told, stored or not."""

    @property
    def fault(self) -> str | None:
        """Why alerts are not stored at present."""
        return self._death or self._refusal

    def start(self) -> None:
        self._task = background.start(self._run(), "the writer of alerts", self._died)

    def put(self, line: Line, judge: Judge, alert: Alert) -> None:
        """Takes the picture of the moment now, because the ring forgets it; encoding and storing come later."""
        score, grounds = alert.scores[-1] if alert.scores else None, judge.grounds(alert)
        picture = None
        if score is not None and alert.best:
            picture = grounds.picture or line.recorder.picture_at(score.tick_s - score.window_s / 2)
        material = None
        if alert.type is ChangeType.END:
            self.ended[alert.camera, alert.label, alert.notify] += 1
            material = line.recorder.finish(alert.incident_id, judge.score.tick_s if judge.score else 0.0)
        entry = Entry(
            alert, line.config.location, grounds, picture, material, line.recorder.blur(), bool(line.config.masks)
        )
        if self._held_bytes + entry.bytes > HELD_BYTES:
            self.bare += 1
            entry = replace(entry, picture=None, material=None)
        try:
            self._queue.put_nowait(entry)
            self._held_bytes += entry.bytes
        except asyncio.QueueFull:
            self.lost += 1
            _LOG.error("camera %s: an alert was lost, the store has refused %d before it", line.id, BACKLOG)

    async def stop(self, timeout_s: float) -> None:
        """Writes what waits, for at most `timeout_s`. What is left then is closed as an orphan at the next start."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._queue.join()
                await asyncio.gather(*self._endings, return_exceptions=True)
        except TimeoutError:
            _LOG.error("%d alerts were not stored before the stop", self._queue.qsize() + len(self._endings))
        await background.end(*(task for task in (self._task, *self._endings) if task is not None))

    def status(self) -> Mapping[str, Any]:
        waiting = self._queue.qsize() + len(self._endings)
        return {
            "waiting": waiting,
            "written": self.written,
            "lost": self.lost,
            "bare": self.bare,
            "fault": self.fault,
        }

    async def _run(self) -> None:
        while True:
            entry = await self._queue.get()
            if entry.material is None:
                await self._store(entry)
            else:
                ending = asyncio.create_task(self._store(entry))
                self._endings.add(ending)
                ending.add_done_callback(self._ended)
            self._queue.task_done()

    async def _store(self, entry: Entry) -> None:
        while True:
            try:
                await self._write(entry)
            except StoreError as error:
                if str(error) != self._refusal:
                    _LOG.error("an alert waits for the store: %s", error)
                self._refusal = str(error)
                await asyncio.sleep(self._retry_s)
                continue
            except CrimeDetectError as error:
                self.lost += 1
                _LOG.error("camera %s: an alert cannot be stored: %s", entry.alert.camera, error)
            else:
                self.written += 1
            break
        self._refusal = None
        self._held_bytes -= entry.bytes

    def _ended(self, ending: asyncio.Task[None]) -> None:
        self._endings.discard(ending)
        if not ending.cancelled() and (error := ending.exception()) is not None:
            self.lost += 1
            _LOG.error("the end of an incident was not stored", exc_info=error)

    def _died(self, fault: str) -> None:
        self._death = fault


async def store_entry(store: Store, anonymity: Anonymity, entry: Entry) -> None:
    """Stores one alert: its picture and clip are files before the record names them, and whoever is to be hidden is
    hidden before anything is encoded. Raises StoreError.
    """
    alert, snapshot, original, clip = entry.alert, None, None, None
    hidden: list[bool] = []
    keeps = store.originals.wanted and not entry.masked
    if entry.picture is not None:
        if keeps and entry.blur.on:
            original = await asyncio.to_thread(_untouched, entry.picture)
        snapshot = await asyncio.to_thread(_snapshot, entry.picture, entry, anonymity)
        hidden.append(entry.blur.on)
    if entry.material is not None:
        clip = await _clip(store, anonymity, alert.incident_id, entry.material)
        hidden += [entry.material.blur.on] if clip is not None else []
        if keeps and clip is not None and entry.material.blur.on:
            await store.clips.keep_original(alert.incident_id, entry.material.span, _pictures(entry.material))
    blurred = all(hidden) if hidden else None
    await store.write(alert, snapshot, IncidentContext(entry.location, entry.grounds, blurred), clip, original)


def _untouched(picture: Picture) -> bytes:
    return encode_jpeg(picture.rgb())


def _snapshot(picture: Picture, entry: Entry, anonymity: Anonymity) -> bytes:
    image = anonymity.hide(picture.rgb(SNAPSHOT_HEIGHT), entry.blur)
    return encode_jpeg(draw_boxes(image, entry.grounds.boxes if entry.grounds.draw else ()))


async def _clip(store: Store, anonymity: Anonymity, incident_id: str, material: ClipMaterial) -> str | None:
    if material.blur.on:
        return await store.clips.encode(incident_id, anonymity.clip(material))
    if material.span is not None:
        return await store.clips.remux(incident_id, material.span)
    return await store.clips.encode(incident_id, _pictures(material))


def _pictures(material: ClipMaterial) -> list[tuple[float, bytes]]:
    return [(frame.tick_s, frame.jpeg) for frame in material.frames]
