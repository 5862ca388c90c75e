"""Owns the bus event that the logbook tells in words: what was seen, and what people said of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN
from .coordinator import CrimeDetectCoordinator, IncidentEvent, IncidentEventKind

EVENT_INCIDENT = f"{DOMAIN}_incident"


class Activity(StrEnum):
    NEW = "new"
    RAISED = "raised"
    ENDED = "ended"
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    ACKNOWLEDGED = "acknowledged"


@callback
def async_log_incidents(hass: HomeAssistant, coordinator: CrimeDetectCoordinator) -> CALLBACK_TYPE:
    """Until the returned function is called. What was replayed late is no activity of now."""

    @callback
    def tell(event: IncidentEvent) -> None:
        for activity in () if event.late else _activities(event):
            hass.bus.async_fire(EVENT_INCIDENT, {"type": activity.value, **_facts(hass, coordinator, event)})

    return coordinator.async_add_incident_listener(tell)


def _activities(event: IncidentEvent) -> list[Activity]:
    incident, before = event.incident, event.before
    told: list[Activity] = []
    # It also counts as raised when a cooldown or snooze ends meanwhile: news for phones, but nothing became worse.
    as_bad = before is not None and before.label == incident.label and before.severity >= incident.severity
    if event.kind in (IncidentEventKind.NEW, IncidentEventKind.ENDED) or (
        event.kind is IncidentEventKind.RAISED and not as_bad
    ):
        told.append(Activity(event.kind.value))
    if event.kind is IncidentEventKind.DELETED or before is None:
        return told
    if incident.verdict != before.verdict and incident.verdict is not None:
        told.append(Activity(incident.verdict))
    if incident.acknowledged and not before.acknowledged:
        told.append(Activity.ACKNOWLEDGED)
    return told


def _facts(hass: HomeAssistant, coordinator: CrimeDetectCoordinator, event: IncidentEvent) -> dict[str, Any]:
    incident = event.incident
    entities = er.async_get(hass)
    unique_id = f"{coordinator.data.info.uuid}_{incident.camera}_incident"
    entity_id = entities.async_get_entity_id(Platform.EVENT, DOMAIN, unique_id)
    entity = entities.async_get(entity_id) if entity_id else None
    return {
        ATTR_ENTITY_ID: entity_id,
        ATTR_DEVICE_ID: entity.device_id if entity else None,
        "camera": incident.camera,
        "camera_name": coordinator.data.info.cameras.get(incident.camera, incident.camera),
        "incident_id": incident.incident_id,
        "label": incident.label,
        "zone": incident.zone,
        "source": incident.source,
        "confidence": incident.confidence,
        "severity": incident.severity.name.lower(),
    }
