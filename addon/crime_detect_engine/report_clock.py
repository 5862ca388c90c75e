"""Owns putting reports into the outbox when they are due, once a period and recipient, over restarts too."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from zoneinfo import ZoneInfo

from .domain.clock import Clock
from .domain.errors import StoreError
from .outputs.report_mail import CHANNEL, ReportsOptions, due_reports

_LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 20.0
AddOnce = Callable[[str, str], Awaitable[bool]]
"""The store's: channel and recipient key to whether it is new. It knows what was ever put there."""


class ReportClock:
    """`options` are those in force when it is called."""

    def __init__(self, options: Callable[[], ReportsOptions], zone: ZoneInfo, clock: Clock) -> None:
        self.options = options
        self._zone = zone
        self._clock = clock
        self._added: frozenset[str] = frozenset()

    async def run(self, add_once: AddOnce, notify: Callable[[str], None]) -> None:
        """Until cancelled; `notify` wakes the outbox. What the store refuses is tried again at the next look."""
        refusal = ""
        while True:
            try:
                if await self.look(add_once):
                    notify(CHANNEL)
                refusal = ""
            except StoreError as error:
                if str(error) != refusal:
                    _LOG.warning("reports that are due cannot be put into the outbox: %s", error)
                refusal = str(error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, add_once: AddOnce) -> int:
        """Puts what is due into the outbox; returns how many were new. Raises StoreError."""
        due = frozenset(due_reports(self.options(), self._clock.now(), self._zone))
        fresh = [await add_once(CHANNEL, key) for key in sorted(due - self._added)]
        self._added = due
        return sum(fresh)
