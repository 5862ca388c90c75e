"""Owns the translation of errors to answers: status, code and message, as JSON or as a page."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from crime_detect_engine.domain.errors import (
    BackendError,
    BusyError,
    CheckpointError,
    ConfigError,
    CrimeDetectError,
    InvalidInputError,
    NotFoundError,
    SourceError,
    StoreError,
)

_LOG = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class UnauthenticatedError(CrimeDetectError):
    """No credential, or one that is not known (any more)."""


class ForbiddenError(CrimeDetectError):
    """The caller is known, and this is not for their role or their token's scopes."""

    def __init__(self, message: str, details: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}


class PasswordDueError(ForbiddenError):
    """Somebody else chose the password."""


class ThrottledError(CrimeDetectError):
    """Too many wrong credentials from one address, or too much asked by one caller."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class TooLargeError(CrimeDetectError):
    """A body over its limit."""


class LaterError(CrimeDetectError):
    """Agreed upon, and not in this version; `/info` names the features that are."""


_ANSWERS: dict[type[CrimeDetectError], tuple[int, str]] = {
    UnauthenticatedError: (401, "unauthenticated"),
    ForbiddenError: (403, "forbidden"),
    PasswordDueError: (403, "password_due"),
    ThrottledError: (429, "too_many_attempts"),
    TooLargeError: (413, "too_large"),
    BusyError: (503, "busy"),
    LaterError: (400, "not_in_this_version"),
    NotFoundError: (404, "not_found"),
    InvalidInputError: (400, "invalid_input"),
    ConfigError: (409, "configuration"),
    SourceError: (422, "source_unreadable"),
    CheckpointError: (503, "model_unavailable"),
    BackendError: (503, "model_unavailable"),
    StoreError: (503, "storage_unavailable"),
}


def status_and_code(error: CrimeDetectError) -> tuple[int, str]:
    for kind in type(error).__mro__:
        if kind in _ANSWERS:
            return _ANSWERS[kind]
    return 500, "failed"


def error_json(code: str, message: str, details: Any = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details or {}}}


def is_api(request: web.Request) -> bool:
    """Whether a program asked: programs get JSON, people get pages."""
    return request.path.startswith(("/api/", "/static/")) or request.path in ("/health", "/metrics")


def answer(error: CrimeDetectError) -> web.Response:
    """The JSON answer of contracts.md with its status and headers."""
    status, code = status_and_code(error)
    details = error.details if isinstance(error, (InvalidInputError, ForbiddenError)) else None
    response = web.json_response(error_json(code, str(error), details), status=status)
    if isinstance(error, ThrottledError):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, UnauthenticatedError):
        response.headers["WWW-Authenticate"] = 'Bearer realm="crime-detect"'
    return response


def answer_http(error: web.HTTPException) -> web.Response:
    """The same shape for what aiohttp itself refuses: unknown address, wrong method, body over the limit."""
    status = HTTPStatus(error.status)
    response = web.json_response(
        error_json(status.phrase.lower().replace(" ", "_"), status.description or status.phrase), status=status
    )
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response
