"""Owns the event stream over WebSocket."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from aiohttp import WSCloseCode, web

from crime_detect_engine.domain.errors import CrimeDetectError, InvalidInputError
from crime_detect_engine.web.access import ACCESS, ACTOR, role
from crime_detect_engine.web.answers import Answer
from crime_detect_engine.web.auditing import HOUR, audited
from crime_detect_engine.web.feed import Feed, SlowClientError
from crime_detect_engine.web.route import API, ENGINE, Route, read_query
from crime_detect_engine.web.streams import STREAMS

_LOG = logging.getLogger(__name__)
_HEARTBEAT_S = 20.0
_RESUME = vol.Schema(
    {
        vol.Optional("since"): vol.All(vol.Coerce(int), vol.Range(min=0, max=2**63 - 1)),
        vol.Optional("epoch"): vol.Length(max=64),
    }
)


@audited("follow_events", "events", fold_s=HOUR)
@role("viewer")
async def stream_events(request: web.Request) -> web.StreamResponse:
    """Every event as a message; `since` and `epoch` resume after the last one seen."""
    resume = read_query(request, _RESUME)
    socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_S, max_msg_size=4096, timeout=1.0)
    if not socket.can_prepare(request):
        raise InvalidInputError("This address speaks WebSocket only.")
    await socket.prepare(request)

    async def send(message: Mapping[str, Any]) -> None:
        await socket.send_str(json.dumps(message, separators=(",", ":")))

    async def allowed() -> bool:
        return await request.app[ACCESS].still_allowed(request)

    feed = Feed(request.app[ENGINE], request[ACTOR], send, allowed)
    with request.app[STREAMS].open(socket):
        feeding = asyncio.create_task(_feed(request, socket, feed, resume))
        try:
            async for _ in socket:
                pass  # what clients say is ignored; reading answers their pings and notices that they left
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
    return socket


async def _feed(request: web.Request, socket: web.WebSocketResponse, feed: Feed, resume: Mapping[str, Any]) -> None:
    try:
        await feed.run(resume.get("since"), resume.get("epoch"))
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"no longer allowed")
    except SlowClientError:
        _LOG.info("event feed of %s closed: it does not keep up", request[ACTOR].name)
        if request.transport is not None:
            request.transport.abort()  # a close frame would queue behind all that was not read
    except ConnectionResetError:
        pass  # left while we wrote
    except CrimeDetectError as error:
        _LOG.warning("event feed closed: %s", error)
        await socket.close(code=WSCloseCode.INTERNAL_ERROR, message=b"storage unavailable")


ROUTES = (Route("GET", f"{API}/events", stream_events, query=_RESUME, answers=(Answer(101),)),)
