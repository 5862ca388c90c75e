"""Owns webhooks: one signed JSON POST an event, and where such a POST may never go."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import voluptuous as vol
from aiohttp.abc import AbstractResolver, ResolveResult

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.types import ChangeType, IncidentChanged
from crime_detect_engine.domain.wire import event_data

from .channel import Ambiguous, Channel, Outcome, Outgoing, Permanent, Retry, Sent
from .message import Site, headline, incident_of
from .schema import http_url, list_of, text

_TIMEOUT = aiohttp.ClientTimeout(total=20.0, sock_connect=8.0)
_EVENTS = ("new", "update", "end", "deleted")
_MISCONFIGURED_S = 300.0
"""Somebody has to change something: asked seldom, nothing is lost meanwhile."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = {
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")
}


class ForbiddenAddressError(OSError):
    """The host resolves to an address that webhooks may not reach."""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """`events`: which changes are posted. `allow_private`: this one may reach the machine itself (loopback)."""

    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    name: str | None = None
    events: tuple[str, ...] = ("new", "end")
    labels: tuple[str, ...] = ()
    """Classes to tell; empty is all."""
    only_notify: bool = False
    """Leaves out what is suppressed (cooldown, snooze, schedule)."""
    allow_private: bool = False

    @property
    def key(self) -> str:
        """The recipient's name in the outbox: never the address, which may carry a token."""
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:10]
        return self.name or f"{urlsplit(self.url).hostname}-{digest}"

    def wants(self, event: IncidentChanged) -> bool:
        incident = event.after or event.before
        if incident is None or str(event.type) not in self.events:
            return False
        if self.labels and incident.label not in self.labels:
            return False
        return incident.notify or event.type is ChangeType.DELETED or not self.only_notify


def _event_name(value: object) -> str:
    if value not in _EVENTS:
        raise vol.Invalid(f"expected some of {', '.join(_EVENTS)}")
    return str(value)


def _build(value: Mapping[str, Any]) -> WebhookOptions:
    options = WebhookOptions(**value)
    try:
        forbid_literal(urlsplit(options.url).hostname or "", allow_private=options.allow_private)
    except ForbiddenAddressError as error:
        raise vol.Invalid(str(error)) from None
    return options


_FLAG = vol.All(bool, msg="expected true or false")

SCHEMA = vol.All(
    vol.Schema(
        {
            vol.Required("url"): http_url,
            "secret": text,
            "name": text,
            "events": list_of(_event_name),
            "labels": list_of(text),
            "only_notify": _FLAG,
            "allow_private": _FLAG,
        }
    ),
    _build,
)
"""Yields WebhookOptions."""


class WebhookChannel(Channel):
    """The receiver tells repetitions by `Idempotency-Key`; nothing else could, so an ambiguous post is sent again."""

    name = "webhook"

    def __init__(
        self, options: tuple[WebhookOptions, ...], site: Site, clock: Clock, identity: tuple[str, str]
    ) -> None:
        """`identity`: uuid and epoch of the engine."""
        self._options = {option.key: option for option in options}
        self._site = site
        self._clock = clock
        self._uuid, self._epoch = identity

    async def send(self, outgoing: Outgoing) -> Outcome:
        options = self._options.get(outgoing.delivery.recipient)
        if options is None:
            return Permanent("the webhook is no longer configured")
        body = json.dumps(self._payload(outgoing), ensure_ascii=False, separators=(",", ":")).encode()
        headers = self._headers(outgoing, options, body)
        resolver = GuardedResolver(allow_private=options.allow_private)
        connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True)
        try:
            forbid_literal(urlsplit(options.url).hostname or "", allow_private=options.allow_private)
            async with (
                aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, trust_env=False) as session,
                session.post(options.url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return _verdict(response.status, response.headers.get("Retry-After", ""))
        except ForbiddenAddressError as error:
            return Permanent(str(error))
        except aiohttp.InvalidURL:
            return Permanent("an address that may not or cannot be used")
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            if isinstance(error.__cause__, ForbiddenAddressError):
                return Retry(str(error.__cause__), _MISCONFIGURED_S)
            return Retry(f"no connection: {type(error).__name__}")
        except (aiohttp.ClientError, TimeoutError) as error:
            return Ambiguous(f"no answer: {type(error).__name__}")
        finally:
            await connector.close()

    def _payload(self, outgoing: Outgoing) -> dict[str, Any]:
        incident = incident_of(outgoing.event)
        return {
            **event_data(outgoing.event, self._uuid, self._epoch),
            "text": headline(outgoing, self._site),
            "link": self._site.link(incident.incident_id),
            "age_s": round(outgoing.age_s, 1),
            "test": outgoing.test,
        }

    def _headers(self, outgoing: Outgoing, options: WebhookOptions, body: bytes) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f"{self._uuid}:{self._epoch}:{outgoing.event.seq}",
            "User-Agent": "crime_detect",
        }
        if options.secret is not None:
            headers |= signature(options.secret, body, int(self._clock.now().timestamp()))
        return headers


def signature(secret: str, body: bytes, timestamp_s: int) -> dict[str, str]:
    """Headers by which the receiver knows sender and age: HMAC-SHA256 over `<timestamp>.<body>`, in hex."""
    digest = hmac.new(secret.encode(), f"{timestamp_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Crime-Detect-Timestamp": str(timestamp_s), "X-Crime-Detect-Signature": f"sha256={digest}"}


def _verdict(status: int, retry_after: str) -> Outcome:
    after_s = float(retry_after) if retry_after.isdigit() else None
    if 200 <= status < 300:
        return Sent(f"HTTP {status}")
    if 300 <= status < 400:
        return Retry(f"HTTP {status}: redirects are not followed, configure the final address", _MISCONFIGURED_S)
    if status in {401, 403, 404, 407}:
        return Retry(
            f"HTTP {status}: the receiver does not accept this address or its credentials", after_s or _MISCONFIGURED_S
        )
    if status in {408, 425, 429}:
        return Retry(f"HTTP {status}", after_s)
    return Ambiguous(f"HTTP {status}", after_s) if status >= 500 else Permanent(f"HTTP {status}")


def forbidden(address: str, *, allow_private: bool) -> bool:
    """Link-local, cloud metadata, multicast and unspecified never; loopback by name only; a home network may be."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            ip = ipaddress.IPv6Address(int(ip) & 0xFFFFFFFF | 0xFFFF << 32)
        ip = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
    if ip.is_loopback:
        return not allow_private
    return ip.is_link_local or ip in _METADATA or ip.is_multicast or ip.is_unspecified or ip.is_reserved


def forbid_literal(host: str, *, allow_private: bool) -> None:
    """Numeric hosts do not pass a resolver. Raises ForbiddenAddressError."""
    try:
        refused = forbidden(host, allow_private=allow_private)
    except ValueError:
        return
    if refused:
        raise ForbiddenAddressError("this address may not be reached by a webhook (see allow_private)")


class GuardedResolver(AbstractResolver):
    """The connection goes to the very addresses that were judged: a second answer of the DNS changes nothing."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
        results: list[ResolveResult] = []
        for kind, _, protocol, _, address in found:
            numeric = str(address[0])
            if forbidden(numeric, allow_private=self._allow_private):
                raise ForbiddenAddressError("the host leads to an address that a webhook may not reach")
            results.append(
                ResolveResult(
                    hostname=host, host=numeric, port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
                )
            )
        return results

    async def close(self) -> None:
        """Holds nothing."""
