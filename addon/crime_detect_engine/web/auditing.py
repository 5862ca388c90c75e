"""Owns what of a request goes into the audit: each handler says it, one place notes it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web

from crime_detect_engine.domain.auditing import Auditing
from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import Actor

from .access import ACTOR
from .errors import Handler
from .guessing import FailureLog

MINUTES, HOUR = 300.0, 3600.0
_FOLDS = 10_000
_H = TypeVar("_H", bound=Handler)
_NOBODY = Actor("somebody", "none")


@dataclass(frozen=True, slots=True)
class Access:
    """What a handler shows. The same person, action and target are one entry for `fold_s`; `target` may name parts of
    the address (`{incident}`)."""

    action: str
    target: str
    fold_s: float


BY_ENGINE = "the engine writes its own entry, with what was changed"
IMPERSONAL = "nothing about people is shown"
Declared = Access | str


def audited(action: str, target: str, *, fold_s: float = MINUTES) -> Callable[[_H], _H]:
    """Declares that a handler shows something about people, or lets somebody in or out."""
    return _declare(Access(action, target, fold_s))


def unaudited(why: str) -> Callable[[_H], _H]:
    """Declares that a handler needs no entry of its own: `BY_ENGINE` or `IMPERSONAL`."""
    return _declare(why)


def _declare(what: Declared) -> Callable[[_H], _H]:
    def declare(handler: _H) -> _H:
        handler.audits = what  # type: ignore[attr-defined]
        return handler

    return declare


def declared_audit(handler: Handler) -> Declared | None:
    """None for a handler that says nothing."""
    return getattr(handler, "audits", None)


class Auditor:
    """Notes accesses, folded, and refusals. `note` returns at once."""

    def __init__(self, audit: Auditing, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._folded: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._failures = FailureLog(clock)

    def note(
        self, actor: Actor, action: str, target: str, fold_s: float = 0.0, details: Mapping[str, Any] | None = None
    ) -> None:
        key, now = (actor.name, action, target), self._clock.tick_s()
        if now < self._folded.get(key, float("-inf")):
            return
        if fold_s:
            self._folded[key] = now + fold_s
            self._folded.move_to_end(key)
            while len(self._folded) > _FOLDS:
                self._folded.popitem(last=False)
        self._audit.note_access(actor, action, target, details or {})

    def refused(self, what: str, address: str) -> None:
        """Somebody whom nobody knows: few lines however many tries, so that nobody can fill the audit."""
        if attempts := self._failures.count(what, address):
            self._audit.note_access(_NOBODY, "sign in refused", what, {"address": address[:64], "attempts": attempts})


AUDIT: web.AppKey[Auditing] = web.AppKey("audit")
AUDITOR: web.AppKey[Auditor] = web.AppKey("auditor")


async def note_access(request: web.Request, response: web.StreamResponse) -> None:
    """When an answer begins, also one that goes on for hours: who saw what, and who was refused."""
    auditor = request.app.get(AUDITOR)
    if auditor is None:
        return
    actor = request.get(ACTOR)
    shown = response.status < 300 or response.status == HTTPStatus.NOT_MODIFIED  # who is led elsewhere saw nothing
    if shown:
        declared = declared_audit(request.match_info.handler)
        if isinstance(declared, Access):
            target = declared.target.format(**request.match_info)
            auditor.note(actor or _NOBODY, declared.action, target, declared.fold_s)
    elif response.status == 403 and actor is not None:
        auditor.note(actor, "denied", f"{request.method} {_pattern(request)}", MINUTES)
    elif response.status == 401 and "Authorization" in request.headers:
        auditor.refused("a token", request.remote or "")


def _pattern(request: web.Request) -> str:
    """Of the address, without the names in it: they may be those of cameras that the caller must not know of."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "an unknown address"
