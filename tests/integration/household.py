"""Owns a home for tests of notifications: phones that remember what they got, and a clock that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import freezegun.api as frozen
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.crime_detect.const import DOMAIN, SUBENTRY_RECIPIENT
from custom_components.crime_detect.incident_event import IncidentEvent
from custom_components.crime_detect.notifications import async_setup_notifications
from custom_components.crime_detect.notifications.notifier import Notifier
from custom_components.crime_detect.notifications.responses import EVENT_ACTION
from tests.integration.fake_engine import FakeEngine

START = datetime(2026, 11, 21, 3, 0, 5, tzinfo=dt_util.UTC)


class Phone:
    """A notify action that remembers what it was sent; `broken` is raised instead, so many `times`."""

    def __init__(self, hass: HomeAssistant, action: str) -> None:
        self.got: list[dict[str, Any]] = []
        self.tried = 0
        self.broken: Exception | None = None
        self.times = 0
        self.hold: asyncio.Event | None = None
        hass.services.async_register("notify", action, self._take)

    async def _take(self, call: ServiceCall) -> None:
        self.tried += 1
        if self.hold:
            await self.hold.wait()
        if self.broken and self.times:
            self.times -= 1
            raise self.broken
        self.got.append(dict(call.data))

    @property
    def rung(self) -> list[str]:
        """Messages that were heard."""
        return [one["message"] for one in self.got if one["message"] != "clear_notification" and not _is_quiet(one)]

    @property
    def quiet(self) -> list[dict[str, Any]]:
        return [one for one in self.got if _is_quiet(one)]

    @property
    def cleared(self) -> list[str]:
        return [one["data"]["tag"] for one in self.got if one["message"] == "clear_notification"]


def _watch_threads(loop: asyncio.AbstractEventLoop) -> set[asyncio.Future[Any]]:
    """What runs in threads for this loop, at every moment."""
    running: set[asyncio.Future[Any]] = set()
    original = loop.run_in_executor

    def run_in_executor(*arguments: Any) -> asyncio.Future[Any]:
        future = original(*arguments)
        running.add(future)
        future.add_done_callback(running.discard)
        return future

    loop.run_in_executor = run_in_executor  # type: ignore[assignment,method-assign]
    return running


def _is_quiet(one: dict[str, Any]) -> bool:
    return bool(one["data"].get("alert_once"))


class Home:
    """A set-up entry, its phones, and the engine that tells."""

    def __init__(
        self,
        hass: HomeAssistant,
        engine: FakeEngine,
        entry: MockConfigEntry,
        set_up: Callable[[], Awaitable[Any]],
        freezer: FrozenDateTimeFactory,
    ) -> None:
        self.hass, self.engine, self.entry, self.freezer = hass, engine, entry, freezer
        freezer.move_to(START)
        engine.cameras["front_door"]["state"] |= {"snoozed_until": None, "tampered": False, "tamper": None}
        self._set_up = set_up
        self._in_threads = _watch_threads(hass.loop)
        self.heard: list[IncidentEvent] = []

    def recipient(self, name: str, **data: Any) -> Phone:
        subentry = ConfigSubentry(
            data=MappingProxyType({"name": name, "action": f"mobile_app_{name}", **data}),
            subentry_type=SUBENTRY_RECIPIENT,
            title=name,
            unique_id=None,
            subentry_id=f"recipient_{name}",
        )
        self.hass.config_entries.async_add_subentry(self.entry, subentry)
        return Phone(self.hass, f"mobile_app_{name}")

    @property
    def notifier(self) -> Notifier:
        notifier: Notifier = self.entry.runtime_data.notifier
        return notifier

    async def start(self) -> None:
        await self._set_up()
        self.listen()
        await self.engine.wait_connected()

    def listen(self) -> None:
        @callback
        def hear(event: IncidentEvent) -> None:
            self.heard.append(event)

        self.entry.runtime_data.async_add_incident_listener(hear)

    async def tell(self, after: dict[str, Any] | None, *, settle: bool = True, **more: Any) -> None:
        """The engine says it, and whoever is to be told has been."""
        while not self.entry.runtime_data.connected:  # the clock jumped over the heartbeat's
            await self.pass_time(seconds=1)
        count = len(self.heard)
        await self.engine.push_incident(after, **more)
        incident = after or more["before"]
        if dt_util.utcnow() - datetime.fromisoformat(incident["started_at"]) > timedelta(minutes=5):
            # It may be part of a replay, and those are waited for.
            await self.eventually(lambda: self.entry.runtime_data.history.position.seq == self.engine.seq)
            await self.pass_time(seconds=2)
        await self.eventually(lambda: len(self.heard) > count)
        if settle:
            await self.settle()

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """The clock stands still, asyncio's too: only sockets and threads are waited for."""
        give_up = frozen.real_monotonic() + 60
        while not condition():
            assert frozen.real_monotonic() < give_up
            await asyncio.sleep(0)

    async def settle(self) -> None:
        words = ("tell", "clear", "remind")
        await self.eventually(
            lambda: (
                not [
                    task
                    for task in self.entry._background_tasks
                    if task.get_name().startswith(tuple(f"{DOMAIN} {word}" for word in words))
                ]
            )
        )

    async def pass_time(self, **duration: float) -> None:
        self.freezer.tick(timedelta(**duration))
        async_fire_time_changed(self.hass, dt_util.utcnow())
        await self.breathe()

    async def breathe(self) -> None:
        """What needs no time of the clock happens; unlike `async_block_till_done` this waits for no automation's delay.

        Threads are waited for: Home Assistant imports in one what an action needs for the first time.
        """
        await self._turns()
        while self._in_threads:
            await self.eventually(lambda: not self._in_threads)
            await self._turns()

    async def _turns(self) -> None:
        for _ in range(300):
            await asyncio.sleep(0)

    async def restart(self) -> None:
        """Home Assistant starts again: everything in memory is gone."""
        await self.hass.config_entries.async_unload(self.entry.entry_id)
        await self.hass.async_block_till_done()
        self.hass.bus._listeners.pop(EVENT_ACTION, None)
        await async_setup_notifications(self.hass)
        await self.start()
