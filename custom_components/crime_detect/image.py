"""Owns the image entity: the picture of each camera's last incident, and of no other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .entity import CameraDeviceEntity, async_add_what_exists
from .incident_event import IncidentEvent

PARALLEL_UPDATES = 0

LAST_INCIDENT = ImageEntityDescription(key="last_incident", translation_key="last_incident")


async def async_setup_entry(
    hass: HomeAssistant, entry: CrimeDetectConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    async_add_what_exists(
        hass,
        entry,
        Platform.IMAGE,
        async_add_entities,
        lambda coordinator, info: (LastIncidentImage(hass, coordinator, camera) for camera in info.cameras),
    )


class LastIncidentImage(CameraDeviceEntity, ImageEntity):
    """Read from the file that phones show too. No picture rather than the one of an earlier incident."""

    entity_description: ImageEntityDescription

    def __init__(self, hass: HomeAssistant, coordinator: CrimeDetectCoordinator, camera: str) -> None:
        CameraDeviceEntity.__init__(self, coordinator, camera, LAST_INCIDENT)
        ImageEntity.__init__(self, hass)
        self._of: tuple[str, int] | None = None
        """Incident and revision that the state tells of."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.async_add_incident_listener(self._tell, self.camera))
        if (picture := self._picture()) and (incident := self.coordinator.last_incident(self.camera)):
            self._of = incident.incident_id, incident.snapshot_rev
            self._attr_image_last_updated = await self.hass.async_add_executor_job(_written_at, picture)

    def _picture(self) -> Path | None:
        incident = self.coordinator.last_incident(self.camera)
        return None if incident is None else self.coordinator.pictures.path(incident)

    @callback
    def _tell(self, event: IncidentEvent) -> None:
        last = self.coordinator.last_incident(self.camera)
        if last is None or (last.incident_id == event.incident.incident_id and event.picture is None):
            self._of = None
            self._attr_image_last_updated = None
        elif (now := (last.incident_id, last.snapshot_rev)) != self._of:
            self._of = now
            self._attr_image_last_updated = dt_util.utcnow()
        else:
            return
        self.async_write_ha_state()

    @override
    def image(self) -> bytes | None:
        picture = self._picture()
        if picture is None:
            return None
        try:
            return picture.read_bytes()
        except OSError:
            return None


def _written_at(picture: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(picture.stat().st_mtime, UTC)
    except OSError:
        return None
