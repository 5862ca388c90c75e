"""Owns the way to a time-stamping authority: one POST, a small answer (RFC 3161, section 3.4)."""

from __future__ import annotations

import aiohttp

from crime_detect_engine.domain.errors import AnchorError

ANSWER_S = 30.0
MAX_BYTES = 100_000


async def ask_authority(url: str, request: bytes) -> bytes:
    """The answer as it came, unchecked. Raises AnchorError."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=request, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise AnchorError(f"the time-stamping authority answers {answer.status}")
            data = await answer.content.read(MAX_BYTES + 1)
            while len(data) <= MAX_BYTES and (more := await answer.content.read(MAX_BYTES)):
                data += more
    except (aiohttp.ClientError, TimeoutError) as error:
        raise AnchorError(f"the time-stamping authority does not answer: {type(error).__name__}") from error
    if len(data) > MAX_BYTES:
        raise AnchorError("the time-stamping authority answers with more than a stamp")
    return data
