"""Owns what the logbook says of incidents."""

from __future__ import annotations

from collections.abc import Callable

from homeassistant.components.logbook import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_ICON,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Event, HomeAssistant, callback

from .activity import EVENT_INCIDENT, Activity
from .const import DOMAIN
from .notifications.texts import cached_texts

_ICONS = {
    Activity.NEW: "mdi:shield-alert",
    Activity.RAISED: "mdi:alert-octagon",
    Activity.ENDED: "mdi:shield-check",
    Activity.CONFIRMED: "mdi:check-decagram",
    Activity.FALSE_ALARM: "mdi:shield-off",
    Activity.ACKNOWLEDGED: "mdi:eye-check",
}


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, str | None]]], None],
) -> None:
    @callback
    def describe(event: Event) -> dict[str, str | None]:
        data, texts = event.data, cached_texts(hass)
        activity = Activity(data["type"])
        # Events of before there were zones are in the recorder, too.
        label = texts.name_of(data["label"], data.get("zone"))
        message = texts.say(f"log_{activity}", label=label, confidence=f"{data['confidence']:.0%}")
        return {
            LOGBOOK_ENTRY_NAME: data["camera_name"],
            LOGBOOK_ENTRY_MESSAGE: message,
            LOGBOOK_ENTRY_ICON: _ICONS[activity],
            LOGBOOK_ENTRY_ENTITY_ID: data[ATTR_ENTITY_ID],
        }

    async_describe_event(DOMAIN, EVENT_INCIDENT, describe)
