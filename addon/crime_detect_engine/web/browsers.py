"""Owns what protects the sessions of browsers: the cookie, the token of writes, the origin of sockets."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from aiohttp import web

from .errors import ForbiddenError
from .sessions import SESSION_LONGEST_S

COOKIE = "crime_detect_session"
CSRF_HEADER = "X-CSRF-Token"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


def set_cookie(request: web.Request, response: web.Response, cookie: str) -> None:
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(
        COOKIE, cookie, max_age=int(SESSION_LONGEST_S), httponly=True, samesite="Lax", secure=secure, path="/"
    )


def check_csrf(request: web.Request, expected: str) -> None:
    if request.method not in _READS and not hmac.compare_digest(
        request.headers.get(CSRF_HEADER, "").encode(), expected.encode()
    ):
        raise ForbiddenError(f"A write from a browser needs the {CSRF_HEADER} header; reload the page.")


def check_origin(request: web.Request) -> None:
    """A WebSocket is a GET that a foreign page on the same host may open with our cookie: its origin must be ours."""
    origin = request.headers.get("Origin")
    if request.headers.get("Upgrade", "").lower() != "websocket" or origin is None:
        return
    ours = {request.headers.get("Host"), request.headers.get("X-Forwarded-Host")}
    if urlsplit(origin).netloc not in ours:
        raise ForbiddenError("This page may not open the event stream.")


def whence(request: web.Request) -> tuple[str, str]:
    """Address and browser, for the list of one's sessions."""
    return request.remote or "", printable(request.headers.get("User-Agent", ""))


def printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:100] or "unknown"
