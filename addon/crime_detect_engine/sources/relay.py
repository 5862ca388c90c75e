"""Owns the door between FFmpeg and an RTSP server: FFmpeg follows redirects blindly and cannot be told not to.

FFmpeg speaks plain RTSP to a relay on loopback; the relay alone decides which address is connected to, adds TLS for
`rtsps`, and reads every reply before FFmpeg does: a 3xx never reaches it. Closing the relay ends a hung read at once.
"""

from __future__ import annotations

import contextlib
import re
import selectors
import socket
import ssl
import threading
from collections.abc import Sequence

_MAX_LINE = 4096
_CHUNK = 65536


class Redirected(Exception):
    """The server answered 3xx; `location` is where it points to, possibly empty."""

    def __init__(self, location: str) -> None:
        super().__init__("the server redirects")
        self.location = location


class ProtocolError(Exception):
    """The server's answer is not RTSP."""


class ReplyReader:
    """Follows RTSP framing (replies, bodies, interleaved `$` blocks) as FFmpeg reads it; stops at a 3xx."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._skip = 0
        self._head: list[str] = []

    def feed(self, data: bytes) -> None:
        """The next bytes from the server. Raises Redirected or ProtocolError before they may be passed on."""
        position = 0
        while position < len(data):
            if self._skip:
                step = min(self._skip, len(data) - position)
                self._skip -= step
                position += step
            elif self._line[:1] == b"$" or (not self._line and data[position : position + 1] == b"$"):
                step = min(4 - len(self._line), len(data) - position)
                self._line += data[position : position + step]
                position += step
                if len(self._line) == 4:
                    self._skip = int.from_bytes(self._line[2:], "big")
                    self._line.clear()
            else:
                end = data.find(b"\n", position)
                stop = len(data) if end < 0 else end + 1
                self._line += data[position:stop]
                position = stop
                if len(self._line) > _MAX_LINE:
                    raise ProtocolError("a line of its answer is too long")
                if end >= 0:
                    self._take_line()

    def _take_line(self) -> None:
        line = self._line.replace(b"\r", b"").rstrip(b"\n").decode("latin-1")
        self._line.clear()
        if line:
            self._head.append(line)
            if len(self._head) > 200:
                raise ProtocolError("its answer has too many headers")
            return
        head, self._head = self._head, []
        if not head:
            return
        fields = {name.strip().lower(): value.strip() for name, _, value in (item.partition(":") for item in head[1:])}
        words = head[0].split()
        if words and words[0].startswith("RTSP/"):
            if len(words) < 2 or not re.fullmatch(r"\d{3}", words[1]):
                raise ProtocolError("its answer has no status")
            if words[1].startswith("3"):
                raise Redirected(fields.get("location", ""))
        length = fields.get("content-length", "0")
        if not re.fullmatch(r"\d{1,7}", length):
            raise ProtocolError("its answer has no valid length")
        self._skip = int(length)


class Relay:
    """One connection: `port` on 127.0.0.1 leads to the first of `addresses` that answers.

    `error` tells afterwards why the relay closed it (Redirected, ProtocolError, OSError), None for a plain end.
    """

    def __init__(self, addresses: Sequence[str], port: int, *, tls: str | None = None, timeout_s: float = 5.0) -> None:
        """Connects. `tls` is the server's name for `rtsps`. Raises OSError."""
        self._upstream = _connect(addresses, port, tls, timeout_s)
        self.error: Exception | None = None
        self._reader = ReplyReader()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._door.settimeout(timeout_s)
        self.port: int = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name=f"rtsp-relay-{self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends both sides; the thread ends by itself."""
        for side in (self._upstream, self._door):
            _shut(side)
        self._door.close()
        self._thread.join(1.0)

    def _run(self) -> None:
        client: socket.socket | None = None
        try:
            client, _ = self._door.accept()
            client.settimeout(10.0)
            self._pump(client)
        except (OSError, Redirected, ProtocolError) as error:
            self.error = error
        finally:
            for side in (client, self._upstream, self._door):
                if side is not None:
                    _shut(side)
                    side.close()

    def _pump(self, client: socket.socket) -> None:
        upstream = self._upstream
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ)
            selector.register(upstream, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is client:
                        data = client.recv(_CHUNK)
                        upstream.sendall(data)
                    else:
                        data = upstream.recv(_CHUNK)
                        while isinstance(upstream, ssl.SSLSocket) and upstream.pending():
                            data += upstream.recv(_CHUNK)
                        self._reader.feed(data)
                        client.sendall(data)
                    if not data:
                        return


def _connect(addresses: Sequence[str], port: int, tls: str | None, timeout_s: float) -> socket.socket:
    failure: OSError = OSError("no address to connect to")
    for address in addresses:
        try:
            plain = socket.create_connection((address, port), timeout_s)
        except OSError as error:
            failure = error
            continue
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if tls is None:
            return plain
        # Cameras have self-signed certificates: encrypted, the peer not verified, as every RTSPS client does it.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            return context.wrap_socket(plain, server_hostname=tls)
        except OSError:
            plain.close()
            raise
    raise failure


def _shut(side: socket.socket) -> None:
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
