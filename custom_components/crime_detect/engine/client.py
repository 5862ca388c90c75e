"""Owns HTTP and WebSocket with one engine (docs/api.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from .models import CameraState, EngineInfo, Incident, Position


@dataclass(frozen=True, slots=True)
class EngineCamera:
    """A camera as `GET /cameras` tells it; `source` has its password removed by the engine."""

    id: str
    name: str
    source: str
    state: CameraState
    settings: Mapping[str, Any]
    """threshold, per_class, schedule, … as the configuration file has them; empty from an older engine."""


class EngineClient:
    """`session` is Home Assistant's; `url` such as http://host:8099. Every method raises EngineError and its kinds:
    CannotConnectError (also after a time limit), InvalidAuthError, NotFoundError, BadMessageError."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self.url = url
        raise NotImplementedError

    async def info(self) -> EngineInfo:
        raise NotImplementedError

    def events(self, position: Position | None) -> AsyncIterator[Mapping[str, Any]]:
        """The messages of one WebSocket connection as they come, `hello` first; ends by raising."""
        raise NotImplementedError

    async def cameras(self) -> list[EngineCamera]:
        raise NotImplementedError

    async def add_camera(self, camera: str, source: str, name: str) -> EngineCamera:
        raise NotImplementedError

    async def remove_camera(self, camera: str) -> None:
        raise NotImplementedError

    async def change_camera(self, camera: str, changes: Mapping[str, Any]) -> None:
        """Keys of PATCH /cameras/{id}: detection, privacy, threshold, name, per_class, schedule, mode, …"""
        raise NotImplementedError

    async def try_source(self, source: str) -> bytes:
        """One JPEG of a source that is not a camera yet. EngineError says why there is none, without its password."""
        raise NotImplementedError

    async def frigate_cameras(self) -> list[tuple[str, str]]:
        """(source such as frigate:yard, name) of Frigate's cameras that are not watched yet; [] without Frigate."""
        raise NotImplementedError

    async def snooze(self, camera: str, minutes: float, label: str | None = None) -> None:
        raise NotImplementedError

    async def live_picture(self, camera: str) -> bytes:
        raise NotImplementedError

    def live_stream_url(self, camera: str) -> str:
        """Motion JPEG; needs `headers`."""
        raise NotImplementedError

    @property
    def headers(self) -> Mapping[str, str]:
        raise NotImplementedError

    async def incidents(
        self,
        *,
        camera: str | None = None,
        label: str | None = None,
        severity: str | None = None,
        since: str | None = None,
        until: str | None = None,
        verdict: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Incident], str | None]:
        """A page, newest first, and the cursor of the next. `since`, `until`: RFC 3339."""
        raise NotImplementedError

    async def incident(self, incident_id: str) -> Incident:
        raise NotImplementedError

    async def snapshot(self, incident: Incident) -> bytes:
        """Pinned to `incident.snapshot_rev`."""
        raise NotImplementedError

    def clip_url(self, incident_id: str) -> str:
        raise NotImplementedError

    async def download_clip(self, incident_id: str, path: Path) -> None:
        """Streams to `path` (written in an executor); nothing is left there when it fails."""
        raise NotImplementedError

    async def evidence(self, incident_id: str, path: Path, on_behalf_of: str | None = None) -> None:
        """The signed package; NotFoundError from an engine without the feature `evidence`."""
        raise NotImplementedError

    async def set_verdict(self, incident_id: str, verdict: str | None, on_behalf_of: str | None = None) -> Incident:
        raise NotImplementedError

    async def acknowledge(self, incident_id: str, on: bool, on_behalf_of: str | None = None) -> Incident:
        raise NotImplementedError

    async def hold(self, incident_id: str, on: bool, on_behalf_of: str | None = None) -> Incident:
        raise NotImplementedError

    async def analyze(self, path: Path, name: str) -> Mapping[str, Any]:
        """Uploads a file and waits for its job; the result is that of `crime-detect analyze --json`."""
        raise NotImplementedError

    async def test_alert(self) -> Mapping[str, Any]:
        raise NotImplementedError

    async def retention(self) -> Mapping[str, Any]:
        """{"incidents": "30d", "below_threshold": "7d", "per_class": {…}, "media_quota": "20GB"}"""
        raise NotImplementedError

    async def put_retention(self, retention: Mapping[str, Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    async def switch_off_mqtt_discovery(self) -> None:
        raise NotImplementedError


__all__: Sequence[str] = ("EngineCamera", "EngineClient")
