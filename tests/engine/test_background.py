"""Owns the tests of tasks that must not end in silence."""

from __future__ import annotations

import asyncio
from typing import Any

from crime_detect_engine import background


async def test_a_task_that_fails_is_told_with_its_traceback(caplog: Any, until: Any) -> None:
    told: list[str] = []

    async def work() -> None:
        raise ValueError("the reason")

    background.start(work(), "status", told.append)
    await until(lambda: told)
    assert told == ["status has ended (ValueError); restart the engine and report this"]
    assert "the reason" in caplog.text


async def test_ending_a_task_tells_nothing() -> None:
    told: list[str] = []
    task = background.start(asyncio.sleep(60), "status", told.append)
    await background.end(task)
    assert task.cancelled()
    assert told == []
