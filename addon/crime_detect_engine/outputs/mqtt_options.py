"""Owns the `mqtt` section of the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import voluptuous as vol

from .mqtt_tls import MqttTls as MqttTls
from .schema import PORT, host_name, optional_text, text


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """`media` and `commands`: auto, on or off. `protocol`: auto (5, then 3.1.1), 5 or 3.1.1."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: MqttTls | None = None
    prefix: str = "crime_detect"
    media: str = "auto"
    commands: str = "auto"
    protocol: str = "auto"
    ha_discovery: bool = False
    """Announces the cameras to Home Assistant, for people without our integration."""

    @property
    def authenticated(self) -> bool:
        """Whether the broker knows who we are: a password or a client certificate is configured."""
        return self.password is not None or (self.tls is not None and self.tls.cert is not None)

    @property
    def media_on(self) -> bool:
        return self.authenticated if self.media == "auto" else self.media == "on"

    @property
    def commands_on(self) -> bool:
        return self.authenticated if self.commands == "auto" else self.commands == "on"


def _topic_prefix(value: object) -> str:
    prefix = text(value)
    if any(sign in prefix for sign in "+#\0 ") or prefix.startswith(("/", "$")) or prefix.endswith("/"):
        raise vol.Invalid("expected a topic without spaces, wildcards and outer slashes, like crime_detect")
    return prefix


def _auto_on_off(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if value not in ("auto", "on", "off"):
        raise vol.Invalid("expected auto, on or off")
    return str(value)


def _on_off(value: object) -> bool:
    if value not in (None, True, False, "on", "off"):
        raise vol.Invalid("expected true or false")
    return value in (True, "on")


def _protocol(value: object) -> str:
    version = str(value)
    if version not in {"auto", "5", "3.1.1"}:
        raise vol.Invalid("expected auto, 5 or 3.1.1")
    return version


def _tls_files(value: dict[str, Any]) -> MqttTls:
    if value.get("key") and not value.get("cert"):
        raise vol.Invalid("key needs cert, the certificate that belongs to it")
    return MqttTls(**value)


def _tls_switch(value: object) -> MqttTls | None:
    if value is None or value is False:
        return None
    if value is True:
        return MqttTls()
    raise vol.Invalid("expected true, false or {ca, cert, key, insecure}")


_TLS_FILES = vol.Schema(
    {"ca": optional_text, "cert": optional_text, "key": optional_text, "insecure": vol.All(bool, msg="true or false")}
)


def _tls(value: object) -> MqttTls | None:
    return _tls_files(_TLS_FILES(value)) if isinstance(value, dict) else _tls_switch(value)


def _build(value: dict[str, Any]) -> MqttOptions:
    if value.get("username") is None and value.get("password") is not None:
        raise vol.Invalid("password needs username")
    value.setdefault("host", "")
    value.setdefault("port", 1883 if value.get("tls") is None else 8883)
    return MqttOptions(**value)


SCHEMA = vol.All(
    vol.Schema(
        {
            "host": host_name,
            "port": PORT,
            "username": optional_text,
            "password": optional_text,
            "tls": _tls,
            "prefix": _topic_prefix,
            "ha_discovery": _on_off,
            "media": _auto_on_off,
            "commands": _auto_on_off,
            "protocol": _protocol,
        }
    ),
    _build,
)
"""Yields MqttOptions; `host` is empty where none is given, which only an app of Home Assistant may leave out."""
