"""An entry: set up, unloaded, removed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from tests.integration.fake_engine import FakeEngine

SetupEntry = Callable[..., Awaitable[Any]]


async def test_an_entry_is_set_up_and_unloaded(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    entry = await setup_entry()
    assert entry.state is ConfigEntryState.LOADED
    assert set(entry.runtime_data.data.info.cameras) == {"front_door", "yard"}
    assert entry.runtime_data.connected
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    await engine.wait_connected(0)
