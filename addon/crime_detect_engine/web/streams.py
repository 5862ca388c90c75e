"""Owns the answers that last (event feeds, live video, exports): they end when the server stops, within its second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import web

from crime_detect_engine.domain.errors import CrimeDetectError

_LOG = logging.getLogger(__name__)
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


async def send_export(
    request: web.Request, chunks: AsyncIterator[bytes], media_type: str, file_name: str
) -> web.StreamResponse:
    """A file that is made while it is sent. Raises what fails before its first byte; later the connection breaks."""
    headers = {"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{file_name}"'}
    response = web.StreamResponse(headers=headers)
    with request.app[STREAMS].open():
        first = await anext(chunks)
        await response.prepare(request)
        await response.write(first)
        try:
            async for chunk in chunks:
                await response.write(chunk)
        except CrimeDetectError as error:
            _LOG.warning("the export of %s was broken off: %s", file_name, error)
            if request.transport is not None:
                request.transport.abort()  # an end that looks like one would pass half of it off as all
    return response
