"""Owns what the integration needs of an engine, however it is reached: `link_websocket.py` and `link_mqtt.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .engine.client import EngineClient
from .engine.models import CameraState, EngineInfo, Hello, Incident, IncidentMessage, Position


class LinkSink(Protocol):
    """Who listens: the coordinator. Called in the event loop, in the engine's order; never blocks."""

    def connected(self, hello: Hello) -> None:
        """Connected (again); everything as it is now. Replayed messages follow."""

    def incident(self, message: IncidentMessage) -> None: ...

    def camera(self, camera: str, state: CameraState, seq: int | None) -> None: ...

    def camera_gone(self, camera: str) -> None:
        """The engine no longer has it."""

    def engine(self, info: EngineInfo, seq: int | None) -> None: ...

    def reset(self) -> None:
        """What we missed is not kept: page through the engine's incidents where there is HTTP."""

    def disconnected(self, reason: str) -> None:
        """Lost, or not reached at all; the link goes on trying. Said once a loss."""

    def auth_failed(self) -> None:
        """The token is not accepted any more; the link stops trying."""

    def incompatible(self, reason: str) -> None:
        """What it says now is not what we read, such as after its update; the link goes on trying."""

    def replay_over(self) -> None:
        """Nothing more of what we missed will come."""


class EngineLink(Protocol):
    """`start` connects and goes on until `stop`. Commands raise EngineError (see engine/errors.py)."""

    @property
    def client(self) -> EngineClient | None:
        """The HTTP side; None where the engine is reached through a broker only."""

    async def start(self, sink: LinkSink, position: Callable[[], Position | None]) -> None:
        """Returns when the first attempt is over: `connected` was called, or CannotConnectError, InvalidAuthError or
        BadMessageError is raised (then nothing is left running). `position` is asked at every (re)connection."""

    async def stop(self) -> None: ...

    async def picture(self, incident: Incident) -> bytes:
        """The JPEG of exactly this incident and revision. Raises NotFoundError when there is none to be had."""

    async def set_detection(self, camera: str, on: bool) -> None: ...

    async def set_privacy(self, camera: str, on: bool) -> None: ...

    async def set_threshold(self, camera: str, threshold: float) -> None: ...

    async def snooze(self, camera: str, minutes: float, label: str | None = None) -> None: ...

    async def set_verdict(self, incident_id: str, verdict: str, on_behalf_of: str | None = None) -> None:
        """`confirmed` or `false_alarm`."""

    async def acknowledge(self, incident_id: str, on: bool = True, on_behalf_of: str | None = None) -> None: ...

    async def hold(self, incident_id: str, on: bool = True, on_behalf_of: str | None = None) -> None: ...

    async def switch_off_mqtt_discovery(self) -> None:
        """The engine stops announcing its cameras to Home Assistant by itself, and takes back what it announced."""
