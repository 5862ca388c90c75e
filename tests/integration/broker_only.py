"""Owns a link as over a broker: the commands work, and there is no HTTP side."""

from __future__ import annotations

from typing import Any

from custom_components.crime_detect.engine.errors import NotFoundError, NotOverMqttError
from custom_components.crime_detect.engine.models import Incident
from custom_components.crime_detect.link import EngineLink


class BrokerOnlyLink:
    """Everything else is `link`'s."""

    client = None

    def __init__(self, link: EngineLink, refuses: str | None = None) -> None:
        self._link = link
        self._refuses = refuses

    async def picture(self, incident: Incident) -> bytes:
        raise NotFoundError(f"no picture of {incident.incident_id} is kept by the broker", "not_found")

    def __getattr__(self, name: str) -> Any:
        if name == self._refuses:
            return self._refuse
        return getattr(self._link, name)

    async def _refuse(self, *_: object) -> None:
        raise NotOverMqttError("this engine takes no commands from its broker", "not_over_mqtt")
