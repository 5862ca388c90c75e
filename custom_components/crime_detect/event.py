"""Owns the event entity: one a camera, an event at each new incident and at each that becomes worse."""

from __future__ import annotations

from pathlib import Path
from typing import override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .entity import CameraDeviceEntity, async_add_what_exists
from .incident_event import IncidentEvent, IncidentEventKind
from .media_view import clip_url

PARALLEL_UPDATES = 0

INCIDENT = EventEntityDescription(key="incident", translation_key="incident")


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    async_add_what_exists(
        hass,
        entry,
        Platform.EVENT,
        async_add_entities,
        lambda coordinator, info: (IncidentEventEntity(coordinator, camera) for camera in info.cameras),
    )


class IncidentEventEntity(CameraDeviceEntity, EventEntity):
    """Fires at a new incident, and again when its class changes or its severity rises."""

    entity_description: EventEntityDescription

    def __init__(self, coordinator: CrimeDetectCoordinator, camera: str) -> None:
        super().__init__(coordinator, camera, INCIDENT)
        self._attr_event_types = self._types_of_engine()
        self._firing = False

    @property
    @override
    def available(self) -> bool:
        return self._firing or super().available

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_incident_listener(self._tell, self.camera))

    def _types_of_engine(self) -> list[str]:
        return list(self.coordinator.data.info.classes)

    @callback
    @override
    def _changed(self) -> None:
        types = self._types_of_engine()
        if not set(types) <= set(self._attr_event_types):
            self._attr_event_types = types
        super()._changed()

    @callback
    def _tell(self, event: IncidentEvent) -> None:
        if not event.late and event.kind in (IncidentEventKind.NEW, IncidentEventKind.RAISED):
            # After all others have heard of it: an automation finds the image entity as new as the event.
            self.hass.loop.call_soon(self._fire, event)

    @callback
    def _fire(self, event: IncidentEvent) -> None:
        label = event.incident.label
        if label not in self._attr_event_types:
            # People and other systems report what the engine does not find.
            self._attr_event_types = [*self._attr_event_types, label]
        if not self.available:
            # Whoever cuts the power cuts the engine off too: what it could still say must reach automations, and
            # those ignore what follows `unavailable`.
            self._firing = True
            self.async_write_ha_state()
        self._trigger_event(label, attributes_of(self.coordinator.config_entry, event))
        self.async_write_ha_state()
        if self._firing:
            self._firing = False
            self.async_write_ha_state()


def attributes_of(
    entry: CrimeDetectConfigEntry, event: IncidentEvent
) -> dict[str, str | float | bool | list[str] | None]:
    """What automations need: who it is, how bad, and the files to send."""
    incident = event.incident
    return {
        "incident_id": incident.incident_id,
        "confidence": incident.confidence,
        "severity": incident.severity.name.lower(),
        "started_at": incident.started_at.isoformat(),
        "notify": incident.notify,
        "suppressed_by": incident.suppressed_by,
        "source": incident.source,
        "zone": incident.zone,
        "rule": incident.rule,
        "why": list(incident.why),
        "snapshot": None if event.picture is None else _media_path(incident.camera, event.picture),
        # Its file is there when the incident is over; the address is the same from the beginning.
        "clip": None if entry.runtime_data.link.client is None else clip_url(entry.entry_id, incident.incident_id),
    }


def _media_path(camera: str, picture: Path) -> str:
    """As phones fetch it."""
    return f"/media/local/{DOMAIN}/{camera}/{picture.name}"
