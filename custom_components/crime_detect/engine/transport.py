"""Owns requests to one engine: addresses, the token, limits of time and size, and what went wrong as EngineErrors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from .errors import BadMessageError, CannotConnectError, EngineError, InvalidAuthError, NotFoundError

API = "/api/v1"
ANSWER_S = 10.0
SILENCE_S = 30.0
"""Of a download or upload: it may take long, but not stand still."""
HEARTBEAT_S = 20.0
CLOSE_S = 2.0
ANSWER_BYTES = 16 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
ON_BEHALF_OF_LENGTH = 100
_NOT_NOW = {429, 502, 504}


class Transport:
    """Paths are below /api/v1. The token is in headers only, never in addresses or errors."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url
        self._token = token

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def address(self, path: str) -> str:
        return f"{self._url}{API}{path}"

    async def json(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        on_behalf_of: str | None = None,
        limit_s: float = ANSWER_S,
    ) -> Any:
        """None for an empty answer."""
        limit = aiohttp.ClientTimeout(total=limit_s)
        async with self._request(method, path, body, query, on_behalf_of, limit) as response:
            return _parsed(await _bounded(response))

    async def read(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        limit_s: float = ANSWER_S,
    ) -> bytes:
        limit = aiohttp.ClientTimeout(total=limit_s)
        async with self._request(method, path, body, query, None, limit) as response:
            return await _bounded(response)

    async def download(self, path: str, target: Path, on_behalf_of: str | None = None) -> None:
        """`target` is there whole, or not at all."""
        partial = target.with_name(f".{target.name}.part")
        limit = aiohttp.ClientTimeout(total=None, connect=ANSWER_S, sock_read=SILENCE_S)
        try:
            async with self._request("GET", path, None, None, on_behalf_of, limit) as response:
                file = await asyncio.to_thread(partial.open, "wb")
                try:
                    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                        await asyncio.to_thread(file.write, chunk)
                finally:
                    await asyncio.to_thread(file.close)
            await asyncio.to_thread(partial.replace, target)
        except OSError as error:
            raise EngineError(f"cannot write {target.name}: {error.strerror}", "cannot_write") from error
        finally:
            # Not awaited in a thread: a task that is being cancelled does not wait.
            with suppress(OSError):
                partial.unlink(missing_ok=True)

    async def upload(self, path: str, source: Path, name: str) -> Any:
        limit = aiohttp.ClientTimeout(total=None, connect=ANSWER_S, sock_read=SILENCE_S)
        try:
            file = await asyncio.to_thread(source.open, "rb")
        except OSError as error:
            raise EngineError(f"cannot read {name}: {error.strerror}", "cannot_read") from error
        try:
            form = aiohttp.FormData()
            form.add_field("file", file, filename=name)
            async with self._request("POST", path, form, None, None, limit) as response:
                return _parsed(await _bounded(response))
        finally:
            await asyncio.to_thread(file.close)

    async def messages(self, path: str, query: Mapping[str, str]) -> AsyncGenerator[Mapping[str, Any]]:
        """Each text message of a WebSocket, parsed. Ends by raising only."""
        socket = await self._open(path, query)
        try:
            while True:
                text = await _next_text(socket)
                parsed = _parsed(text)
                if not isinstance(parsed, dict):
                    raise BadMessageError("a message that is no object", "bad_message")
                yield parsed
        except aiohttp.ClientError as error:
            raise CannotConnectError(f"the connection broke ({type(error).__name__})", "closed") from error
        finally:
            await socket.close()

    async def _open(self, path: str, query: Mapping[str, str]) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._session.ws_connect(
                    self.address(path),
                    params=query,
                    headers=self.headers,
                    autoping=False,  # see _next_text
                    max_msg_size=ANSWER_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise _refusal(error.status, {}) from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unreachable(error) from error

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, str] | None,
        on_behalf_of: str | None,
        limit: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = self.headers
        if on_behalf_of:
            headers["X-On-Behalf-Of"] = _printable(on_behalf_of)
        sent: dict[str, Any] = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
        if body is None:
            sent = {}
        try:
            async with self._session.request(
                method,
                self.address(path),
                params=query,
                headers=headers,
                timeout=limit,
                # A token is not to be carried to wherever a foreign server points.
                allow_redirects=False,
                **sent,
            ) as response:
                if response.status >= 300:
                    raise _refusal(response.status, await _refused(response))
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(error) from error


async def _next_text(socket: aiohttp.ClientWebSocketResponse) -> str:
    """Asks whether it is still there after HEARTBEAT_S of silence. aiohttp's own heartbeat outlives its socket."""
    loop = asyncio.get_running_loop()
    asked_s: float | None = None
    while True:
        try:
            message = await socket.receive(HEARTBEAT_S)
        except TimeoutError as error:
            if asked_s is None:
                asked_s = loop.time()
                await socket.ping()
            elif loop.time() - asked_s > HEARTBEAT_S / 2:  # else the clock jumped, as after a sleep of the machine
                raise CannotConnectError("it is silent", "timeout") from error
            continue
        asked_s = None
        match message.type:
            case aiohttp.WSMsgType.TEXT:
                return str(message.data)
            case aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
            case aiohttp.WSMsgType.PONG | aiohttp.WSMsgType.BINARY:
                pass
            case _:
                raise CannotConnectError(f"the engine closed the connection ({socket.close_code})", "closed")


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        content += chunk
        if len(content) > ANSWER_BYTES:
            raise BadMessageError("the answer is too long", "bad_message")
    return bytes(content)


async def _refused(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """The engine's own words, where they are its words."""
    try:
        parsed = _parsed(await _bounded(response))
    except BadMessageError:
        return {}
    error = parsed.get("error") if isinstance(parsed, dict) else None
    return error if isinstance(error, dict) else {}


def _parsed(content: bytes | str) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadMessageError("the answer is not JSON", "bad_message") from error


def _refusal(status: int, said: Mapping[str, Any]) -> EngineError:
    code, message = str(said.get("code") or f"http_{status}"), str(said.get("message") or f"HTTP status {status}")
    if status in (401, 403):
        return InvalidAuthError(message, code, status)
    if status == 404:
        return NotFoundError(message, code, status)
    if status in _NOT_NOW:
        return CannotConnectError(message, code, status)
    if 300 <= status < 400:
        return BadMessageError("it points elsewhere: this is not the engine's own address", code, status)
    return EngineError(message, code, status)


def _unreachable(error: Exception) -> CannotConnectError:
    if isinstance(error, TimeoutError):
        return CannotConnectError("no answer in time", "timeout")
    if isinstance(error, aiohttp.ClientSSLError):
        return CannotConnectError("its certificate is not trusted", "certificate")
    # Their texts may repeat the address, and an address may hold a password.
    return CannotConnectError(f"not reached ({type(error).__name__})", "not_reached")


def _printable(text: str) -> str:
    """A header is one line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:ON_BEHALF_OF_LENGTH].strip()
