"""Owns the answers that last (event feeds, live video): they end when the server stops, within its second."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

_CLOSE_S = 0.3


class Streams:
    """Every open long answer."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()
        self._sockets: set[web.WebSocketResponse] = set()

    @contextmanager
    def open(self, socket: web.WebSocketResponse | None = None) -> Iterator[None]:
        """Counts the current task as a long answer for the length of the block."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a long answer runs in a task")
        self._tasks.add(task)
        if socket is not None:
            self._sockets.add(socket)
        try:
            yield
        finally:
            self._tasks.discard(task)
            if socket is not None:
                self._sockets.discard(socket)

    def __len__(self) -> int:
        return len(self._tasks)

    async def close(self, _app: web.Application) -> None:
        """Says goodbye to those who listen and cuts off those who do not."""
        closing = [asyncio.create_task(socket.close(code=1001)) for socket in self._sockets]
        if closing:
            _, late = await asyncio.wait(closing, timeout=_CLOSE_S)
            for task in late:
                task.cancel()
        for answer in list(self._tasks):
            answer.cancel()


STREAMS = web.AppKey("streams", Streams)
