"""Owns incidents on their way to the MQTT broker: picture first, then the event, acknowledged one by one."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence

from crime_detect_engine.domain.ports import EngineControl
from crime_detect_engine.domain.types import ChangeType, Incident, IncidentChanged
from crime_detect_engine.domain.wire import event_data

from .channel import Ambiguous, Blocked, Channel, Outcome, Outgoing, Permanent, Retry, Sent
from .mqtt_connection import MqttConnection, MqttError

_LOG = logging.getLogger(__name__)
_OVERHEAD_BYTES = 32
"""Header, identifier and properties of a PUBLISH."""


class MqttChannel(Channel):
    """Incidents by the outbox, in order a camera: sent when the broker has acknowledged them."""

    name = "mqtt"

    def __init__(self, root: str, engine: EngineControl, *, media: bool) -> None:
        self._root = root
        self._engine = engine
        self._media = media
        self.connection: MqttConnection | None = None
        """Set while the engine is announced on the broker."""
        self.newest_pictures = False
        """Whether each picture also goes to its camera's own topic, where Home Assistant's image entity reads it."""
        self.wake: Callable[[], None] = lambda: None

    @property
    def ready(self) -> bool:
        return self.connection is not None

    def bind(self, wake: Callable[[], None]) -> None:
        self.wake = wake

    async def send(self, outgoing: Outgoing) -> Outcome:
        connection, event = self.connection, outgoing.event
        incident = event.after or event.before
        if incident is None:
            return Permanent("an event without an incident")
        if connection is None:
            return Retry("not connected", after_s=0.0)
        if outgoing.test:
            return Sent("connected")
        try:
            if self._media and _brings_picture(event) and (jpeg := await outgoing.snapshot()):
                topics = [f"media/{incident.incident_id}.jpg"]
                topics += [f"{incident.camera}/snapshot"] if self.newest_pictures else []
                await self._publish_picture(connection, topics, jpeg)
            payload = json.dumps(
                event_data(event, self._engine.uuid, self._engine.epoch), ensure_ascii=False, separators=(",", ":")
            )
            await connection.publish(f"{self._root}/{incident.camera}/incident", payload.encode())
        except MqttError as problem:
            # A repetition is harmless: readers tell it by (uuid, epoch, seq).
            return Blocked(str(problem), 60.0) if problem.refused else Ambiguous(str(problem), after_s=0.0)
        return Sent(f"{self._engine.epoch}:{event.seq}")

    async def repeat_picture(self, incident: Incident) -> None:
        """The newest picture once more, to who asks for a replay. Raises MqttError."""
        picture = await self._engine.media(incident, "snapshot") if self._media else None
        if picture is not None and self.connection is not None:
            try:
                jpeg = await asyncio.to_thread(picture.read)
            except FileNotFoundError:
                return  # retention was faster
            await self._publish_picture(self.connection, [f"media/{incident.incident_id}.jpg"], jpeg)

    async def _publish_picture(self, connection: MqttConnection, topics: Sequence[str], jpeg: bytes) -> None:
        """An incident without its picture is better than a connection that ends at each attempt."""
        for topic in (f"{self._root}/{topic}" for topic in topics):
            if connection.most_bytes is not None and len(jpeg) + len(topic) + _OVERHEAD_BYTES > connection.most_bytes:
                _LOG.warning("mqtt: the broker takes no packet of %d bytes, a picture was left out", len(jpeg))
                return
            await connection.publish(topic, jpeg)


def _brings_picture(event: IncidentChanged) -> bool:
    if event.after is None or event.after.snapshot is None or event.type is ChangeType.DELETED:
        return False
    return event.before is None or event.after.snapshot_rev > event.before.snapshot_rev
