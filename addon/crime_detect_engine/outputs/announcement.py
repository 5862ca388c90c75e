"""Owns telling the local network where the engine is (zeroconf, `_crime-detect._tcp.local.`)."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ifaddr import get_adapters
from zeroconf import Error, InterfaceChoice
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

_LOG = logging.getLogger(__name__)
SERVICE = "_crime-detect._tcp.local."
LOOK_EVERY_S = 60.0
"""A machine often has its address only some time after the engine started, and another one later."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What is told: anybody in the network can read it."""

    uuid: str
    instance: str
    version: str
    tls: bool = False


def is_reachable(host: str) -> bool:
    """Whether others can come in at all: nothing to announce on loopback."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def _is_one_address(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def own_addresses() -> list[str]:
    """This machine's addresses but those that only itself or its cable can use."""
    found = [one.ip for adapter in get_adapters() for one in adapter.ips]
    parsed = [ipaddress.ip_address(ip if isinstance(ip, str) else ip[0].split("%")[0]) for ip in found]
    return sorted({str(one) for one in parsed if not (one.is_loopback or one.is_link_local or one.is_unspecified)})


class Announcement:
    """`run` keeps it true until cancelled. A network that refuses is said once and tried again; nothing is fatal."""

    def __init__(
        self,
        announced: Announced,
        host: str,
        port: int,
        *,
        addresses: Callable[[], Sequence[str]] = own_addresses,
        interfaces: InterfaceChoice | list[str] = InterfaceChoice.All,
    ) -> None:
        """`host` is where the engine listens."""
        self._announced = announced
        self._port = port
        self._interfaces = interfaces
        self._addresses = (lambda: [host]) if _is_one_address(host) else addresses
        self._zeroconf: AsyncZeroconf | None = None
        self._told: tuple[str, ...] = ()
        self._complaint: str | None = None

    async def run(self) -> None:
        try:
            while True:
                await self._tell()
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await self._withdraw()

    async def _tell(self) -> None:
        try:
            addresses = tuple(await asyncio.to_thread(self._addresses))
            if addresses == self._told:
                return
            await self._withdraw()
            if addresses:
                self._zeroconf = AsyncZeroconf(interfaces=self._interfaces)
                await (await self._zeroconf.async_register_service(self._service(addresses)))
        except (Error, OSError, ValueError, TimeoutError) as error:
            await self._withdraw()
            complaint = f"{type(error).__name__} {error}".strip()
            if complaint != self._complaint:
                _LOG.warning("the engine cannot be found by itself in this network (zeroconf: %s)", complaint)
            self._complaint = complaint
        else:
            self._told, self._complaint = addresses, None

    def _service(self, addresses: Sequence[str]) -> AsyncServiceInfo:
        told, short = self._announced, self._announced.uuid[:8]
        properties: dict[str, str] = {
            "uuid": told.uuid, "instance": told.instance, "version": told.version,
        }  # fmt: skip
        if told.tls:
            properties["tls"] = "1"
        return AsyncServiceInfo(
            SERVICE,
            f"crime_detect {told.instance} {short}.{SERVICE}",
            port=self._port,
            properties=properties,
            server=f"crime-detect-{short}.local.",
            parsed_addresses=list(addresses),
        )

    async def _withdraw(self) -> None:
        zeroconf, self._zeroconf, self._told = self._zeroconf, None, ()
        if zeroconf is not None:
            try:
                await zeroconf.async_unregister_all_services()
                await zeroconf.async_close()
            except (Error, OSError, TimeoutError) as error:
                _LOG.debug("zeroconf: %s", error)
