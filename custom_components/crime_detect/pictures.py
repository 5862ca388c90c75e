"""Owns the pictures of incidents below <media>/crime_detect: one file an incident, there before anybody hears of it."""

from __future__ import annotations

import asyncio
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path

from homeassistant.core import HomeAssistant

from .const import DOMAIN
from .engine.errors import EngineError, NotFoundError
from .engine.models import Incident, Severity
from .history import IncidentHistory, PictureRecord
from .link import EngineLink

_LOGGER = logging.getLogger(__name__)

TRIES_S = (4.0, 6.0)
"""Limits of the first and second attempt: an alert waits for its picture no longer than both."""
PAUSE_S = 0.5
FETCH_AGE = timedelta(days=1)
JPEG = b"\xff\xd8"


class Pictures:
    """`history.pictures` says which files are ours; other files are never touched."""

    def __init__(self, hass: HomeAssistant, link: EngineLink, history: IncidentHistory, keep: timedelta) -> None:
        self._hass = hass
        self._link = link
        self._history = history
        self._keep = keep
        self._complained: set[str] = set()
        media = hass.config.media_dirs.get("local") or hass.config.path("media")
        self.folder = Path(media) / DOMAIN

    def path(self, incident: Incident) -> Path | None:
        """Of its picture, of whatever revision; None when we have none. Does not look at the disk."""
        known = self._history.pictures.get(incident.incident_id)
        return None if known is None else self._file(known.camera, incident.incident_id)

    async def fetch(self, incident: Incident) -> Path | None:
        """The newest picture that can be had is on disk afterwards. Never raises because there is none."""
        known = self._history.pictures.get(incident.incident_id)
        if incident.snapshot_rev > (known.rev if known else 0):
            jpeg = await self._download(incident)
            if jpeg is not None and await self._write(incident, jpeg):
                record = PictureRecord(incident.camera, incident.snapshot_rev)
                self._history.pictures[incident.incident_id] = record
        return self.path(incident)

    async def remove(self, incident_id: str) -> None:
        known = self._history.pictures.pop(incident_id, None)
        if known is not None:
            await self._hass.async_add_executor_job(_unlink, self._file(known.camera, incident_id))

    async def reconcile(self, now: datetime) -> None:
        """Removes what is too old, forgets files that somebody removed, fetches what is missing of the last day."""
        files = {key: self._file(one.camera, key) for key, one in self._history.pictures.items()}
        oldest_s = (now - self._keep).timestamp()
        for incident_id in await self._hass.async_add_executor_job(_outdated, files, oldest_s):
            self._history.pictures.pop(incident_id, None)
        for incident in list(self._history.newest(at_least=Severity.DETECTION)):
            if now - incident.started_at < min(FETCH_AGE, self._keep):
                await self.fetch(incident)

    async def remove_all(self) -> None:
        for incident_id in list(self._history.pictures):
            await self.remove(incident_id)

    def _file(self, camera: str, incident_id: str) -> Path:
        # Both are checked when they are read (engine/models.py): letters, digits, `_` and `-`.
        return self.folder / camera / f"{incident_id}.jpg"

    async def _download(self, incident: Incident) -> bytes | None:
        problem = ""
        for limit_s in TRIES_S:
            try:
                async with asyncio.timeout(limit_s):
                    jpeg = await self._link.picture(incident)
            except NotFoundError as error:
                problem = str(error)
            except EngineError as error:
                problem = str(error)
            except TimeoutError:
                problem = "it takes too long"
            else:
                if jpeg.startswith(JPEG):
                    return jpeg
                problem = "it is no JPEG"
            await asyncio.sleep(PAUSE_S)
        if incident.incident_id not in self._complained:
            self._complained.add(incident.incident_id)
            _LOGGER.warning("No picture of incident %s: %s", incident.incident_id, problem)
        return None

    async def _write(self, incident: Incident, jpeg: bytes) -> bool:
        path = self._file(incident.camera, incident.incident_id)
        try:
            await self._hass.async_add_executor_job(_write, path, jpeg)
        except OSError as error:
            _LOGGER.error("Cannot write %s: %s", path, error.strerror)
            return False
        return True


def _write(path: Path, jpeg: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(jpeg)
    os.replace(partial, path)  # noqa: PTH105 atomic, and says so


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _LOGGER.warning("Cannot remove %s: %s", path, error.strerror)


def _outdated(files: dict[str, Path], oldest_s: float) -> list[str]:
    """Removes files that are older; ids of those that are not there (any more)."""
    gone = []
    for incident_id, path in files.items():
        try:
            if path.stat().st_mtime >= oldest_s:
                continue
            _unlink(path)
        except OSError:
            pass
        gone.append(incident_id)
    return gone
