"""Owns what Home Assistant is told by its MQTT discovery: one device a camera, for people without our integration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import EngineControl

from .mqtt_connection import MqttConnection, MqttError
from .mqtt_entities import device_config, zones_of

PREFIX = "homeassistant"
"""Where Home Assistant listens unless somebody changed it."""
LEFT_S = 600.0


def config_topic(instance: str, camera: str) -> str:
    return f"{PREFIX}/device/crime_detect_{instance}_{camera}/config"


class MqttDiscovery:
    """Which discovery topics hold what; also those that an earlier run of this instance left on the broker."""

    def __init__(self, root: str, instance: str, engine: EngineControl, clock: Clock, *, media: bool, on: bool) -> None:
        self.on = on
        self._root = root
        self._instance = instance
        self._engine = engine
        self._clock = clock
        self._media = media
        self._told: set[str] = set()
        self._components: dict[str, dict[str, str]] = {}
        """Platforms by key of everything that was told by topic: what is only left out would stay."""
        self._zones: dict[str, set[str]] = {}
        self._left: set[str] = set()
        self._removed: set[str] = set()
        self._looking = False
        self._looked_tick_s: float | None = None

    async def look(self, connection: MqttConnection) -> None:
        """Once a run: what is there of us already. Raises MqttError; a broker that refuses is only not looked at."""
        if self._looked_tick_s is not None:
            return
        self._looking = True
        topics = f"{PREFIX}/device/+/config"
        try:
            # As in mqtt_presence: after the second answer all that the first one brought is here.
            await connection.subscribe([topics], qos=0)
            await connection.subscribe([f"{self._root}/available"], qos=0)
            await connection.unsubscribe([topics])
        except MqttError as problem:
            if not problem.refused:
                raise
        finally:
            self._looking = False
        self._looked_tick_s = self._clock.tick_s()

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        ours = self._looking and retain and topic.startswith(f"{PREFIX}/device/crime_detect_")
        if ours and _speaks_of(payload, f"{self._root}/available"):
            self._left.add(topic)
            self._remember(topic, json.loads(payload))

    def remove(self, camera: str) -> None:
        """For good: Home Assistant is to forget the device."""
        self._removed.add(config_topic(self._instance, camera))

    def payloads(self, *, commands: bool) -> dict[str, bytes]:
        """By topic, all to be retained; empty for what is to go."""
        info = {**self._engine.info(), "uuid": self._engine.uuid}
        wanted = {}
        for view in self._engine.cameras() if self.on else ():
            topic = config_topic(self._instance, view.id)
            self._zones[view.id] = set(zones_of(view.settings) or ())
            before = self._components.get(topic, {})
            config = device_config(self._root, view, info, commands=commands, media=self._media, gone=before)
            self._remember(topic, config)
            wanted[topic] = _json(config)
        there = self._told | self._left
        gone = ((self._removed & there) | self._stale() if self.on else there) - wanted.keys()
        self._told = (self._told | wanted.keys()) - gone
        self._left -= gone | wanted.keys()
        self._removed.clear()
        return dict.fromkeys(sorted(gone), b"") | wanted

    def is_outdated(self, camera: str, state: Mapping[str, Any]) -> bool:
        """Whether a camera's state speaks of other zones than were told."""
        return self.on and state.get("persons") is not None and set(state["zones"]) != self._zones.get(camera)

    def _remember(self, topic: str, config: Mapping[str, Any]) -> None:
        platforms = {key: str(one.get("platform")) for key, one in config["components"].items()}
        self._components.setdefault(topic, {}).update(platforms)

    def _stale(self) -> set[str]:
        """Cameras that were removed while we did not run; those of Frigate are found only some time after a start."""
        looked = self._looked_tick_s
        return set(self._left) if looked is not None and self._clock.tick_s() - looked > LEFT_S else set()


def _speaks_of(payload: bytes, availability: str) -> bool:
    """Whether a device belongs to the engine whose availability this is: ids alone can be those of another instance."""
    try:
        device = json.loads(payload)
        components = device["components"].values()
        return any(one["topic"] == availability for part in components for one in part.get("availability", ()))
    except (ValueError, LookupError, TypeError, AttributeError):
        return False


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
