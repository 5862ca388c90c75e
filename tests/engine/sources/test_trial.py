"""A source is tried: a picture, a reason, or the end of patience."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources import build_source
from crime_detect_engine.sources.trial import first_picture

from tests.fakes import IdleSource


async def test_a_real_stream_gives_a_picture_and_its_connection_is_closed(serve, video):
    server = serve({"cam": [video]}, user="eye", password="s3cret")
    source = build_source(f"rtsp://eye:s3cret@127.0.0.1:{server.port}/cam", clock=SystemClock())
    assert (await first_picture(source)).shape == (96, 160, 3)
    async with asyncio.timeout(60):
        while any(thread.name == "source-trial" for thread in threading.enumerate()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_wrong_password_is_the_reason_and_is_not_repeated(serve, video):
    server = serve({"cam": [video]}, user="eye", password="s3cret")
    source = build_source(f"rtsp://eye:wr0ng@127.0.0.1:{server.port}/cam", clock=SystemClock())
    with pytest.raises(SourceError, match="user name or password refused") as refused:
        await first_picture(source)
    assert refused.value.unauthorized
    assert "wr0ng" not in str(refused.value)


async def test_a_source_that_says_nothing_is_given_up_and_let_go():
    source = IdleSource()
    with pytest.raises(SourceError, match="no picture came within"):
        await first_picture(source, 0.1)
    async with asyncio.timeout(60):
        while any(thread.name == "source-trial" for thread in threading.enumerate()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Broken(IdleSource):
    """A decoder that fails in a way nobody foresaw, or a stream without a picture."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self._error = error

    def frames(self, on_packet: Any = None) -> Iterator[Any]:
        if self._error is not None:
            raise self._error
        yield from ()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("error", "said"), [(MemoryError(), "cannot be decoded"), (None, "ended before a picture came")]
)
async def test_whatever_happens_there_is_an_answer(error, said):
    with pytest.raises(SourceError, match=said):
        await first_picture(Broken(error))
