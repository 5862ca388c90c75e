"""Owns what can go wrong between us and an engine."""

from __future__ import annotations


class EngineError(Exception):
    """The engine answered with an error, or in a way that we do not understand. `code` is the engine's."""

    def __init__(self, message: str, code: str = "error", status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class CannotConnectError(EngineError):
    """Nobody answers there, or not in time."""


class InvalidAuthError(EngineError):
    """The token is unknown, revoked or may not do this (401, 403)."""


class NotFoundError(EngineError):
    """No such camera, incident, file or route: the engine may be older than what was asked."""


class BadMessageError(EngineError):
    """Not what contracts.md promises; `schema_version` may be newer than ours."""


class NotOverMqttError(EngineError):
    """Needs the engine's HTTP address, and this engine is reached through a broker only."""
