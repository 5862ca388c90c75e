"""Owns how a picture or clip that is kept goes out: whole or in parts, in clear or unsealed on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import BinaryIO

from aiohttp import ETag, web

from crime_detect_engine.domain.errors import NotFoundError, StoreError
from crime_detect_engine.domain.ports import StoredMedia

_LOG = logging.getLogger(__name__)
CHUNK = 1 << 18


async def send_stored(request: web.Request, stored: StoredMedia, headers: Mapping[str, str]) -> web.StreamResponse:
    """Ranges and conditional requests as RFC 9110 has them, for sealed files too. Raises NotFoundError for one that
    went meanwhile, and StoreError for a sealed one that does not open.
    """
    try:
        in_clear = await asyncio.to_thread(lambda: stored.clear_path)
        if in_clear is not None:
            return web.FileResponse(in_clear, headers=headers)
        content = await asyncio.to_thread(stored.open)
        try:
            size, modified_ns = await asyncio.to_thread(lambda: (stored.size, stored.modified_ns))
            return await _send_unsealed(request, content, size, modified_ns, headers)
        finally:
            await asyncio.to_thread(content.close)
    except FileNotFoundError:
        raise NotFoundError("Retention has deleted it a moment ago.") from None


async def _send_unsealed(
    request: web.Request, content: BinaryIO, size: int, modified_ns: int, headers: Mapping[str, str]
) -> web.StreamResponse:
    etag, modified_s = f"{modified_ns:x}-{size:x}", modified_ns // 10**9
    response = web.StreamResponse(headers=headers)
    response.headers["Accept-Ranges"] = "bytes"
    response.last_modified, response.etag = modified_s, ETag(etag)
    response.content_length = 0
    status = _condition(request, etag, modified_s)
    start, count = 0, 0
    if status == 200:
        status, start, count = _range(request, size, modified_s)
        response.content_length = count
    if status == 206:
        response.headers["Content-Range"] = f"bytes {start}-{start + count - 1}/{size}"
    elif status == 416:
        response.headers["Content-Range"] = f"bytes */{size}"
    elif status == 304:
        response.content_length = None
    response.set_status(status)
    count = 0 if request.method == "HEAD" else count
    chunk = await asyncio.to_thread(_first, content, start, min(count, CHUNK))
    await response.prepare(request)
    try:
        while chunk:
            await response.write(chunk)
            count -= len(chunk)
            chunk = await asyncio.to_thread(content.read, min(count, CHUNK))
    except (StoreError, OSError) as error:
        # Half is sent, so it can be no other answer: the connection ends short of what was announced.
        _LOG.error("a file could not be sent to its end: %s", error)
        if request.transport is not None:
            request.transport.close()
        return response
    await response.write_eof()
    return response


def _first(content: BinaryIO, start: int, count: int) -> bytes:
    content.seek(start)
    return content.read(count)


def _condition(request: web.Request, etag: str, modified_s: int) -> int:
    """200, 304 or 412 (RFC 9110, section 13.2.2)."""
    if request.if_match is not None:
        if not _matches(etag, request.if_match, weak=False):
            return 412
    elif (since := request.if_unmodified_since) is not None and modified_s > since.timestamp():
        return 412
    if request.if_none_match is not None:
        return 304 if _matches(etag, request.if_none_match, weak=True) else 200
    since = request.if_modified_since
    return 304 if since is not None and modified_s <= since.timestamp() else 200


def _matches(etag: str, wanted: tuple[ETag, ...], *, weak: bool) -> bool:
    return any(one.value in ("*", etag) for one in wanted if weak or not one.is_weak)


def _range(request: web.Request, size: int, modified_s: int) -> tuple[int, int, int]:
    """Status, first byte and how many."""
    if (if_range := request.if_range) is not None and modified_s > if_range.timestamp():
        return 200, 0, size
    try:
        asked = request.http_range
    except ValueError:
        return 416, 0, 0
    if asked.start is None and asked.stop is None:
        return 200, 0, size
    start = max(0, size + asked.start) if asked.start < 0 else asked.start
    if start >= size:
        return 416, 0, 0
    return 206, start, min(size if asked.stop is None else asked.stop, size) - start
