"""Owns where somebody looks who is there: the view of a camera and its zones, which come and go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple, override

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import EntityDescription

from .coordinator import CrimeDetectCoordinator
from .engine.models import ZoneState
from .entity import OnlineCameraEntity
from .notifications.texts import zone_name


class Place(NamedTuple):
    camera: str
    zone: str | None = None
    """None: all that the camera sees."""


def places(hass: HomeAssistant, coordinator: CrimeDetectCoordinator, platform: Platform, key: str) -> Iterator[Place]:
    """Where entities of `key` are to be. A camera where nobody looks now keeps those that it has had."""
    info, looked_at = coordinator.data.info, coordinator.data.zones
    registered = er.async_entries_for_config_entry(er.async_get(hass), coordinator.config_entry.entry_id)
    ids = [one.unique_id for one in registered if one.domain == platform]
    for camera in info.cameras:
        if camera in looked_at:
            yield Place(camera)
            yield from (Place(camera, zone) for zone in sorted(looked_at[camera]))
        else:
            ours = re.compile(rf"{re.escape(info.uuid)}_{camera}_(?:zone_(\w+)_)?{key}")
            yield from (Place(camera, found[1]) for one in ids if (found := ours.fullmatch(one)))


class PlaceEntity(OnlineCameraEntity):
    """Says who is there; available while somebody looks."""

    def __init__(self, coordinator: CrimeDetectCoordinator, place: Place, description: EntityDescription) -> None:
        self.zone = place.zone
        if self.zone is not None:
            description = replace(description, key=f"zone_{self.zone}_{description.key}")
            self._attr_translation_placeholders = {"zone": zone_name(self.zone)}
        super().__init__(coordinator, place.camera, description)

    @property
    @override
    def available(self) -> bool:
        return super().available and self._now is not None

    @property
    def _now(self) -> ZoneState | None:
        state = self.known_state
        if self.zone is not None:
            return state.zones.get(self.zone)
        return None if state.persons is None else ZoneState(state.persons, state.persons > 0)

    @property
    def here(self) -> ZoneState:
        """For properties that Home Assistant reads of available entities only."""
        now = self._now
        assert now is not None
        return now

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        zones = self.coordinator.data.zones.get(self.camera)
        if self.zone is not None and zones is not None and self.zone not in zones:
            # Nobody drew it any more: of what nobody provides, Home Assistant offers the removal.
            self.coordinator.config_entry.async_create_task(self.hass, self.async_remove())
        else:
            super()._handle_coordinator_update()
