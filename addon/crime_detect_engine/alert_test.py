"""Owns the test alert: one message marked TEST over every output, past the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .control import test_incident
from .domain.clock import Clock
from .domain.types import ChangeType, IncidentChanged
from .outputs import AlertOptions, targets_of_a_test
from .outputs.channel import Sent
from .outputs.outbox import Outbox


async def send_test(outbox: Outbox, alerts: AlertOptions, labels: Sequence[str], clock: Clock) -> Mapping[str, Any]:
    """`{ok, error}` by `channel:recipient`."""
    event = IncidentChanged(0, ChangeType.NEW, None, test_incident(clock, labels), clock.now())
    outcomes = await outbox.send_test(event, targets_of_a_test(alerts, mqtt=False))
    return {
        target: {"ok": isinstance(outcome, Sent), "error": getattr(outcome, "error", None)}
        for target, outcome in outcomes.items()
    }
