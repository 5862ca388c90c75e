"""Owns how tests look at entities: one platform alone, and all of it in a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from homeassistant.const import Platform
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from pytest_homeassistant_custom_component.common import MockConfigEntry
from syrupy.assertion import SnapshotAssertion

from tests.integration.fake_engine import FakeEngine


@contextmanager
def only(platform: Platform) -> Iterator[None]:
    """Entries are set up with this platform alone, all of its entities, and access tokens that are always the same."""
    with (
        patch("homeassistant.helpers.entity.Entity.entity_registry_enabled_default", True),
        patch("custom_components.crime_detect.PLATFORMS", (platform,)),
        patch("random.SystemRandom.getrandbits", return_value=1),
    ):
        yield


def can_everything(engine: FakeEngine) -> None:
    """An engine with every feature that brings entities."""
    engine.info["features"] = [*engine.info["features"], "budget"]
    engine.info["gpu_load"] = 41.5
    for camera in engine.cameras.values():
        camera["state"] |= {"mode": "threshold", "false_alarm_budget": 1}


def assert_as_in_snapshot(hass: HomeAssistant, entry: MockConfigEntry, snapshot: SnapshotAssertion) -> None:
    registered = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert registered
    for one in sorted(registered, key=lambda entity: entity.entity_id):
        assert one == snapshot(name=f"{one.entity_id}-entry")
        assert hass.states.get(one.entity_id) == snapshot(name=f"{one.entity_id}-state")


def value(hass: HomeAssistant, entity_id: str) -> str:
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state.state


def attribute(hass: HomeAssistant, entity_id: str, name: str) -> object:
    state = hass.states.get(entity_id)
    assert state is not None, entity_id
    return state.attributes.get(name)


def record(hass: HomeAssistant, entity_id: str) -> list[State]:
    """The states that it takes from now on."""
    states: list[State] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if (state := event.data["new_state"]) is not None:
            states.append(state)

    async_track_state_change_event(hass, entity_id, note)
    return states
