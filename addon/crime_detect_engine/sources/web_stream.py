"""Owns cameras and servers that send video over HTTP: MJPEG, MPEG-TS, HLS.

FFmpeg follows redirects and playlists to any host. Here each address that FFmpeg wants is opened by our own client,
which looks at every hop: no scheme but http(s), no inner address that the user did not write.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import urllib.request
from typing import Any
from urllib.parse import unquote, urljoin, urlunsplit

import av

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import SourceError

from .address import allowed_targets, redact, resolve, scheme_of, split_url
from .pyav import PyavSource
from .rtsp import OPEN_TIMEOUT_S, READ_TIMEOUT_S, stream_error

_PORTS = {"http": 80, "https": 443}
_MAX_REDIRECTS = 5
_REFUSALS = (401, 403)
_FORMATS = "mpjpeg,mjpeg,jpeg_pipe,mpegts,hls,flv,mov,mp4,matroska,webm,h264,hevc,avi,aac,mp3"


class WebSource(PyavSource):
    """`http://` or `https://`, with Basic or Digest access where the address carries a login."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self._url = url
        self._parts, self._host, _ = split_url(url, 0)
        self._bare_url = urlunsplit(self._parts._replace(netloc=self._parts.netloc.rpartition("@")[2]))
        self._refused: SourceError | None = None
        self._bodies: list[_Body] = []

    def interrupt(self) -> None:
        super().interrupt()
        for body in list(self._bodies):
            body.shut()

    def _open(self) -> Any:
        self._refused = None
        self._bodies.clear()
        return av.open(
            self._bare_url,
            timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S),
            io_open=self._open_url,
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "http,https", "http_persistent": "0"},
        )

    def _failure(self, error: Exception) -> SourceError:
        return self._refused or stream_error(self.name, error)

    def _open_url(self, url: str, _flags: int, _options: dict[str, str]) -> _Body:
        """What FFmpeg calls for the stream, its playlists and their parts. Raises OSError where it may not."""
        try:
            body = self._fetch(url)
        except SourceError as error:
            self._refused = error
            raise OSError(str(error)) from None
        self._bodies = [body, *self._bodies[:8]]
        return body

    def _fetch(self, url: str) -> _Body:
        authorization = ""
        for _ in range(_MAX_REDIRECTS + 1):
            connection, target = self._connect(url)
            own = split_url(url, 0)[1] == self._host
            headers = {"User-Agent": "crime-detect", "Accept": "*/*"}
            if own and (authorization or self._parts.username):
                headers["Authorization"] = authorization or self._basic()
            line = connection.sock
            connection.request("GET", target, headers=headers)
            response = connection.getresponse()
            challenge = response.headers.get("WWW-Authenticate", "")
            may_login = own and not authorization and self._parts.username
            if response.status == 401 and may_login and challenge.lower().startswith("digest"):
                authorization = self._digest(url, challenge)
            elif response.status in (301, 302, 303, 307, 308):
                url = urljoin(url, response.headers.get("Location", ""))
            elif response.status == 200:
                return _Body(line, response)
            else:
                connection.close()
                refused = response.status in _REFUSALS
                raise SourceError(f"{self.name}: {_meaning(response.status)}", unauthorized=refused)
            connection.close()
        raise SourceError(f"{self.name}: it redirects more than {_MAX_REDIRECTS} times")

    def _connect(self, url: str) -> tuple[http.client.HTTPConnection, str]:
        scheme = scheme_of(url) or ""
        if scheme not in _PORTS:
            raise SourceError(f"{self.name}: it points to {redact(url)}: only http and https are allowed")
        parts, host, port = split_url(url, _PORTS[scheme])
        addresses = resolve(host, port) if host == self._host else allowed_targets(host, port, self._host)
        plain = socket.create_connection((addresses[0], port), OPEN_TIMEOUT_S)
        plain.settimeout(READ_TIMEOUT_S)
        connection = http.client.HTTPConnection(host, port)
        if scheme == "https":
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        else:
            connection.sock = plain
        return connection, urlunsplit(("", "", parts.path or "/", parts.query, ""))

    def _login(self) -> tuple[str, str]:
        return unquote(self._parts.username or ""), unquote(self._parts.password or "")

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(":".join(self._login()).encode()).decode()

    def _digest(self, url: str, challenge: str) -> str:
        book = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        book.add_password(None, url, *self._login())
        fields = urllib.request.parse_keqv_list(urllib.request.parse_http_list(challenge.split(" ", 1)[1]))
        answer = urllib.request.HTTPDigestAuthHandler(book).get_authorization(urllib.request.Request(url), fields)  # noqa: S310
        if not answer:
            raise SourceError(f"{self.name}: it asks for a kind of login that is not supported")
        return f"Digest {answer}"


class _Body:
    """A response as the file that PyAV reads: what has come, without waiting for more."""

    def __init__(self, line: socket.socket, response: http.client.HTTPResponse) -> None:
        self._line = line
        self._response = response

    def read(self, size: int) -> bytes:
        return self._response.read1(size)

    def close(self) -> None:
        self._response.close()
        self._line.close()

    def shut(self) -> None:
        """Ends a read in another thread."""
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)


def _meaning(status: int) -> str:
    if status in _REFUSALS:
        return f"user name or password refused ({status})"
    return "the server knows no such stream (404); check the path" if status == 404 else f"the server answers {status}"
