"""Owns what a channel is: one way out of the engine, and what an attempt to use it may result in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from crime_detect_engine.domain.ports import Delivery
from crime_detect_engine.domain.types import IncidentChanged


@dataclass(frozen=True, slots=True)
class Sent:
    """The far end has taken it over."""

    receipt: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """It certainly did not arrive; worth another attempt, not before `after_s` where the far end said so."""

    error: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Nobody here knows whether it arrived: the channel's `find` is asked before it is sent again."""

    error: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Permanent:
    """It will never arrive (invalid number): not tried again, the error stays visible."""

    error: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """It did not arrive and nothing else on this channel will (bad credentials): the whole channel waits `after_s`."""

    error: str
    after_s: float = 300.0


Outcome = Sent | Retry | Ambiguous | Permanent | Blocked


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery with all that a channel may put into it. `age_s`: seconds since the event happened."""

    delivery: Delivery
    event: IncidentChanged
    age_s: float
    snapshot: Callable[[], Awaitable[bytes | None]]
    """JPEG of the incident's best picture so far, read when asked for."""
    test: bool = False
    """True for a message that a person asked for to see whether the channel works."""


class Channel(Protocol):
    """Sends one message at a time to one recipient. Errors come back as outcomes; `send` never retries by itself."""

    name: str

    @property
    def ready(self) -> bool:
        """False while there is no connection to send over; deliveries then wait without counting as attempts."""
        return True

    def bind(self, wake: Callable[[], None]) -> None:  # noqa: ARG002 the protocol's name
        """`wake` is to be called in the event loop when `ready` becomes true; always-ready channels ignore it."""
        return

    async def send(self, outgoing: Outgoing) -> Outcome: ...

    async def find(self, outgoing: Outgoing) -> Outcome | None:  # noqa: ARG002 the protocol's name
        """Asks the far end about an ambiguous message: Sent, Retry (could not ask), or None (not there: send it).

        The default sends again: right where the far end recognises a repeated message by its key.
        """
        return None

    async def close(self) -> None:
        """Releases connections; nothing is sent afterwards."""
        return
