"""Owns what Home Assistant is told by its MQTT discovery: one device a camera, for people without our integration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import CameraView, EngineControl
from crime_detect_engine.domain.types import NORMAL

from .mqtt_connection import MqttConnection, MqttError

PREFIX = "homeassistant"
"""Where Home Assistant listens unless somebody changed it."""
LEFT_S = 600.0
LATE_S = 300
"""An incident that is told so late is news of the past: its event does not fire."""

# Fires at `new`, and again when the class changes, the severity rises or the silence ends; a repetition (QoS 1) does
# not. What renders to nothing is no event to Home Assistant.
_EVENT = (
    "{%- set a = value_json.after -%}{%- set b = value_json.before -%}"
    "{%- set rank = ['detection', 'alert', 'critical'] -%}"
    "{%- set begun = value_json.type == 'new'"
    f" and (utcnow() - as_datetime(a.started_at)).total_seconds() < {LATE_S} -%}}"
    "{%- set risen = value_json.type == 'update' and b and (a.label != b.label"
    " or rank.index(a.severity) > rank.index(b.severity) or (a.notify and not b.notify)) -%}"
    "{%- if (begun or risen) and a.source != 'manual' and this.attributes.get('seq') != value_json.seq -%}"
    "{{ {'event_type': a.label, 'incident_id': a.incident_id, 'confidence': a.confidence, 'severity': a.severity,"
    " 'notify': a.notify, 'suppressed_by': a.suppressed_by, 'started_at': a.started_at, 'seq': value_json.seq}"
    " | to_json }}{%- endif -%}"
)
_ONLINE = "{{ 'online' if value_json is defined and value_json.online else 'offline' }}"


def config_topic(instance: str, camera: str) -> str:
    return f"{PREFIX}/device/crime_detect_{instance}_{camera}/config"


def device_config(
    root: str, camera: CameraView, info: Mapping[str, Any], *, commands: bool, media: bool
) -> dict[str, Any]:
    """The payload for one camera. Switches need `commands`, the picture needs `media`; without they are taken away."""
    uuid, labels = info["uuid"], list(info["labels"])
    device: dict[str, Any] = {
        "identifiers": [f"crime_detect_{uuid}_{camera.id}"],
        "name": camera.name,
        "manufacturer": "crime_detect",
        "model": camera.state["model"],
    }
    if info.get("api_url"):
        device["configuration_url"] = info["api_url"]
    origin = {"name": "crime_detect"}
    if version := info.get("version"):
        origin["sw_version"] = device["sw_version"] = version
    components: dict[str, dict[str, Any]] = {
        **_incident(f"{root}/{camera.id}", [label for label in labels if label != NORMAL]),
        **_readings(labels),
        "last_incident": _picture(f"{root}/{camera.id}") if media else {"platform": "image"},
        "detection": _switch(f"{root}/{camera.id}", "detection", "mdi:eye") if commands else {"platform": "switch"},
        "privacy": _switch(f"{root}/{camera.id}", "privacy", "mdi:eye-off") if commands else {"platform": "switch"},
    }
    engine: dict[str, Any] = {"topic": f"{root}/available"}
    seeing = {"topic": f"{root}/{camera.id}/state", "value_template": _ONLINE}
    for key, component in components.items():
        if len(component) > 1:
            component["unique_id"] = f"{uuid}_{camera.id}_{key}"
            component["availability"] = [engine, seeing] if component.pop("while_seeing", False) else [engine]
    return {
        "device": device,
        "origin": origin,
        "state_topic": f"{root}/{camera.id}/state",
        "availability_mode": "all",
        "qos": 1,
        "components": components,
    }


def _incident(topic: str, labels: list[str]) -> dict[str, dict[str, Any]]:
    return {
        "incident": {
            "platform": "event",
            "name": "Incident",
            "icon": "mdi:shield-alert",
            "state_topic": f"{topic}/incident",
            "event_types": labels,
            "value_template": _EVENT,
        },
        "incident_active": {
            "platform": "binary_sensor",
            "name": "Incident active",
            "device_class": "safety",
            "value_template": "{{ 'ON' if value_json.active else 'OFF' }}",
            "while_seeing": True,
        },
    }


def _readings(labels: list[str]) -> dict[str, dict[str, Any]]:
    return {
        "online": {
            "platform": "binary_sensor",
            "name": "Online",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "value_template": "{{ 'ON' if value_json.online else 'OFF' }}",
        },
        "tampered": {
            "platform": "binary_sensor",
            "name": "Tampered",
            "device_class": "tamper",
            "entity_category": "diagnostic",
            "value_template": "{{ 'ON' if value_json.tampered else 'OFF' }}",
        },
        "threat_class": {
            "platform": "sensor",
            "name": "Threat class",
            "icon": "mdi:shield-search",
            "device_class": "enum",
            "options": labels,
            "value_template": "{{ value_json.label }}",
            "while_seeing": True,
        },
        "confidence": {
            "platform": "sensor",
            "name": "Confidence",
            "icon": "mdi:percent",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "value_template": "{{ (value_json.confidence * 100) | round | int }}",
            "while_seeing": True,
        },
    }


def _picture(topic: str) -> dict[str, Any]:
    return {
        "platform": "image",
        "name": "Last incident",
        "image_topic": f"{topic}/snapshot",
        "content_type": "image/jpeg",
    }


def _switch(topic: str, what: str, icon: str) -> dict[str, Any]:
    return {
        "platform": "switch",
        "name": what.capitalize(),
        "icon": icon,
        "entity_category": "config",
        "command_topic": f"{topic}/{what}/set",
        "value_template": f"{{{{ 'ON' if value_json.{what} else 'OFF' }}}}",
    }


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

    def remove(self, camera: str) -> None:
        """For good: Home Assistant is to forget the device."""
        self._removed.add(config_topic(self._instance, camera))

    def payloads(self, *, commands: bool) -> dict[str, bytes]:
        """By topic, all to be retained; empty for what is to go."""
        info = {**self._engine.info(), "uuid": self._engine.uuid}
        wanted = {
            config_topic(self._instance, view.id): _json(
                device_config(self._root, view, info, commands=commands, media=self._media)
            )
            for view in (self._engine.cameras() if self.on else ())
        }
        there = self._told | self._left
        gone = ((self._removed & there) | self._stale() if self.on else there) - wanted.keys()
        self._told = (self._told | wanted.keys()) - gone
        self._left -= gone | wanted.keys()
        self._removed.clear()
        return dict.fromkeys(sorted(gone), b"") | wanted

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
