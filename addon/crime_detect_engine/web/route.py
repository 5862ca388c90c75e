"""Owns what a route is: its address, its handler with a declared role, and the schemas of what it reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import voluptuous as vol
from aiohttp import web

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import EngineControl

from .access import declared_roles
from .answers import Answer
from .errors import Handler

API = "/api/v1"
ENGINE: web.AppKey[EngineControl] = web.AppKey("engine")
UPLOADS = web.AppKey("uploads", Path)
UPLOAD_LIMIT_BYTES = web.AppKey("upload_limit_bytes", int)


@dataclass(frozen=True, slots=True)
class Route:
    """`query` and `body` are voluptuous schemas; the handler reads with them and the OpenAPI text is made of them.

    `upload` names the form field of a handler that takes a file instead of JSON; `answers` is what it says when all is
    well, for the OpenAPI text.
    """

    method: str
    path: str
    handler: Handler
    query: vol.Schema | None = None
    body: vol.Schema | None = None
    upload: str | None = None
    answers: tuple[Answer, ...] = ()


DECLARED: web.AppKey[Sequence[Route]] = web.AppKey("declared")


def add_route(app: web.Application, route: Route) -> None:
    """Raises ValueError for a handler that does not declare who may call it."""
    if declared_roles(route.handler) is None:
        raise ValueError(f"{route.method} {route.path} declares no role")
    if route.method == "GET":
        app.router.add_get(route.path, route.handler)
    else:
        app.router.add_route(route.method, route.path, route.handler)


def read_query(request: web.Request, schema: vol.Schema) -> dict[str, Any]:
    """Raises InvalidInputError that names each wrong parameter."""
    repeated = {key: "given more than once" for key in request.query if len(request.query.getall(key)) > 1}
    if repeated:
        raise InvalidInputError("A parameter was given more than once.", repeated)
    return _validate(schema, {key: value for key, value in request.query.items() if value != ""})


async def read_body(request: web.Request, schema: vol.Schema) -> dict[str, Any]:
    """The JSON body; an empty one counts as `{}`. Raises InvalidInputError that names each wrong field."""
    body = await request.read() if request.can_read_body else b""
    if not body.strip():
        return _validate(schema, {})
    if request.content_type != "application/json":
        raise InvalidInputError("Send JSON with Content-Type: application/json.")
    try:
        value = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("The body is not JSON.") from error
    return _validate(schema, value)


def _refuse_constant(name: str) -> None:
    """Python's reader would take NaN and Infinity, which are not JSON and pass range checks."""
    raise ValueError(name)


def _validate(schema: vol.Schema, value: Any) -> dict[str, Any]:
    try:
        checked: dict[str, Any] = schema(value)
    except vol.Invalid as error:
        found = error.errors if isinstance(error, vol.MultipleInvalid) else [error]
        details = {".".join(str(part) for part in one.path) or "body": one.error_message for one in found}
        names = ", ".join(sorted(details))
        raise InvalidInputError(f"Not valid: {names}.", details) from error
    return checked
