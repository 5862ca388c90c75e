"""Owns what slows down who guesses: limits by address and by account, and few lines in the audit about many tries."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from crime_detect_engine.domain.clock import Clock

MAX_FAILURES = 10
FAILURE_WINDOW_S = 60.0
MAX_ADDRESSES = 10_000
FREE_TRIES = 5
FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 900.0
FORGOTTEN_S = 86_400.0
FOLDED_S = 600.0
LINES_AN_HOUR = 60


class FailureLimit:
    """At most `MAX_FAILURES` wrong credentials an address and minute; an IPv6 caller owns its whole /64."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0 when it may now."""
        failures = self._failures.get(network_of(address))
        if failures is None:
            return 0.0
        now = self._clock.tick_s()
        while failures and now - failures[0] > FAILURE_WINDOW_S:
            failures.popleft()
        return FAILURE_WINDOW_S - (now - failures[0]) if len(failures) >= MAX_FAILURES else 0.0

    def count(self, address: str) -> None:
        network = network_of(address)
        self._failures.setdefault(network, deque(maxlen=MAX_FAILURES)).append(self._clock.tick_s())
        self._failures.move_to_end(network)
        while len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)

    def forgive(self, address: str) -> None:
        """The try that was counted last was right."""
        if failures := self._failures.get(network_of(address)):
            failures.pop()


@dataclass(slots=True)
class _Tries:
    count: int = 0
    last_tick_s: float = 0.0


class AccountLimit:
    """After `FREE_TRIES` wrong passwords for one name each further one must wait, twice as long every time.

    An address from which that person has signed in before counts for itself, so that nobody elsewhere can lock them
    out there. Names that nobody has are counted alike.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tries: OrderedDict[tuple[str, str], _Tries] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def wait_s(self, name: str, address: str) -> float:
        tries = self._tries.get(self._key(name, address))
        if tries is None or tries.count < FREE_TRIES:
            return 0.0
        passed = self._clock.tick_s() - tries.last_tick_s
        delay = min(FIRST_DELAY_S * 2.0 ** min(tries.count - FREE_TRIES, 30), LONGEST_DELAY_S)
        return max(delay - passed, 0.0)

    def count(self, name: str, address: str) -> None:
        key, now = self._key(name, address), self._clock.tick_s()
        tries = self._tries.setdefault(key, _Tries())
        if now - tries.last_tick_s > FORGOTTEN_S:
            tries.count = 0
        tries.count, tries.last_tick_s = tries.count + 1, now
        self._tries.move_to_end(key)
        while len(self._tries) > MAX_ADDRESSES:
            self._tries.popitem(last=False)

    def succeed(self, name: str, address: str) -> None:
        """This address is one of theirs from now on. What was tried elsewhere goes on counting."""
        key, known = self._key(name, address), (name, network_of(address))
        if key == known:
            self._tries.pop(key, None)
        elif (tries := self._tries.get(key)) is not None:
            tries.count -= 1  # this one was counted before anybody knew that it was right
        self._known[known] = None
        self._known.move_to_end(known)
        while len(self._known) > MAX_ADDRESSES:
            self._known.popitem(last=False)

    def _key(self, name: str, address: str) -> tuple[str, str]:
        network = network_of(address)
        return (name, network) if (name, network) in self._known else (name, "")


@dataclass(slots=True)
class _Folded:
    told_tick_s: float
    since: int = 0


@dataclass(slots=True)
class FailureLog:
    """Says which refused tries the audit is told: the first of a name and address, then how many more there were, ten
    minutes later at the earliest; never more than `LINES_AN_HOUR` of all of them."""

    clock: Clock
    _folded: OrderedDict[tuple[str, str], _Folded] = field(default_factory=OrderedDict)
    _told: deque[float] = field(default_factory=lambda: deque(maxlen=LINES_AN_HOUR))

    def count(self, name: str, address: str) -> int:
        """How many tries to tell of now, this one included; 0 when it is counted for later."""
        key, now = (name, network_of(address)), self.clock.tick_s()
        folded = self._folded.setdefault(key, _Folded(-FOLDED_S))
        self._folded.move_to_end(key)
        while len(self._folded) > MAX_ADDRESSES:
            self._folded.popitem(last=False)
        folded.since += 1
        full = len(self._told) == LINES_AN_HOUR and now - self._told[0] < 3600.0
        if full or now - folded.told_tick_s < FOLDED_S:
            return 0
        self._told.append(now)
        attempts, folded.since, folded.told_tick_s = folded.since, 0, now
        return attempts


def network_of(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network(f"{parsed}/64", strict=False)) if "%" not in address else address
    return address


def duration_text(seconds: float) -> str:
    return f"{int(seconds) + 1} seconds" if seconds < 60 else f"{int(seconds / 60) + 1} minutes"
