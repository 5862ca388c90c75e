"""Owns the order in which threads answer the event loop: at once or late, to find what relies on one of the two."""

from __future__ import annotations

import asyncio
import threading
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

LATE_S = 0.02
AT_MOST_S = 0.05
"""What takes longer than this is not waited for: it may wait for us."""
Run = Callable[..., Any]


def answer_at_once(_original: Run) -> Run:
    """What runs in a thread is done before anybody awaits it, so that an `await` may give no other task a turn."""

    def run_in_executor(loop: Any, executor: Executor | None, function: Run, *arguments: Any) -> Any:
        if executor is None:
            executor = loop._default_executor or ThreadPoolExecutor(thread_name_prefix="asyncio")
            loop._default_executor = executor  # as asyncio does; Home Assistant allows nobody else to set one
        future = executor.submit(function, *arguments)
        wait([future], AT_MOST_S)
        return asyncio.wrap_future(future, loop=loop)

    return run_in_executor


_LATER: SimpleQueue[tuple[asyncio.AbstractEventLoop, Callable[[], None]]] = SimpleQueue()
"""What loops are to hear."""


def _tell_later() -> None:
    """Tells nothing sooner than after LATE_S. No clock is asked: tests stop clocks, the loop's own among them."""
    while True:
        batch = [_LATER.get()]
        while not _LATER.empty():
            batch.append(_LATER.get())
        time.sleep(LATE_S)
        for loop, tell in batch:
            with suppress(RuntimeError):  # it was closed meanwhile
                loop.call_soon_threadsafe(tell)


def answer_late(original: Run) -> Run:
    """The loop goes on for a while before it hears that a thread is done."""
    threading.Thread(target=_tell_later, name="late", daemon=True).start()

    def run_in_executor(loop: Any, *arguments: Any) -> Any:
        done, late = original(loop, *arguments), loop.create_future()

        def tell() -> None:
            if late.done():
                return
            if done.cancelled():
                late.cancel()
            elif (error := done.exception()) is not None:
                late.set_exception(error)
            else:
                late.set_result(done.result())

        done.add_done_callback(lambda _: _LATER.put((loop, tell)))
        late.add_done_callback(lambda future: future.cancelled() and done.cancel())
        return late

    return run_in_executor


ORDERS = {"at-once": answer_at_once, "late": answer_late}


def order_threads(name: str) -> None:
    """For this process, once. Raises ValueError for an order that is none of `ORDERS`."""
    if name not in ORDERS:
        raise ValueError(f"threads answer {' or '.join(ORDERS)}, not {name!r}")
    BaseEventLoop.run_in_executor = ORDERS[name](BaseEventLoop.run_in_executor)  # type: ignore[method-assign]
