"""Owns the entities of one camera as Home Assistant's MQTT discovery wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crime_detect_engine.domain.ports import CameraView
from crime_detect_engine.domain.types import NORMAL

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
    " 'notify': a.notify, 'suppressed_by': a.suppressed_by, 'started_at': a.started_at, 'source': a.source,"
    " 'zone': a.zone, 'rule': a.rule, 'seq': value_json.seq}"
    " | to_json }}{%- endif -%}"
)
_PERSONS = "value_json.get('persons')"
_ONLINE = "{{ 'online' if value_json is defined and value_json.online else 'offline' }}"


def device_config(
    root: str,
    camera: CameraView,
    info: Mapping[str, Any],
    *,
    commands: bool,
    media: bool,
    gone: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The payload for one camera. Switches need `commands`, the picture needs `media`; without they are taken away,
    and so is `gone`: platforms by key of what was told before."""
    uuid, labels = info["uuid"], list(info["labels"])
    events = dict.fromkeys(label for label in (*labels, *info.get("rules", ())) if label != NORMAL)
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
        **{key: {"platform": platform} for key, platform in (gone or {}).items()},
        **_incident(f"{root}/{camera.id}", list(events)),
        **_readings(f"{root}/{camera.id}/state", labels),
        **_people(f"{root}/{camera.id}/state", camera.settings),
        "last_incident": _picture(f"{root}/{camera.id}") if media else {"platform": "image"},
        "detection": _switch(f"{root}/{camera.id}", "detection", "mdi:eye") if commands else {"platform": "switch"},
        "privacy": _switch(f"{root}/{camera.id}", "privacy", "mdi:eye-off") if commands else {"platform": "switch"},
    }
    engine: dict[str, Any] = {"topic": f"{root}/available"}
    seeing = {"topic": f"{root}/{camera.id}/state", "value_template": _ONLINE}
    for key, component in components.items():
        if len(component) > 1:
            component["unique_id"] = f"{uuid}_{camera.id}_{key}"
            needed = [seeing] if component.pop("while_seeing", False) else []
            component["availability"] = [engine, *needed, *component.pop("while_looking", ())]
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


def _readings(topic: str, labels: list[str]) -> dict[str, dict[str, Any]]:
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
            "json_attributes_topic": topic,
            "json_attributes_template": "{{ {'kind': value_json.get('tamper')} | to_json }}",
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


def _people(topic: str, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Who is in view and in which zone: of cameras where somebody looks, also while nobody can."""
    zones = zones_of(settings)
    if zones is None:
        return {}
    found = {
        "occupancy": _occupancy("Occupancy", topic, _PERSONS, f"({_PERSONS} or 0) > 0"),
        "persons": {
            "platform": "sensor",
            "name": "Persons",
            "icon": "mdi:account-group",
            "unit_of_measurement": "persons",
            "state_class": "measurement",
            "value_template": f"{{{{ {_PERSONS} }}}}",
            "while_looking": [_where(topic, _PERSONS)],
        },
    }
    for zone in zones:
        name, there = zone.replace("_", " ").capitalize(), f"value_json.get('zones', {{}}).get('{zone}')"
        found[f"zone_{zone}_occupancy"] = _occupancy(
            f"{name} occupancy", topic, there, f"({there} or {{}}).get('occupied')"
        )
    return found


def zones_of(settings: Mapping[str, Any]) -> list[str] | None:
    """The zones of a camera; None where nobody looks who is there."""
    zones, detector = settings.get("zones") or {}, settings.get("detector")
    looks = detector == "on" or (detector == "auto" and bool(zones or settings.get("lines")))
    return list(zones) if looks else None


def _occupancy(name: str, topic: str, known: str, occupied: str) -> dict[str, Any]:
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": "occupancy",
        "value_template": f"{{{{ 'ON' if {occupied} else 'OFF' }}}}",
        "while_looking": [_where(topic, known)],
    }


def _where(topic: str, known: str) -> dict[str, str]:
    """An availability: `known` is not null."""
    template = f"{{{{ 'online' if value_json is defined and {known} is not none else 'offline' }}}}"
    return {"topic": topic, "value_template": template}


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
