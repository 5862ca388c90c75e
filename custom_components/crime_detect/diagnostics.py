"""Owns what a person may post in public when asking for help: how things are, and no secret.

Left out or hidden: tokens, addresses (of engines, cameras, pages), places, who gets messages, faces' names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceEntry
from yarl import URL

from .const import CONF_FEED, DOMAIN
from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.errors import EngineError
from .engine.models import Incident, Severity

TO_REDACT = frozenset({CONF_TOKEN, CONF_URL, "api_url", "identities", "location"})
RECIPIENT = frozenset({"action", "name", "persons"})
INCIDENTS = 20
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s\"'<>]+", re.IGNORECASE)
_HIDDEN = re.compile(
    r"[^\s/@:]+:[^\s/@]+@\S+"  # user:password@…
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b"  # IPv4
    r"|(?<![\w:/*])/(?!api/)[^\s\"'/]+/[^\s\"']+"  # paths of files
)


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> dict[str, Any]:  # noqa: ARG001 its caller names them
    coordinator = entry.runtime_data
    data = coordinator.data
    return _public(
        entry,
        {
            "entry": {
                "data": dict(entry.data),
                "options": dict(entry.options),
                "version": f"{entry.version}.{entry.minor_version}",
                "recipients": [
                    async_redact_data(dict(subentry.data), RECIPIENT) for subentry in entry.subentries.values()
                ],
            },
            "connection": {
                "feed": entry.data[CONF_FEED],
                "connected": coordinator.connected,
                "incompatible": coordinator.incompatible,
                "position": coordinator.history.position,
            },
            "engine": data.info,
            "cameras": data.cameras,
            "camera_settings": await _settings(coordinator),
            "incidents": [
                _shown(one) for one in list(coordinator.history.newest(None, Severity.DETECTION))[:INCIDENTS]
            ],
        },
    )


async def async_get_device_diagnostics(
    hass: HomeAssistant,  # noqa: ARG001 its caller names them
    entry: CrimeDetectConfigEntry,
    device: DeviceEntry,
) -> dict[str, Any]:
    coordinator = entry.runtime_data
    info = coordinator.data.info
    identifiers = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    camera = next((camera for camera in info.cameras if f"{info.uuid}_{camera}" in identifiers), None)
    if camera is None:
        return _public(entry, {"engine": info, "connected": coordinator.connected})
    return _public(
        entry,
        {
            "camera": camera,
            "connected": coordinator.connected,
            "state": coordinator.data.cameras.get(camera),
            "settings": (await _settings(coordinator)).get(camera),
            "problems": [problem for problem in info.problems if problem.camera == camera],
            "muted": coordinator.notifier is not None and camera in coordinator.notifier.muted,
            "incidents": [
                _shown(one) for one in list(coordinator.history.newest(camera, Severity.DETECTION))[:INCIDENTS]
            ],
        },
    )


async def _settings(coordinator: CrimeDetectCoordinator) -> dict[str, Any]:
    """By camera, and of its source no more than the kind: rtsp, frigate, …"""
    client = coordinator.link.client
    if client is None or not coordinator.connected:
        return {}
    try:
        cameras = await client.cameras()
    except EngineError as error:
        return {"error": str(error)}
    return {one.id: {**one.settings, "kind": one.source.partition(":")[0]} for one in cameras}


def _shown(incident: Incident) -> dict[str, Any]:
    """Without what was seen: no places, no people."""
    hidden = ("attributes", "boxes", "identities", "location")
    return {key: value for key, value in incident.raw.items() if key not in hidden}


def _public(entry: CrimeDetectConfigEntry, told: Mapping[str, Any]) -> dict[str, Any]:
    secrets = [str(entry.data[key]) for key in (CONF_TOKEN, CONF_URL) if entry.data.get(key)]
    if host := URL(entry.data.get(CONF_URL, "")).host:
        secrets.append(host)
    public: dict[str, Any] = async_redact_data(_plain(told, secrets), TO_REDACT)
    return public


def _plain(value: Any, secrets: list[str]) -> Any:
    """JSON of it, with addresses and known secrets hidden inside of sentences, too."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one, secrets) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one, secrets) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(one, secrets) for one in value)
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REDACTED)
        return _HIDDEN.sub(REDACTED, _ADDRESS.sub(rf"\1://{REDACTED}", value))
    return value
