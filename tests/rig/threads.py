"""Owns the order in which threads answer the event loop: at once or late, to find what relies on one of the two."""

from __future__ import annotations

import asyncio
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
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
            loop.set_default_executor(executor)
        future = executor.submit(function, *arguments)
        wait([future], AT_MOST_S)
        return asyncio.wrap_future(future, loop=loop)

    return run_in_executor


def answer_late(original: Run) -> Run:
    """The loop goes on for a while before it hears that a thread is done."""

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

        done.add_done_callback(lambda _: loop.is_closed() or loop.call_later(LATE_S, tell))
        late.add_done_callback(lambda future: future.cancelled() and done.cancel())
        return late

    return run_in_executor


ORDERS = {"at-once": answer_at_once, "late": answer_late}


def order_threads(name: str) -> None:
    """For this process, once. Raises ValueError for an order that is none of `ORDERS`."""
    if name not in ORDERS:
        raise ValueError(f"threads answer {' or '.join(ORDERS)}, not {name!r}")
    BaseEventLoop.run_in_executor = ORDERS[name](BaseEventLoop.run_in_executor)  # type: ignore[method-assign]
