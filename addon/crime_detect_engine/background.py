"""Owns tasks that run as long as the engine does: none may end in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

_LOG = logging.getLogger(__name__)


def start(work: Coroutine[Any, Any, None], name: str, on_death: Callable[[str], None]) -> asyncio.Task[None]:
    """A task that only ends when cancelled. Should it end otherwise, `on_death` gets what to tell people."""

    def ended(task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        fault = f"{name} has ended ({type(error).__name__}); restart the engine and report this"
        _LOG.critical("%s", fault, exc_info=error)
        on_death(fault)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancels and waits."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
