"""Owns taking messages away from phones again."""

from __future__ import annotations

import asyncio

from . import payload
from .journal import Journal, Record
from .phones import Phones


async def async_clear(journal: Journal, phones: Phones, incident_id: str) -> None:
    """Takes an incident's messages away from every phone that shows one."""
    record = journal.records.get(incident_id)
    if record is None:
        return
    record.closed.set()

    async def clear(recipient_id: str) -> None:
        async with phones.lock(recipient_id, record.camera):
            await async_clear_one(phones, incident_id, record, recipient_id)

    await asyncio.gather(*(clear(recipient_id) for recipient_id in record.messages))
    journal.drop_if_empty(incident_id)
    await journal.async_save()


async def async_clear_one(phones: Phones, incident_id: str, record: Record, recipient_id: str) -> None:
    """The lock is held. A phone that cannot be reached keeps its message."""
    message = record.messages.pop(recipient_id, None)
    if message is not None:
        await phones.async_send(message.action, lambda: payload.clear(incident_id))
