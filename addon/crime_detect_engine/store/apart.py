"""Owns work on a disk that may never answer: in threads of its own, which nobody waits for at the end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from crime_detect_engine.domain.errors import CrimeDetectError

_T = TypeVar("_T")


class Apart:
    """One job at a time. A share that hangs holds this thread, and neither alerts nor the end of the process."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._held: asyncio.Future[object] | None = None

    @property
    def busy(self) -> bool:
        return self._held is not None and not self._held.done()

    async def call(self, job: Callable[[], _T], timeout_s: float | None = None) -> _T:
        """Raises what `job` raises, and TimeoutError when it takes longer: then it goes on, and the next waits."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_s):
            while self._held is not None and not self._held.done():
                await asyncio.wait([self._held])
            done: asyncio.Future[_T] = loop.create_future()
            done.add_done_callback(_seen)
            self._held = done  # type: ignore[assignment]

            def settle(result: _T | None, error: Exception | None) -> None:
                if error is not None and not done.cancelled():
                    done.set_exception(error)
                elif not done.cancelled():
                    done.set_result(result)  # type: ignore[arg-type]

            def run() -> None:
                result: _T | None = None
                error: Exception | None = RuntimeError(f"{self._name} ended without an answer")
                try:
                    result, error = job(), None
                except (OSError, ValueError, CrimeDetectError) as caught:
                    error = caught
                finally:
                    with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                        loop.call_soon_threadsafe(settle, result, error)

            threading.Thread(target=run, name=self._name, daemon=True).start()
            return await asyncio.shield(done)


def _seen(done: asyncio.Future[_T]) -> None:
    """Nobody may be left who waits for it."""
    if not done.cancelled():
        done.exception()
