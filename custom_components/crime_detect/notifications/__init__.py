"""Owns messages on people's phones: who gets which, what they look like, and the answers that come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .journal import Journal
from .notifier import Notifier
from .phones import Phones
from .responses import Responses

if TYPE_CHECKING:
    from ..coordinator import CrimeDetectCoordinator


@dataclass(frozen=True, slots=True)
class _Shared:
    """Of all engines: a phone may belong to several, an answer to any."""

    journal: Journal
    phones: Phones


_SHARED: HassKey[_Shared] = HassKey(f"{DOMAIN}_notifications")


async def async_setup_notifications(hass: HomeAssistant) -> None:
    """Once, before any entry; buttons are heard from here on."""
    shared = _Shared(Journal(hass), Phones(hass))
    await shared.journal.async_load()
    hass.data[_SHARED] = shared
    Responses(hass, shared.journal, shared.phones).async_start()


@callback
def async_make_notifier(hass: HomeAssistant, coordinator: CrimeDetectCoordinator) -> Notifier:
    shared = hass.data[_SHARED]
    return Notifier(hass, coordinator, shared.journal, shared.phones)


async def async_forget_entry(hass: HomeAssistant, entry_id: str) -> None:
    """The entry was removed."""
    if shared := hass.data.get(_SHARED):
        await shared.journal.async_forget_entry(entry_id)


__all__ = ("async_forget_entry", "async_make_notifier", "async_setup_notifications")
