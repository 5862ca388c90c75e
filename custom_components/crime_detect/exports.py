"""Owns the evidence of one incident as files: the folder that a person copies for the police."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant

from .coordinator import CrimeDetectCoordinator
from .engine.errors import NotFoundError, NotOverMqttError
from .engine.models import Incident

FOLDER = "exports"
FEATURE_EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Export:
    folder: Path
    files: tuple[str, ...]
    signed: bool
    """evidence.zip is there: it proves that nothing was changed."""


async def async_export(
    hass: HomeAssistant, coordinator: CrimeDetectCoordinator, incident_id: str, on_behalf_of: str
) -> Export:
    """Writes snapshot.jpg, clip.mp4, incident.json and, where the engine signs, evidence.zip.

    What the incident does not have (a clip while it goes on, or over a broker) is left out. Raises EngineError and
    OSError.
    """
    incident = await _newest(coordinator, incident_id)
    folder = coordinator.pictures.folder / FOLDER / incident.incident_id
    await hass.async_add_executor_job(_write_incident, folder, dict(incident.raw))
    files = ["incident.json"]
    if picture := await async_picture(hass, coordinator, incident):
        await hass.async_add_executor_job((folder / "snapshot.jpg").write_bytes, picture)
        files.append("snapshot.jpg")
    client = coordinator.link.client
    if client and incident.has_clip:
        try:
            await client.download_clip(incident.incident_id, folder / "clip.mp4")
        except NotFoundError:
            pass  # retention was faster
        else:
            files.append("clip.mp4")
    signed = client is not None and FEATURE_EVIDENCE in coordinator.data.info.features
    if client and signed:
        await client.evidence(incident.incident_id, folder / "evidence.zip", on_behalf_of)
        files.append("evidence.zip")
    return Export(folder, tuple(sorted(files)), signed)


async def async_picture(hass: HomeAssistant, coordinator: CrimeDetectCoordinator, incident: Incident) -> bytes | None:
    """The engine's newest, else ours. Raises EngineError when the engine cannot be asked and we have none."""
    if not incident.snapshot_rev:
        return None
    path = coordinator.pictures.path(incident)
    try:
        return await coordinator.link.picture(incident)
    except NotFoundError, NotOverMqttError:
        return await hass.async_add_executor_job(_read, path) if path else None


async def async_kept_picture(
    hass: HomeAssistant, coordinator: CrimeDetectCoordinator, incident: Incident
) -> bytes | None:
    """Ours, if it is the newest; for looking at, as everybody who may write to the media folder may change it."""
    known = coordinator.history.pictures.get(incident.incident_id)
    path = coordinator.pictures.path(incident)
    if known is None or path is None or known.rev < incident.snapshot_rev:
        return None
    return await hass.async_add_executor_job(_read, path)


async def _newest(coordinator: CrimeDetectCoordinator, incident_id: str) -> Incident:
    if client := coordinator.link.client:
        return await client.incident(incident_id)
    if known := coordinator.event_for(incident_id):
        return known
    raise NotFoundError(f"no incident {incident_id}", "not_found")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write_incident(folder: Path, raw: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "incident.json").write_text(json.dumps(raw, indent=2, ensure_ascii=False) + "\n")
