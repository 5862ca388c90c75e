"""Owns trying a source that is not a camera yet: one picture within a time limit, or why there is none."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.ports import Source
from crime_detect_engine.domain.types import Image

LIMIT_S = 15.0
MAX_HEIGHT = 720


async def first_picture(source: Source, limit_s: float = LIMIT_S) -> Image:
    """RGB uint8 HxWx3 of at most 720 lines. Raises SourceError, free of credentials.

    It is read in a thread of its own, like a camera's: one that hangs beyond all timeouts is left to end by itself.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Image] = loop.create_future()

    def settle(outcome: Image | SourceError) -> None:
        if answer.done():
            return
        if isinstance(outcome, SourceError):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)

    def read() -> None:
        outcome: Image | SourceError = SourceError("what it sends cannot be decoded")
        try:
            outcome = _read_one(source)
        except SourceError as error:
            outcome = error
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has ended, nobody waits any more
                loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=read, name="source-trial", daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError:
        raise SourceError(f"no picture came within {limit_s:g} s") from None
    finally:
        source.interrupt()


def _read_one(source: Source) -> Image:
    frames = source.frames(None)
    try:
        for raw in frames:
            height = min(raw.height, MAX_HEIGHT)
            return raw.rgb(max(1, round(raw.width * height / raw.height)), height, "area")
    finally:
        getattr(frames, "close", lambda: None)()
    raise SourceError("it ended before a picture came")
