"""Owns the errors of the project: each message says what is wrong and what to do."""

from __future__ import annotations


class CrimeDetectError(Exception):
    """Base of every error that a user may see; the message is fit for people and free of secrets."""


class ConfigError(CrimeDetectError):
    """The configuration cannot be used. Names file, line, key and what is allowed."""


class SourceError(CrimeDetectError):
    """A camera or file could not be read. `permanent` errors are not retried (a text file named .mp4).

    `unauthorized`: the camera answers, and refuses the user name or password.
    """

    def __init__(self, message: str, *, permanent: bool = False, unauthorized: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.unauthorized = unauthorized


class CheckpointError(CrimeDetectError):
    """A model is missing, altered (digest), of the wrong shape, or not trained."""


class BackendError(CrimeDetectError):
    """The device asked for is absent or inference failed."""


class StoreError(CrimeDetectError):
    """The database or the media folder refused: full, locked, malformed, newer than this version."""


class AnchorError(CrimeDetectError):
    """Nobody outside could be told the hash chain's head: an authority is away, refuses, or its stamp does not hold."""


class BusyError(CrimeDetectError):
    """A bounded queue is full."""


class NotFoundError(CrimeDetectError):
    """No incident, camera, model or file of that name."""


class InvalidInputError(CrimeDetectError):
    """A request's value is not allowed; `details` maps field to reason."""

    def __init__(self, message: str, details: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}
