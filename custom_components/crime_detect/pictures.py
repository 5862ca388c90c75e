"""Owns the pictures of incidents below <media>/crime_detect: one file an incident, there before anybody hears of it."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Collection, Iterable, Mapping
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
FETCH_AGE = timedelta(days=1)
JPEG = b"\xff\xd8"
PARTIAL = ".part"


def pictures_folder(hass: HomeAssistant) -> Path:
    """Seen by phones as /media/local/crime_detect."""
    return Path(hass.config.media_dirs.get("local") or hass.config.path("media")) / DOMAIN


class Pictures:
    """`history.pictures` says which files are ours."""

    def __init__(self, hass: HomeAssistant, link: EngineLink, history: IncidentHistory, keep: timedelta) -> None:
        self._hass = hass
        self._link = link
        self._history = history
        self._keep = keep
        self.folder = pictures_folder(hass)

    def path(self, incident: Incident) -> Path | None:
        """Of its picture, of whatever revision; None when we have none. Does not look at the disk."""
        known = self._history.pictures.get(incident.incident_id)
        return None if known is None else _file(self.folder, known.camera, incident.incident_id)

    async def fetch(self, incident: Incident, *, level: int = logging.WARNING) -> Path | None:
        """The newest that can be had is on disk afterwards. None when there is none; `level`: how to log why."""
        if incident.snapshot_rev > self._rev(incident):
            try:
                jpeg = await self._download(incident)
            except EngineError as error:
                _LOGGER.log(level, "No picture of incident %s: %s", incident.incident_id, error)
            else:
                await self._keep_picture(incident, jpeg)
        return self.path(incident)

    async def remove(self, incident_id: str) -> None:
        known = self._history.pictures.pop(incident_id, None)
        if known is not None:
            file = _file(self.folder, known.camera, incident_id)
            await self._hass.async_add_executor_job(_unlink, [file])

    async def reconcile(self, now: datetime, foreign: Collection[str] | None) -> None:
        """Removes what is too old, forgets files that somebody removed, fetches what is missing of the last day.

        `foreign`: incidents whose files belong to other entries; None when that is not known now.
        """
        files = {key: _file(self.folder, one.camera, key) for key, one in self._history.pictures.items()}
        oldest_s = (now - self._keep).timestamp()
        for incident_id in await self._hass.async_add_executor_job(_outdated, files, oldest_s):
            self._history.pictures.pop(incident_id, None)
        if foreign is not None:
            kept = {*foreign, *self._history.pictures}
            await self._hass.async_add_executor_job(_remove_orphans, self.folder, kept, oldest_s)
        for incident in list(self._history.newest(at_least=Severity.DETECTION)):
            if now - incident.started_at < min(FETCH_AGE, self._keep):
                await self.fetch(incident, level=logging.DEBUG)
                if self._history.get(incident.incident_id) is None:
                    await self.remove(incident.incident_id)  # deleted meanwhile
        self._history.save_soon()

    def _rev(self, incident: Incident) -> int:
        known = self._history.pictures.get(incident.incident_id)
        return 0 if known is None else known.rev

    async def _download(self, incident: Incident) -> bytes:
        problem = EngineError("it takes too long", "timeout")
        for limit_s in TRIES_S:
            try:
                async with asyncio.timeout(limit_s):
                    jpeg = await self._link.picture(incident)
            except NotFoundError:
                raise
            except EngineError as error:
                problem = error
            except TimeoutError:
                continue
            else:
                if jpeg.startswith(JPEG):
                    return jpeg
                problem = EngineError("it is no JPEG", "bad_picture")
        raise problem

    async def _keep_picture(self, incident: Incident, jpeg: bytes) -> None:
        file = _file(self.folder, incident.camera, incident.incident_id)
        if incident.snapshot_rev <= self._rev(incident):
            return  # somebody was quicker, with a newer one
        try:
            await self._hass.async_add_executor_job(_write, file, jpeg)
        except OSError as error:
            _LOGGER.error("Cannot write %s: %s", file, error.strerror)
            return
        self._history.pictures[incident.incident_id] = PictureRecord(incident.camera, incident.snapshot_rev)


async def async_remove_pictures(hass: HomeAssistant, history: IncidentHistory) -> None:
    """All files of an entry that is being removed."""
    folder = pictures_folder(hass)
    files = [_file(folder, one.camera, incident_id) for incident_id, one in history.pictures.items()]
    await hass.async_add_executor_job(_unlink, files)


def _file(folder: Path, camera: str, incident_id: str) -> Path:
    # Both are checked when they are read (engine/models.py): letters, digits, `_` and `-`.
    return folder / camera / f"{incident_id}.jpg"


def _write(file: Path, jpeg: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=".", suffix=PARTIAL, dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(jpeg)
        Path(partial).chmod(0o644)
        Path(partial).replace(file)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise


def _unlink(files: Iterable[Path]) -> None:
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            _LOGGER.warning("Cannot remove %s: %s", file, error.strerror)


def _outdated(files: Mapping[str, Path], oldest_s: float) -> list[str]:
    """Removes files that are older; ids of those that are not there (any more)."""
    gone = []
    for incident_id, file in files.items():
        try:
            if file.stat().st_mtime >= oldest_s:
                continue
        except OSError:
            pass
        _unlink([file])
        gone.append(incident_id)
    return gone


def _remove_orphans(folder: Path, kept: Collection[str], oldest_s: float) -> None:
    """Old files that nobody knows, such as after the loss of a history."""
    for file in [*folder.glob("*/*.jpg"), *folder.glob(f"*/.*{PARTIAL}")]:
        try:
            if file.stem not in kept and file.stat().st_mtime < oldest_s:
                _unlink([file])
        except OSError:
            continue
