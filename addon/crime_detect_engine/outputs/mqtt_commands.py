"""Owns what others may ask over MQTT: each `…/set` topic becomes one call of the engine, one after another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from crime_detect_engine.domain.errors import CrimeDetectError, NotFoundError
from crime_detect_engine.domain.ports import Actor, EngineControl
from crime_detect_engine.domain.types import Event, Incident, IncidentChanged, Verdict
from crime_detect_engine.domain.wire import event_message, message, why_reset

_LOG = logging.getLogger(__name__)
_WAITING = 64
_PAYLOAD_BYTES = 1024
_PAGE = 200
_SNOOZE_MINUTES = 7 * 24 * 60

Publish = Callable[[str, bytes], Awaitable[None]]
_ACTOR = Actor("mqtt", "operator")


class MqttCommands:
    """Bounded and in order. A command that makes no sense is one line in the log, whatever its bytes are."""

    def __init__(
        self, engine: EngineControl, root: str, repeat_picture: Callable[[Incident], Awaitable[None]] | None = None
    ) -> None:
        """`repeat_picture` publishes an incident's picture once more, for who missed it."""
        self._engine = engine
        self._root = root
        self._repeat_picture = repeat_picture
        self._queue: asyncio.Queue[tuple[list[str], bytes]] = asyncio.Queue(_WAITING)
        self.dropped = 0

    @property
    def filters(self) -> list[str]:
        """What to subscribe to."""
        topics = ("+/+/set", "incident/+/+/set", "replay/set", "ha_discovery/set")
        return [f"{self._root}/{topic}" for topic in topics]

    def offer(self, topic: str, payload: bytes, retain: bool) -> None:
        """Takes a command if it is one. A retained one is refused: it would be obeyed again at every connection."""
        if not topic.startswith(f"{self._root}/") or not topic.endswith("/set"):
            return
        if retain or len(payload) > _PAYLOAD_BYTES:
            _LOG.warning("mqtt command on %r ignored: %s", topic, "it is retained" if retain else "it is too long")
            return
        try:
            self._queue.put_nowait((topic.removeprefix(f"{self._root}/").split("/")[:-1], payload))
        except asyncio.QueueFull:
            self.dropped += 1
            if self.dropped == 1 or self.dropped % 100 == 0:
                _LOG.warning("mqtt commands come faster than they can be obeyed: %d dropped", self.dropped)

    async def run(self, publish: Publish) -> None:
        """Obeys until cancelled. `publish(topic, payload)` is the way back for answers."""
        while True:
            words, payload = await self._queue.get()
            try:
                await self._obey(words, payload.decode().strip(), publish)
            except (CrimeDetectError, ValueError) as error:
                reason = "not text" if isinstance(error, UnicodeError) else error
                _LOG.warning("mqtt command on %r ignored: %s", "/".join([*words, "set"]), reason)

    async def _obey(self, words: list[str], text: str, publish: Publish) -> None:
        match words:
            case ["replay"]:
                await self._replay(text, publish)
            case ["ha_discovery"]:
                if text != "OFF":
                    raise ValueError("expected OFF; it is switched on in the configuration file")
                await self._engine.end_mqtt_discovery(_ACTOR)
            case ["incident", incident_id, what]:
                await self._change_incident(incident_id, what, text)
            case [camera, what]:
                await self._change_camera(camera, what, text)
            case _:
                raise ValueError("no such command")

    async def _change_incident(self, incident_id: str, what: str, text: str) -> None:
        await self._engine.incident(incident_id)
        match what:
            case "verdict":
                await self._engine.set_verdict(incident_id, _verdict(text), _ACTOR)
            case "acknowledge":
                await self._engine.acknowledge(incident_id, _switch(text), _ACTOR)
            case "hold":
                await self._engine.hold(incident_id, _switch(text), _ACTOR)
            case _:
                raise ValueError("expected verdict, acknowledge or hold")

    async def _change_camera(self, camera: str, what: str, text: str) -> None:
        self._engine.camera(camera)
        match what:
            case "detection":
                await self._engine.set_detection(camera, _switch(text), _ACTOR)
            case "privacy":
                await self._engine.set_privacy(camera, _switch(text), _ACTOR)
            case "snooze":
                await self._engine.snooze(camera, _number(text, _SNOOZE_MINUTES, "minutes"), None, _ACTOR)
            case "threshold":
                await self._engine.set_threshold(camera, _number(text, 1.0, "a threshold"), _ACTOR)
            case _:
                raise ValueError("expected detection, privacy, snooze or threshold")

    async def _replay(self, text: str, publish: Publish) -> None:
        """Every event after `since` in order, as WebSocket messages; `reset` where they are not all there."""
        try:
            wanted = json.loads(text)
        except (ValueError, RecursionError):
            wanted = None
        since, epoch = (wanted.get("since"), wanted.get("epoch")) if isinstance(wanted, dict) else (None, None)
        if not isinstance(since, int) or isinstance(since, bool) or not isinstance(epoch, str):
            raise ValueError('expected {"since": 12, "epoch": "…"}')
        engine, topic = self._engine, f"{self._root}/replay"
        oldest, newest = await engine.sequence_range()
        if reason := why_reset(since, epoch == engine.epoch, oldest, newest):
            data = {"reason": reason, "oldest_seq": oldest}
            await publish(topic, _json(message("reset", newest, data, engine.uuid, engine.epoch)))
            return
        pictured: set[str] = set()
        while since < newest:
            page = await engine.events_since(since, _PAGE)
            if not page:
                return
            await self._repeat_pictures(page, pictured)
            answers = [_json(event_message(event, engine.uuid, engine.epoch)) for event in page]
            await asyncio.gather(*(publish(topic, answer) for answer in answers))
            since = page[-1].seq

    async def _repeat_pictures(self, page: Sequence[Event], pictured: set[str]) -> None:
        """Each incident's newest picture, once, before the first word about it."""
        if self._repeat_picture is None:
            return
        for event in page:
            incident = event.after if isinstance(event, IncidentChanged) else None
            if incident is None or incident.snapshot is None or incident.incident_id in pictured:
                continue
            pictured.add(incident.incident_id)
            with contextlib.suppress(NotFoundError):  # deleted meanwhile, which is told too
                await self._repeat_picture(await self._engine.incident(incident.incident_id))


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _switch(text: str) -> bool:
    if text not in {"ON", "OFF"}:
        raise ValueError("expected ON or OFF")
    return text == "ON"


def _verdict(text: str) -> Verdict:
    try:
        return Verdict(text)
    except ValueError:
        raise ValueError("expected confirmed or false_alarm") from None


def _number(text: str, most: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= most:
        raise ValueError(f"expected {what} from 0 to {most:g}")
    return number
