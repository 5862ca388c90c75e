"""Owns HTTP and WebSocket with one engine (docs/api.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from .errors import BadMessageError, EngineError, NotFoundError
from .models import CameraState, EngineInfo, Incident, Position
from .transport import Transport

_LOGGER = logging.getLogger(__name__)

SLOW_ANSWER_S = 25.0
"""For what makes the engine open a stream or try its outputs."""
JOB_EVERY_S = 1.0
JOB_S = 1800.0


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
        self.url = url.rstrip("/")
        self._transport = Transport(session, self.url, token)

    async def info(self) -> EngineInfo:
        return EngineInfo.from_json(_mapping(await self._transport.json("GET", "/info")))

    def events(self, position: Position | None) -> AsyncGenerator[Mapping[str, Any]]:
        """The messages of one WebSocket connection as they come, `hello` first; ends by raising."""
        query = {} if position is None else {"since": str(position.seq), "epoch": position.epoch}
        return self._transport.messages("/events", query)

    async def cameras(self) -> list[EngineCamera]:
        page = _mapping(await self._transport.json("GET", "/cameras"))
        return [_camera(item) for item in _items(page)]

    async def add_camera(self, camera: str, source: str, name: str) -> EngineCamera:
        """`camera` may be empty: the engine makes an id from the name."""
        body = {"source": source, "name": name} | ({"id": camera} if camera else {})
        return _camera(await self._transport.json("POST", "/cameras", body, limit_s=SLOW_ANSWER_S))

    async def remove_camera(self, camera: str) -> None:
        await self._transport.json("DELETE", _path("cameras", camera))

    async def change_camera(self, camera: str, changes: Mapping[str, Any]) -> None:
        """Keys of PATCH /cameras/{id}: detection, privacy, threshold, name, per_class, schedule, mode, …"""
        await self._transport.json("PATCH", _path("cameras", camera), dict(changes))

    async def try_source(self, source: str) -> bytes:
        """One JPEG of a source that is not a camera yet. EngineError says why there is none, without its password."""
        return await self._transport.read("POST", "/sources/test", {"source": source}, limit_s=SLOW_ANSWER_S)

    async def frigate_cameras(self) -> list[tuple[str, str]]:
        """(source such as frigate:yard, name) of Frigate's cameras that are not watched yet; [] without Frigate."""
        try:
            page = _mapping(await self._transport.json("GET", "/sources/frigate", limit_s=SLOW_ANSWER_S))
        except NotFoundError:
            return []
        return [(str(item.get("source")), str(item.get("name"))) for item in _items(page)]

    async def snooze(self, camera: str, minutes: float, label: str | None = None) -> None:
        await self._transport.json("POST", _path("cameras", camera, "snooze"), {"minutes": minutes, "label": label})

    async def live_picture(self, camera: str) -> bytes:
        return await self._transport.read("GET", _path("cameras", camera, "live.jpg"))

    def live_stream_url(self, camera: str) -> str:
        """Motion JPEG; needs `headers`."""
        return self._transport.address(_path("cameras", camera, "live.mjpeg"))

    @property
    def headers(self) -> Mapping[str, str]:
        return self._transport.headers

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
        asked = {
            "camera": camera,
            "label": label,
            "severity": severity,
            "from": since,
            "to": until,
            "verdict": verdict,
            "cursor": cursor,
        }
        query = {key: value for key, value in asked.items() if value is not None} | {"limit": str(limit)}
        page = _mapping(await self._transport.json("GET", "/incidents", query=query))
        found = []
        for item in _items(page):
            try:
                found.append(Incident.from_json(_mapping(item)))
            except BadMessageError as error:
                _LOGGER.warning("Left out of a list of incidents: %s", error)
        following = page.get("next_cursor")
        return found, following if isinstance(following, str) else None

    async def incident(self, incident_id: str) -> Incident:
        return Incident.from_json(_mapping(await self._transport.json("GET", _path("incidents", incident_id))))

    async def snapshot(self, incident: Incident) -> bytes:
        """Pinned to `incident.snapshot_rev`."""
        if not incident.snapshot_rev:
            raise NotFoundError("this incident has no picture", "not_found")
        path = _path("incidents", incident.incident_id, "snapshot.jpg")
        return await self._transport.read("GET", path, query={"rev": str(incident.snapshot_rev)})

    def clip_url(self, incident_id: str) -> str:
        return self._transport.address(_path("incidents", incident_id, "clip.mp4"))

    async def download_clip(self, incident_id: str, path: Path) -> None:
        """Streams to `path` (written in an executor); nothing is left there when it fails."""
        await self._transport.download(_path("incidents", incident_id, "clip.mp4"), path)

    async def evidence(self, incident_id: str, path: Path, on_behalf_of: str | None = None) -> None:
        """The signed package; NotFoundError from an engine without the feature `evidence`."""
        await self._transport.download(_path("incidents", incident_id, "evidence.zip"), path, on_behalf_of)

    async def set_verdict(self, incident_id: str, verdict: str | None, on_behalf_of: str | None = None) -> Incident:
        return await self._change_incident(incident_id, "verdict", {"verdict": verdict}, on_behalf_of)

    async def acknowledge(self, incident_id: str, on: bool, on_behalf_of: str | None = None) -> Incident:
        return await self._change_incident(incident_id, "acknowledge", {"acknowledged": on}, on_behalf_of)

    async def hold(self, incident_id: str, on: bool, on_behalf_of: str | None = None) -> Incident:
        return await self._change_incident(incident_id, "hold", {"hold": on}, on_behalf_of)

    async def _change_incident(self, incident_id: str, what: str, body: Mapping[str, Any], who: str | None) -> Incident:
        answer = await self._transport.json("POST", _path("incidents", incident_id, what), body, on_behalf_of=who)
        return Incident.from_json(_mapping(answer))

    async def analyze(self, path: Path, name: str) -> Mapping[str, Any]:
        """Uploads a file and waits for its job; the result is that of `crime-detect analyze --json`."""
        job = _mapping(await self._transport.upload("/analyze", path, name))
        try:
            async with asyncio.timeout(JOB_S):
                while job.get("state") in ("queued", "running"):
                    await asyncio.sleep(JOB_EVERY_S)
                    job = _mapping(await self._transport.json("GET", _path("jobs", str(job.get("job_id")))))
        except TimeoutError as error:
            raise EngineError("the engine did not finish in time", "analysis_failed") from error
        if job.get("state") != "done":
            raise EngineError(str(job.get("error") or "the engine gave up"), "analysis_failed")
        return _mapping(job.get("result"))

    async def test_alert(self) -> Mapping[str, Any]:
        return _mapping(await self._transport.json("POST", "/alerts/test", limit_s=SLOW_ANSWER_S))

    async def retention(self) -> Mapping[str, Any]:
        """{"incidents": "30d", "below_threshold": "7d", "per_class": {…}, "media_quota": "20GB"}"""
        return _mapping(await self._transport.json("GET", "/retention"))

    async def put_retention(self, retention: Mapping[str, Any]) -> Mapping[str, Any]:
        return _mapping(await self._transport.json("PUT", "/retention", dict(retention)))

    async def switch_off_mqtt_discovery(self) -> None:
        await self._transport.json("DELETE", "/mqtt/discovery")


def _path(*parts: str) -> str:
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadMessageError(f"expected an object, not {type(value).__name__}", "bad_message")
    return value


def _items(page: Mapping[str, Any]) -> list[Any]:
    items = page.get("items")
    if not isinstance(items, list):
        raise BadMessageError("expected a list of items", "bad_message")
    return items


def _camera(value: Any) -> EngineCamera:
    data = _mapping(value)
    try:
        return EngineCamera(
            id=str(data["id"]),
            name=str(data["name"]),
            source=str(data["source"]),
            state=CameraState.from_json(_mapping(data["state"])),
            settings=_mapping(data.get("settings") or {}),
        )
    except KeyError as error:
        raise BadMessageError(f"a camera without {error}", "bad_message") from error
