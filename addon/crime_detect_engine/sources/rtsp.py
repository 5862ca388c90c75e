"""Owns network cameras that FFmpeg reads by itself: rtsp and rtsps (through the relay), rtmp, rtmps, srt."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlunsplit

import av
import av.error

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import SourceError

from .address import allowed_targets, redact, resolve, split_url
from .pyav import PyavSource
from .relay import ProtocolError, Redirected, Relay

OPEN_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 4.0
_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "rtmps": 443, "srt": 9000}
_MAX_REDIRECTS = 3
_WHITELISTS = {"rtmp": "rtmp,tcp", "rtmps": "rtmps,tls,tcp", "srt": "srt,udp"}


def stream_error(name: str, error: Exception) -> SourceError:
    """What a failed connection or read means to people; `name` is already redacted."""
    if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)):
        return SourceError(f"{name}: user name or password refused", unauthorized=True)
    if isinstance(error, av.error.HTTPNotFoundError):
        return SourceError(f"{name}: the server knows no such stream (404); check the path")
    if isinstance(error, (TimeoutError, av.error.ExitError)):
        return SourceError(f"{name}: no answer in time")
    if isinstance(error, ConnectionRefusedError):
        return SourceError(f"{name}: connection refused; nothing listens there")
    if isinstance(error, av.error.InvalidDataError):
        return SourceError(f"{name}: what it sends is not a video stream")
    return SourceError(f"{name}: {redact(str(getattr(error, 'strerror', None) or error))}")


class RtspSource(PyavSource):
    """`rtsp://` or `rtsps://`, video only, over TCP.

    Redirects are followed (3 at most) with the configured host's credentials left behind when the host changes, and
    refused when they lead to loopback, link-local or metadata addresses that the user did not write.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        split_url(url, _PORTS["rtsp"])
        self._url = url
        self._relay: Relay | None = None

    def interrupt(self) -> None:
        super().interrupt()
        if (relay := self._relay) is not None:
            relay.close()

    def _open(self) -> Any:
        url = self._url
        configured_host = split_url(url, 0)[1]
        for _ in range(_MAX_REDIRECTS + 1):
            try:
                return self._open_one(url, configured_host)
            except Redirected as redirect:
                url = _redirect_url(url, redirect.location)
        raise SourceError(f"{self.name}: it redirects more than {_MAX_REDIRECTS} times")

    def _open_one(self, url: str, configured_host: str) -> Any:
        scheme = url.split(":", 1)[0].lower()
        parts, host, port = split_url(url, _PORTS[scheme])
        addresses = resolve(host, port) if host == configured_host else allowed_targets(host, port, configured_host)
        self._close_relay()
        relay = self._relay = Relay(addresses, port, tls=host if scheme == "rtsps" else None, timeout_s=OPEN_TIMEOUT_S)
        userinfo, at, _ = parts.netloc.rpartition("@")
        local = urlunsplit(("rtsp", f"{userinfo}{at}127.0.0.1:{relay.port}", parts.path, parts.query, ""))
        options = {
            "rtsp_transport": "tcp",
            "analyzeduration": "500000",
            "fpsprobesize": "0",
            "allowed_media_types": "video",
            "protocol_whitelist": "tcp,rtp",
            "format_whitelist": "rtsp",
        }
        try:
            return av.open(local, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S), options=options)
        except av.error.FFmpegError:
            relay.close()
            if isinstance(relay.error, Redirected):
                raise relay.error from None
            raise

    def _failure(self, error: Exception) -> SourceError:
        relay = self._relay
        if relay is not None and isinstance(relay.error, ProtocolError):
            return SourceError(f"{self.name}: not an RTSP server: {relay.error}")
        return stream_error(self.name, error)

    def _close_relay(self) -> None:
        if self._relay is not None:
            self._relay.close()
            self._relay = None


class PushSource(PyavSource):
    """`rtmp://`, `rtmps://` or `srt://`: protocols that know no redirects."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url, clock)
        self._scheme = url.split(":", 1)[0].lower()
        split_url(url, _PORTS[self._scheme])
        self._url = url

    def _open(self) -> Any:
        options = {"protocol_whitelist": _WHITELISTS[self._scheme], "format_whitelist": "flv,mpegts"}
        return av.open(self._url, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S), options=options)

    def _failure(self, error: Exception) -> SourceError:
        return stream_error(self.name, error)


def _redirect_url(url: str, location: str) -> str:
    target = urljoin(url, location)
    scheme = target.split(":", 1)[0].lower()
    if not location or scheme not in ("rtsp", "rtsps"):
        raise SourceError(f"{redact(url)} redirects to {redact(location) or 'nowhere'}: refused")
    parts, host, _ = split_url(target, 0)
    old, old_host, _ = split_url(url, 0)
    if host == old_host and "@" not in parts.netloc and "@" in old.netloc:
        parts = parts._replace(netloc=f"{old.netloc.rpartition('@')[0]}@{parts.netloc}")
    return urlunsplit(parts)
