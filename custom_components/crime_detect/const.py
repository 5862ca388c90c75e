"""Owns names that several files of the integration share."""

from __future__ import annotations

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "crime_detect"
MANUFACTURER: Final = "crime_detect"

PLATFORMS: Final = (
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.CAMERA,
    Platform.EVENT,
    Platform.IMAGE,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
)

# entry.data
CONF_FEED: Final = "feed"
FEED_WEBSOCKET: Final = "websocket"
FEED_MQTT: Final = "mqtt"
CONF_TOPIC: Final = "topic"
"""`<prefix>/<instance>` of an engine reached through the broker, such as `crime_detect/home`."""
# Of a WebSocket entry: CONF_URL, CONF_TOKEN, CONF_VERIFY_SSL of homeassistant.const.

# subentries
SUBENTRY_RECIPIENT: Final = "recipient"

SUPPORTED_SCHEMA: Final = 1
"""The `schema_version` that this integration reads."""
MIN_ENGINE_VERSION: Final = "0.2.0"
TOO_OLD: Final = "engine_too_old"
TOO_NEW: Final = "engine_too_new"

LATE_S: Final = 300
"""What was replayed and is over for longer than this updates state and history, and rings nobody."""
