"""The engine is found in the network by itself, and only where others can reach it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from crime_detect_engine.outputs import announcement
from crime_detect_engine.outputs.announcement import SERVICE, Announced, Announcement, is_reachable, own_addresses
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

TOLD = Announced("0c4f1f9e-6f3e-4b6e-9a5e-000000000001", "home", "0.2.0")
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


class Neighbour:
    """Who looks for engines on loopback, as Home Assistant does in its network."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.zeroconf = AsyncZeroconf(interfaces=["127.0.0.1"])
        self._browser = AsyncServiceBrowser(self.zeroconf.zeroconf, SERVICE, handlers=[self._changed])

    def _changed(self, zeroconf: Any, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if state_change is ServiceStateChange.Removed:
            self.names.discard(name)
        else:
            self.names.add(name)

    async def info(self, name: str) -> AsyncServiceInfo:
        info = AsyncServiceInfo(SERVICE, name)
        assert await info.async_request(self.zeroconf.zeroconf, 5000)
        return info

    async def close(self) -> None:
        await self._browser.async_cancel()
        await self.zeroconf.async_close()


@pytest.fixture
async def neighbour() -> AsyncIterator[Neighbour]:
    made = Neighbour()
    yield made
    await made.close()


@asynccontextmanager
async def announcing(
    addresses: Callable[[], Sequence[str]], host: str = "0.0.0.0", told: Announced = TOLD
) -> AsyncIterator[None]:
    running = Announcement(told, host, 8099, addresses=addresses, interfaces=["127.0.0.1"])
    task = asyncio.create_task(running.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_neighbour_finds_the_engine_and_misses_it_when_it_stops(
    neighbour: Neighbour, eventually: Eventually
) -> None:
    async with announcing(lambda: ["192.0.2.7"]):
        await eventually(lambda: bool(neighbour.names))
        (name,) = neighbour.names
        info = await neighbour.info(name)
        assert name == "crime_detect home 0c4f1f9e._crime-detect._tcp.local."
        assert (info.parsed_addresses(), info.port) == (["192.0.2.7"], 8099)
        assert info.decoded_properties == {"uuid": TOLD.uuid, "instance": "home", "version": "0.2.0"}
    await eventually(lambda: not neighbour.names)


async def test_a_machine_that_gets_its_address_late_is_found_then(
    neighbour: Neighbour, eventually: Eventually, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcement, "LOOK_EVERY_S", 0.05)
    addresses: list[str] = []
    async with announcing(lambda: addresses):
        await asyncio.sleep(0.2)
        assert not neighbour.names
        addresses.append("192.0.2.8")
        await eventually(lambda: bool(neighbour.names))
        assert (await neighbour.info(min(neighbour.names))).parsed_addresses() == ["192.0.2.8"]


async def test_a_network_that_refuses_is_said_once(
    monkeypatch: pytest.MonkeyPatch, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(announcement, "LOOK_EVERY_S", 0.01)
    asked: list[int] = []

    def refuse(**_: Any) -> None:
        asked.append(1)
        raise OSError(19, "No such device")

    monkeypatch.setattr(announcement, "AsyncZeroconf", refuse)
    async with announcing(lambda: ["192.0.2.9"]):
        await eventually(lambda: len(asked) > 3)
    assert caplog.text.count("cannot be found by itself") == 1


async def test_one_address_is_announced_where_only_that_is_listened_on(
    neighbour: Neighbour, eventually: Eventually
) -> None:
    async with announcing(lambda: ["192.0.2.7"], host="192.0.2.1"):
        await eventually(lambda: bool(neighbour.names))
        assert (await neighbour.info(min(neighbour.names))).parsed_addresses() == ["192.0.2.1"]


async def test_who_finds_it_learns_that_it_speaks_tls(neighbour: Neighbour, eventually: Eventually) -> None:
    async with announcing(lambda: ["192.0.2.7"], told=replace(TOLD, tls=True)):
        await eventually(lambda: bool(neighbour.names))
        assert (await neighbour.info(min(neighbour.names))).decoded_properties["tls"] == "1"


def test_loopback_is_nobodys_business() -> None:
    hosts = ("127.0.0.1", "127.0.0.53", "::1", "localhost", "0.0.0.0", "::", "192.168.1.5", "engine.lan")
    assert [host for host in hosts if is_reachable(host)] == ["0.0.0.0", "::", "192.168.1.5", "engine.lan"]
    assert not [address for address in own_addresses() if address.startswith(("127.", "169.254.", "fe80", "::1"))]
