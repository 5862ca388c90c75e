"""Owns the OpenAPI text, generated from the routes and the schemas that validate their input."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import voluptuous as vol
from voluptuous_openapi import UNSUPPORTED, convert  # type: ignore[import-untyped]

from crime_detect_engine.domain.reporting import REPORTS

from .access import declared_roles
from .answers import SCHEMAS, answers_json
from .route import API, Route
from .schemas import body_timestamp, finite, query_date, query_month, query_timestamp
from .scopes import SCOPES, scope_of

_IN_PATHS: dict[str, dict[str, Any]] = {
    "camera": {"type": "string", "pattern": "^[a-z0-9_]{1,32}$"},
    "incident": {"type": "string", "pattern": "^[0-9A-HJKMNP-TV-Z]{26}$"},
    "kind": {"type": "string", "enum": [str(kind) for kind in REPORTS]},
}
"""What is in addresses under these names; anything else is answered 404."""


def openapi(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """OpenAPI 3.0 of everything under `/api/v1`, and health and metrics."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.path.startswith(API) or route.path in ("/health", "/metrics"):
            path = re.sub(r"\{(\w+)[^}]*\}", r"{\1}", route.path)
            paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.0.3",
        "info": {"title": "crime_detect engine", "version": version},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": SCHEMAS,
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    roles = [role for role in declared_roles(route.handler) or () if role]
    scope = scope_of(route.method, route.path)
    operation: dict[str, Any] = {
        "summary": (route.handler.__doc__ or "").strip().splitlines()[0],
        "operationId": route.handler.__name__,
        "parameters": [*_path_parameters(route.path), *_query_parameters(route.query)],
        "security": [{"token": []}] if roles else [],
        "x-roles": roles,
        **({"x-scope": scope} if roles and scope in SCOPES else {}),
        "responses": answers_json(route.answers),
    }
    if route.body is not None:
        schema = _schema(route.body)
        operation["requestBody"] = {
            "required": bool(schema.get("required")),
            "content": {"application/json": {"schema": schema}},
        }
    elif route.upload is not None:
        file = {"type": "string", "format": "binary"}
        form = {"type": "object", "properties": {route.upload: file}, "required": [route.upload]}
        operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return operation


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = re.findall(r"\{(\w+)", path)
    text = {"type": "string"}
    return [{"name": name, "in": "path", "required": True, "schema": _IN_PATHS.get(name, text)} for name in names]


def _query_parameters(query: vol.Schema | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    schema = _schema(query)  # an empty value counts as none: forms send their empty fields along
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": kind, "allowEmptyValue": True}
        for name, kind in schema["properties"].items()
    ]


def _schema(schema: vol.Schema) -> dict[str, Any]:
    converted: dict[str, Any] = convert(schema, custom_serializer=_serialize)
    _name_null(converted)
    return converted


def _name_null(schema: Any) -> None:
    """OpenAPI 3.0 allows null beside listed values only where it is one of them, which the conversion leaves out."""
    if isinstance(schema, dict):
        if schema.get("nullable") is True and "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
        for inner in schema.values():
            _name_null(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _name_null(inner)


def _serialize(value: Any) -> Any:
    if isinstance(value, vol.Coerce):
        if value.type in (body_timestamp, query_timestamp):
            return {"type": "string", "format": "date-time"}
        if value.type is query_date:
            return {"type": "string", "format": "date"}
        if value.type is query_month:
            return {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}
        if value.type is finite:
            return {"type": "number"}
    return UNSUPPORTED
