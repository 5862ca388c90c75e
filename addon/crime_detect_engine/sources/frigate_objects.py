"""Owns what Frigate sees on its cameras: the objects it follows become scenes, so that nobody detects them twice.

Over MQTT Frigate speaks when an object appears, changes its zone, stops or starts, is seen better (at most every 5 s)
or a minute has gone; over HTTP its list of events holds the same, with the box of the best picture so far. So MQTT
leads where Frigate is heard on the engine's broker, and the list is asked now and then for what was missed; elsewhere
the list is asked every second. Everything belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import aiohttp

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.scene import PERSON, Scene

from .frigate import FrigateDiscovery
from .frigate_messages import (
    Refused,
    Sighting,
    read_json,
    sighting_of_event,
    sighting_of_row,
    sound_of_row,
    update_of,
)
from .frigate_sounds import FrigateSounds
from .frigate_thing import FrigateThing

_LOG = logging.getLogger(__name__)

POLL_S = 1.0
_RECONCILE_S = 30.0
_RETRY_S = 5.0
_FRESH_S = 10.0
"""A list older than that says nothing of now."""
_ASKED_S = 60.0
"""A camera that nobody asked about for so long is not asked for any more."""
_SILENT_S = 150.0
_SILENT_STATIONARY_S = 900.0
"""Frigate speaks of everything at least once a minute; of what is parked it may see no change for longer."""
_MOST_OBJECTS = 200
_MOST_ROWS = 500
_ENDED = 500
_NO_SOUNDS = {"all", "state", "set", "dBFS", "rms", "transcription"}


@dataclass(frozen=True, slots=True)
class FrigateView:
    """One camera, by the name that Frigate has for it."""

    objects: FrigateObjects
    name: str

    def scene(self, camera: str, at: datetime, tick_s: float, *, needed: bool = True) -> Scene | None:
        return self.objects.scene(self.name, camera, at, tick_s, needed=needed)

    def sounds(self) -> tuple[str, ...]:
        return self.objects.sounds(self.name)


class FrigateObjects:
    """`feed` takes what the broker brings, `run` asks over HTTP, `scene` says what is there now."""

    def __init__(self, discovery: FrigateDiscovery, clock: Clock, poll_s: float = POLL_S) -> None:
        self.discovery = discovery
        self._clock = clock
        self._poll_s = poll_s
        self.refused: Counter[str] = Counter()
        """Messages that made no sense, by what they were not."""
        self._things: dict[str, FrigateThing] = {}
        """By Frigate's id."""
        self._ended: dict[str, None] = {}
        self._sounds = FrigateSounds()
        self._asked: dict[str, float] = {}
        self._online = False
        self._listed_tick_s: float | None = None
        self._error: str | None = None
        self._numbers = 0
        self._changed = asyncio.Event()

    # --- what others ask ------------------------------------------------------------------------------------------

    @property
    def told_by(self) -> str | None:
        """`mqtt`, `http`, or None while Frigate says nothing."""
        if self._online:
            return "mqtt"
        listed = self._listed_tick_s
        return "http" if listed is not None and self._clock.tick_s() - listed <= _FRESH_S else None

    def scene(self, name: str, camera: str, at: datetime, tick_s: float, *, needed: bool = True) -> Scene | None:
        """What is in view of `camera`, which Frigate calls `name`; None while Frigate does not say.

        A camera about which somebody `needed` to know is why Frigate is asked; the others cost nothing.
        """
        if needed:
            if name not in self._asked:
                self._changed.set()
            self._asked[name] = tick_s
        known = self.discovery.offered.get(name)
        if known is None or not known.tracks or self.told_by is None:
            return None
        self._expire(self._clock.tick_s())
        width, height = known.size or (16, 9)
        here = [thing for thing in self._things.values() if thing.sighting.camera == name]
        return Scene(camera, at, tick_s, tuple(thing.shown(tick_s, width / height) for thing in here))

    def view(self, name: str) -> FrigateView:
        return FrigateView(self, name)

    def sounds(self, name: str) -> tuple[str, ...]:
        """Labels of what Frigate hears on its camera `name`, or heard in the last seconds."""
        return self._sounds.of(name, self._clock.tick_s())

    def notes(self) -> tuple[str, ...]:
        """What is not as it should be with what Frigate sees, for cameras that somebody asks about."""
        if not self._asked:
            return ()
        notes = []
        for name in sorted(self._asked):
            known = self.discovery.offered.get(name)
            if known is not None and not known.tracks:
                notes.append(
                    f"Frigate looks for nothing on {name}: its detection is off there (detector: on looks here instead)"
                )
            elif known is not None and PERSON not in known.tracks:
                notes.append(f"Frigate does not look for persons on {name}: add person to objects.track there")
        if self.told_by is None:
            notes.append(self._error or "Frigate has not said yet what it sees")
        elif self.told_by == "http":
            off = self.discovery.topic_prefix is None
            why = "its MQTT is off" if off else "it is not heard on this engine's broker"
            notes.append(f"What Frigate sees is asked over HTTP, where its boxes come late: {why}")
        return tuple(notes)

    # --- what the broker brings -----------------------------------------------------------------------------------

    def topics(self) -> tuple[str, ...]:
        """What to subscribe to; nothing while it is not known how Frigate calls itself there."""
        prefix = self.discovery.topic_prefix
        if prefix is None:
            return ()
        return tuple(f"{prefix}/{topic}" for topic in ("available", "events", "tracked_object_update", "+/audio/+"))

    def feed(self, topic: str, payload: bytes) -> None:
        """A message of the broker; those of others are ignored, those that make no sense counted."""
        prefix = self.discovery.topic_prefix
        if prefix is None or not topic.startswith(f"{prefix}/"):
            return
        try:
            match topic.removeprefix(f"{prefix}/").split("/"):
                case ["available"]:
                    self._set_online(payload == b"online")
                case ["events"]:
                    self._take_event(read_json(payload))
                case ["tracked_object_update"]:
                    self._take_update(read_json(payload))
                case [camera, "audio", label] if label not in _NO_SOUNDS:
                    self._take_sound(camera, label, payload)
        except Refused as reason:
            self.refused[str(reason)] += 1

    def broker_lost(self) -> None:
        """The broker is away: what Frigate says meanwhile is missed, so its list is asked again."""
        if self._online:
            self._online = False
            self._changed.set()

    def _set_online(self, online: bool) -> None:
        if online == self._online:
            return
        self._online = online
        if not online:  # what it followed it will not follow again under these ids
            self._things.clear()
            self._sounds.clear()
            self._listed_tick_s = None
        self._changed.set()
        _LOG.info("Frigate %s", "tells over MQTT what it sees" if online else "has gone offline on the broker")

    def _take_event(self, message: Any) -> None:
        if not isinstance(message, Mapping) or message.get("type") not in ("new", "update", "end"):
            raise Refused("not an event")
        after = message.get("after")
        camera = after.get("camera") if isinstance(after, Mapping) else None
        known = self.discovery.offered.get(camera) if isinstance(camera, str) else None
        if known is None:
            raise Refused("of no camera that is known")
        if known.size is None:
            raise Refused("of a picture of unknown size")
        sighting = sighting_of_event(after, known.size)
        if sighting is None:
            return
        if message["type"] == "end":
            self._end(sighting.id)
        else:
            self._see(sighting)

    def _take_update(self, message: Any) -> None:
        update = update_of(message)
        if update is not None and update.id in self._things:
            self._things[update.id].learn(update.identity, update.attributes)

    def _take_sound(self, camera: str, label: str, payload: bytes) -> None:
        if camera not in self.discovery.offered:
            raise Refused("of no camera that is known")
        if payload not in (b"ON", b"OFF") or len(label) > 100 or not label.isprintable():
            raise Refused("not a sound")
        self._sounds.hear(camera, label, payload == b"ON", self._clock.tick_s())

    # --- what Frigate answers over HTTP ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Asks for the list while somebody wants to know. Until cancelled."""
        async with self.discovery.session() as session:
            while True:
                now_s = self._clock.tick_s()
                self._asked = {name: tick_s for name, tick_s in self._asked.items() if now_s - tick_s <= _ASKED_S}
                self._changed.clear()
                wait_s = _RECONCILE_S
                if self._asked:
                    await self._ask(session)
                    often_s = _RECONCILE_S if self._online else self._poll_s
                    wait_s = often_s if self._error is None else max(self._poll_s, _RETRY_S)
                try:
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def _ask(self, session: aiohttp.ClientSession) -> None:
        told_by = self.told_by
        names = sorted(set(self._asked) & set(self.discovery.offered))
        query = {"cameras": ",".join(names), "in_progress": 1, "include_thumbnails": 0, "limit": _MOST_ROWS}
        error: str | None = None
        try:
            if names:
                self.take_list(read_json(await self.discovery.ask(session, f"/api/events?{urlencode(query)}")), names)
        except SourceError as problem:
            error = str(problem)
        except Refused:
            error = "Frigate's list of events is not one that is understood"
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            reason = "no answer in time" if isinstance(problem, TimeoutError) else "it cannot be reached"
            error = f"Frigate does not say what it sees: {reason}"
        if error != self._error and error is not None:
            _LOG.warning("%s", error)
        self._error = error
        if told_by is None and self.told_by == "http":
            _LOG.info("Frigate tells over HTTP what it sees")

    def take_list(self, rows: Any, names: list[str]) -> None:
        """The answer to `GET /api/events` for these cameras: what is not in it any more has ended. Raises Refused."""
        if not isinstance(rows, list):
            raise Refused("not a list")
        ids: set[str] = set()
        heard: dict[str, list[str]] = {}
        for row in rows[:_MOST_ROWS]:
            try:
                if sound := sound_of_row(row):
                    heard.setdefault(sound[0], []).append(sound[1])
                elif sighting := sighting_of_row(row):
                    ids.add(sighting.id)
                    self._see_listed(sighting)
            except Refused as reason:
                self.refused[str(reason)] += 1
        for thing in list(self._things.values()):
            if thing.listed and thing.sighting.camera in names and thing.sighting.id not in ids:
                self._end(thing.sighting.id)
        self._listed_tick_s = self._clock.tick_s()
        if not self._online:
            for camera in names:
                self._sounds.hear_only(camera, heard.get(camera, ()), self._listed_tick_s)

    # --- what is kept ---------------------------------------------------------------------------------------------

    def _see_listed(self, sighting: Sighting) -> None:
        if sighting.id in self._ended or sighting.camera not in self.discovery.offered:
            return
        thing = self._things.get(sighting.id)
        if thing is None or not self._online:
            thing = self._see(sighting)
        else:  # its box over MQTT is the newer one
            thing.heard(sighting, self._clock.tick_s())
        if thing is not None:
            thing.listed = True

    def _see(self, sighting: Sighting) -> FrigateThing | None:
        tick_s = self._clock.tick_s()
        thing = self._things.get(sighting.id)
        if thing is not None:
            thing.see(sighting, tick_s)
            return thing
        if len(self._things) >= _MOST_OBJECTS:
            self._expire(tick_s)
        if len(self._things) >= _MOST_OBJECTS:
            raise Refused("one of too many objects")
        self._numbers += 1
        self._things[sighting.id] = FrigateThing(self._numbers, sighting, tick_s)
        return self._things[sighting.id]

    def _end(self, event_id: str) -> None:
        self._things.pop(event_id, None)
        self._ended[event_id] = None
        while len(self._ended) > _ENDED:
            del self._ended[next(iter(self._ended))]

    def _expire(self, now_s: float) -> None:
        for event_id, thing in list(self._things.items()):
            patience_s = _SILENT_STATIONARY_S if thing.sighting.stationary else _SILENT_S
            if now_s - thing.heard_tick_s > patience_s:
                del self._things[event_id]
