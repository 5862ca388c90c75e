"""Owns incidents in the media browser: engine, camera, day, and what was seen then.

Identifiers: ENTRY, ENTRY/CAMERA, ENTRY/CAMERA/before-DAY (older days), ENTRY/CAMERA/DAY, ENTRY/CAMERA/DAY/INCIDENT.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import override

from homeassistant.components.media_player import BrowseError, MediaClass
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .coordinator import CrimeDetectCoordinator
from .engine.errors import EngineError, NotFoundError
from .engine.models import Incident
from .media_catalog import async_days, async_incidents
from .media_view import clip_url, picture_url
from .notifications.texts import Texts, async_load_texts

JPEG = "image/jpeg"
MP4 = "video/mp4"
_BEFORE = "before-"


async def async_get_media_source(hass: HomeAssistant) -> MediaSource:
    return IncidentMediaSource(hass)


class _UnknownPlaceError(Exception):
    """No such place: an old bookmark, or an engine that is not loaded."""


@dataclass(frozen=True, slots=True)
class _Place:
    """What an identifier says."""

    coordinator: CrimeDetectCoordinator
    camera: str | None = None
    day: date | None = None
    before: date | None = None
    incident_id: str | None = None


class IncidentMediaSource(MediaSource):
    """Clips are played, and pictures where there is no clip."""

    name = "Crime Detect"

    def __init__(self, hass: HomeAssistant) -> None:
        super().__init__(DOMAIN)
        self.hass = hass

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        try:
            place = self._place(item.identifier)
            if place.incident_id is None:
                raise _UnknownPlaceError
            incident = await self._incident(place.coordinator, place.incident_id)
        except (_UnknownPlaceError, NotFoundError) as error:
            raise Unresolvable(translation_domain=DOMAIN, translation_key="media_unknown") from error
        except EngineError as error:
            raise _translated(Unresolvable, error) from error
        entry_id, client = place.coordinator.config_entry.entry_id, place.coordinator.link.client
        if incident.has_clip and client is not None:
            return PlayMedia(clip_url(entry_id, incident.incident_id), MP4)
        if incident.snapshot_rev:
            path = place.coordinator.pictures.path(incident)
            return PlayMedia(picture_url(entry_id, incident), JPEG, path=path)
        raise Unresolvable(translation_domain=DOMAIN, translation_key="media_not_yet")

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        texts = await async_load_texts(self.hass)
        if not item.identifier:
            return self._engines()
        try:
            place = self._place(item.identifier)
            if place.incident_id is not None:
                incident = await self._incident(place.coordinator, place.incident_id)
                return self._incident_item(place.coordinator, incident, texts)
            if place.camera is None:
                return self._cameras(place.coordinator)
            if place.day is not None:
                return await self._incidents(place.coordinator, place.camera, place.day, texts)
            return await self._days(place.coordinator, place.camera, place.before, texts)
        except (_UnknownPlaceError, NotFoundError) as error:
            raise BrowseError(translation_domain=DOMAIN, translation_key="media_unknown") from error
        except EngineError as error:
            raise _translated(BrowseError, error) from error

    def _place(self, identifier: str) -> _Place:
        entry_id, *rest = identifier.split("/")
        entry = self.hass.config_entries.async_get_entry(entry_id)
        loaded = self.hass.config_entries.async_loaded_entries(DOMAIN)
        if entry is None or entry not in loaded or len(rest) > 3 or not all(rest):
            raise _UnknownPlaceError
        coordinator: CrimeDetectCoordinator = entry.runtime_data
        camera = rest[0] if rest else None
        if len(rest) < 2:
            return _Place(coordinator, camera)
        try:
            day = date.fromisoformat(rest[1].removeprefix(_BEFORE))
        except ValueError as error:
            raise _UnknownPlaceError from error
        if rest[1].startswith(_BEFORE):
            return _Place(coordinator, camera, before=day)
        incident_id = rest[2] if len(rest) > 2 else None
        if incident_id is not None and not incident_id.isalnum():
            raise _UnknownPlaceError
        return _Place(coordinator, camera, day, incident_id=incident_id)

    async def _incident(self, coordinator: CrimeDetectCoordinator, incident_id: str) -> Incident:
        if known := coordinator.event_for(incident_id):
            return known
        if client := coordinator.link.client:
            return await client.incident(incident_id)
        raise _UnknownPlaceError

    # --- what the levels look like --------------------------------------------------------------------------------

    def _engines(self) -> BrowseMediaSource:
        engines = [
            self._folder(entry.entry_id, entry.title) for entry in self.hass.config_entries.async_loaded_entries(DOMAIN)
        ]
        return self._folder(None, self.name or DOMAIN, engines, MediaClass.APP)

    def _cameras(self, coordinator: CrimeDetectCoordinator) -> BrowseMediaSource:
        entry_id = coordinator.config_entry.entry_id
        cameras = []
        for camera, name in sorted(coordinator.data.info.cameras.items(), key=lambda one: one[1].casefold()):
            folder = self._folder(f"{entry_id}/{camera}", name, media_class=MediaClass.CHANNEL)
            last = coordinator.last_incident(camera)
            folder.thumbnail = picture_url(entry_id, last) if last and last.snapshot_rev else None
            cameras.append(folder)
        return self._folder(entry_id, coordinator.config_entry.title, cameras)

    async def _days(
        self, coordinator: CrimeDetectCoordinator, camera: str, before: date | None, texts: Texts
    ) -> BrowseMediaSource:
        here = f"{coordinator.config_entry.entry_id}/{camera}"
        found = await async_days(coordinator, camera, before)
        children = [self._folder(f"{here}/{day.isoformat()}", day.isoformat()) for day in found.days]
        if found.more:
            oldest = found.days[-1].isoformat()
            children.append(self._folder(f"{here}/{_BEFORE}{oldest}", texts.say("media_older", day=oldest)))
        identifier = here if before is None else f"{here}/{_BEFORE}{before.isoformat()}"
        return self._folder(identifier, _name(coordinator, camera), children)

    async def _incidents(
        self, coordinator: CrimeDetectCoordinator, camera: str, day: date, texts: Texts
    ) -> BrowseMediaSource:
        found = await async_incidents(coordinator, camera, day)
        items = [self._incident_item(coordinator, incident, texts) for incident in found.incidents]
        title = f"{_name(coordinator, camera)} · {day.isoformat()}"
        identifier = f"{coordinator.config_entry.entry_id}/{camera}/{day.isoformat()}"
        folder = self._folder(identifier, title, items)
        folder.children_media_class = MediaClass.VIDEO
        folder.not_shown = int(found.more)
        return folder

    def _incident_item(
        self, coordinator: CrimeDetectCoordinator, incident: Incident, texts: Texts
    ) -> BrowseMediaSource:
        entry_id = coordinator.config_entry.entry_id
        at = dt_util.as_local(incident.started_at)
        plays = incident.has_clip and coordinator.link.client is not None
        parts = [f"{at:%H:%M:%S}", texts.name_of(incident.label, incident.zone), f"{incident.confidence:.0%}"]
        if incident.verdict:
            parts.append(texts.say(f"verdict_{incident.verdict}"))
        return BrowseMediaSource(
            domain=DOMAIN,
            identifier=f"{entry_id}/{incident.camera}/{at.date().isoformat()}/{incident.incident_id}",
            media_class=MediaClass.VIDEO if plays else MediaClass.IMAGE,
            media_content_type=MP4 if plays else JPEG,
            title=" · ".join(parts),
            can_play=plays or incident.snapshot_rev > 0,
            can_expand=False,
            thumbnail=picture_url(entry_id, incident) if incident.snapshot_rev else None,
        )

    def _folder(
        self,
        identifier: str | None,
        title: str,
        children: list[BrowseMediaSource] | None = None,
        media_class: MediaClass = MediaClass.DIRECTORY,
    ) -> BrowseMediaSource:
        return BrowseMediaSource(
            domain=DOMAIN,
            identifier=identifier,
            media_class=media_class,
            media_content_type="",
            title=title,
            can_play=False,
            can_expand=True,
            children=children,
        )


def _name(coordinator: CrimeDetectCoordinator, camera: str) -> str:
    return coordinator.data.info.cameras.get(camera, camera)


def _translated[E: HomeAssistantError](kind: type[E], error: EngineError) -> E:
    return kind(
        translation_domain=DOMAIN, translation_key="engine_error", translation_placeholders={"error": str(error)}
    )
