"""Owns what the integration's tests start with: Home Assistant, an engine that they control, and its entry."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from freezegun import freeze_time
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

# Before `hass`: the harness has a package custom_components of its own, and whoever is imported first stays.
import custom_components.crime_detect  # noqa: F401
from custom_components.crime_detect.const import CONF_FEED, DOMAIN, FEED_WEBSOCKET
from tests.integration.fake_engine import FakeEngine
from tests.rig.threads import order_threads

if wanted := os.environ.get("CRIME_DETECT_THREADS"):
    order_threads(wanted)

SetupEntry = Callable[..., Awaitable[MockConfigEntry]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture(autouse=True)
def found_by_home_assistant(enable_custom_integrations: None) -> None:
    """Ours is a custom integration."""


@pytest.fixture(autouse=True)
def day_of_the_incidents() -> Iterator[None]:
    """The clock goes on from the day that they bear: what counts as old must not depend on when a test runs."""
    with freeze_time(datetime(2026, 11, 21, 4, tzinfo=UTC), tick=True):
        yield


@pytest.fixture
async def engine(socket_enabled: None) -> AsyncIterator[FakeEngine]:
    """Listens on loopback; its WebSocket and HTTP side say what the golden files say until a test changes it."""
    engine = FakeEngine()
    await engine.start()
    yield engine
    await engine.stop()


@pytest.fixture
def media(hass: HomeAssistant, tmp_path: Path) -> Path:
    """The folder behind /media/local."""
    folder = tmp_path / "media"
    folder.mkdir()
    hass.config.media_dirs = {"local": str(folder)}
    return folder


@pytest.fixture
def entry(hass: HomeAssistant, engine: FakeEngine, media: Path) -> MockConfigEntry:
    """Known to Home Assistant, not set up."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Home",
        unique_id=engine.uuid,
        data={CONF_FEED: FEED_WEBSOCKET, CONF_URL: engine.url, CONF_TOKEN: engine.token, CONF_VERIFY_SSL: True},
        entry_id="01JTESTENTRY00000000000000",
    )
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def setup_entry(hass: HomeAssistant, entry: MockConfigEntry) -> AsyncIterator[SetupEntry]:
    """`await setup_entry()` sets `entry` (or the one that is given) up; all are unloaded after the test."""

    async def set_up(wanted: MockConfigEntry = entry) -> MockConfigEntry:
        await hass.config_entries.async_setup(wanted.entry_id)
        await hass.async_block_till_done()
        return wanted

    yield set_up
    for one in hass.config_entries.async_entries(DOMAIN):
        if one.state is ConfigEntryState.LOADED:
            await hass.config_entries.async_unload(one.entry_id)
    # After a failure pytest-timeout no longer watches: what does not end must not keep everybody waiting.
    async with asyncio.timeout(60):
        await hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
def eventually(hass: HomeAssistant) -> Eventually:
    """`await eventually(lambda: …)`: until it is true, at most a minute."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.01)
                await hass.async_block_till_done()

    return wait


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Without ids and times, which are others in each run."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)
