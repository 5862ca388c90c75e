"""The description of the API is well formed and covers the addresses of the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from crime_detect_engine.web.openapi import openapi
from crime_detect_engine.web.routes import ROUTES

API = "/api/v1"
SERVED = {
    "GET /health",
    "GET /metrics",
    "GET /api/v1/openapi.json",
    "GET /api/v1/info",
    "POST /api/v1/session",
    "DELETE /api/v1/session",
    "GET /api/v1/users",
    "POST /api/v1/users",
    "GET /api/v1/users/me",
    "POST /api/v1/users/me/password",
    "DELETE /api/v1/users/me/sessions",
    "DELETE /api/v1/users/me/sessions/{session}",
    "GET /api/v1/users/{user}",
    "PATCH /api/v1/users/{user}",
    "DELETE /api/v1/users/{user}",
    "GET /api/v1/users/{user}/sessions",
    "DELETE /api/v1/users/{user}/sessions",
    "GET /api/v1/tokens",
    "POST /api/v1/tokens",
    "DELETE /api/v1/tokens/{token}",
    "GET /api/v1/cameras",
    "POST /api/v1/cameras",
    "GET /api/v1/cameras/{camera}",
    "PATCH /api/v1/cameras/{camera}",
    "DELETE /api/v1/cameras/{camera}",
    "GET /api/v1/cameras/{camera}/live.jpg",
    "GET /api/v1/cameras/{camera}/live.mjpeg",
    "GET /api/v1/cameras/{camera}/objects",
    "POST /api/v1/cameras/{camera}/snooze",
    "POST /api/v1/cameras/{camera}/accept_view",
    "GET /api/v1/incidents",
    "POST /api/v1/incidents",
    "GET /api/v1/incidents/export",
    "GET /api/v1/reports/{kind}",
    "GET /api/v1/reports/public",
    "POST /api/v1/subjects/find",
    "POST /api/v1/subjects/export",
    "POST /api/v1/subjects/erase",
    "GET /api/v1/incidents/{incident}",
    "DELETE /api/v1/incidents/{incident}",
    "GET /api/v1/incidents/{incident}/snapshot.jpg",
    "GET /api/v1/incidents/{incident}/clip.mp4",
    "GET /api/v1/incidents/{incident}/original.jpg",
    "GET /api/v1/incidents/{incident}/original.mp4",
    "GET /api/v1/incidents/{incident}/scores",
    "GET /api/v1/incidents/{incident}/evidence.zip",
    "GET /api/v1/incidents/{incident}/evidence.sig",
    "GET /api/v1/evidence/key.pem",
    "GET /api/v1/pictures/{incident}/{expires}/{signature}.jpg",
    "POST /api/v1/incidents/{incident}/verdict",
    "POST /api/v1/incidents/{incident}/acknowledge",
    "POST /api/v1/incidents/{incident}/hold",
    "POST /api/v1/analyze",
    "GET /api/v1/jobs/{job}",
    "POST /api/v1/alerts/test",
    "POST /api/v1/sources/test",
    "GET /api/v1/sources/frigate",
    "GET /api/v1/retention",
    "PUT /api/v1/retention",
    "GET /api/v1/retention/state",
    "POST /api/v1/retention/dry-run",
    "POST /api/v1/retention/confirm",
    "GET /api/v1/incidents/{incident}/files",
    "DELETE /api/v1/mqtt/discovery",
    "GET /api/v1/audit",
    "GET /api/v1/audit/export",
    "GET /api/v1/events",
    "GET /api/v1/models",
    "POST /api/v1/models/{model}/activate",
    "POST /api/v1/models/{model}/rollback",
}
LATER = (
    "GET /analytics/hotspots", "GET /settings", "PUT /settings",
    "GET /training", "POST /training",
)  # fmt: skip
METHODS = {"get", "post", "put", "patch", "delete"}
TYPES = {"string", "number", "integer", "boolean", "object", "array"}


@pytest.fixture
def document() -> dict[str, Any]:
    """As a client reads it."""
    read: dict[str, Any] = json.loads(json.dumps(openapi(ROUTES, "0.1.0")))
    return read


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def schemas(value: Any) -> Iterator[dict[str, Any]]:
    """Every schema below a value, itself included."""
    if isinstance(value, dict):
        if "type" in value or "$ref" in value or "anyOf" in value or "enum" in value:
            yield value
        for inner in value.values():
            yield from schemas(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas(inner)


def test_every_address_of_the_contract_that_there_is_is_described(document: dict[str, Any]) -> None:
    described = {f"{method.upper()} {path}" for method, path, _ in operations(document)}
    assert described == SERVED


async def test_what_the_application_routes_is_what_is_described(document: dict[str, Any], served: Any) -> None:
    """Nothing is reachable that nobody described, a page or a program's address, and nothing described is not there."""
    routed = {
        " ".join((route.method, re.sub(r"{(\w+)[^}]*}", r"{\1}", route.resource.canonical)))
        for route in served.server._runner.app.router.routes()
        if route.method != "HEAD"
    }
    described = {f"{method.upper()} {path}" for method, path, _ in operations(document)}
    pages = {f"{route.method} {route.path}" for route in ROUTES if not route.path.startswith(API)}
    assert {one for one in routed if f" {API}/" in one} == {one for one in described if f" {API}/" in one}
    assert routed - described == pages - described


@pytest.mark.parametrize("address", LATER)
async def test_what_comes_later_is_refused_until_it_is_here(address: str, served: Any) -> None:
    method, path = address.split()
    async with served.client.request(method, f"{API}{path}") as response:
        assert response.status in (404, 405), "it is here now: move it to SERVED"
        assert set((await response.json())["error"]) == {"code", "message", "details"}


def test_the_document_is_openapi_3(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.0\.\d", document["openapi"])
    assert {"title", "version"} <= set(document["info"])
    assert set(document) <= {"openapi", "info", "paths", "components"}
    names = []
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert path.startswith("/"), where
        assert method in METHODS, where
        assert {"operationId", "summary", "parameters", "responses", "security"} <= set(operation), where
        names.append(operation["operationId"])
        assert operation["summary"].strip(), where
        for code, response in operation["responses"].items():
            assert re.fullmatch(r"default|[1-5](XX|\d\d)", code), where
            assert response["description"], where
        for requirement in operation["security"]:
            assert set(requirement) <= set(document["components"]["securitySchemes"]), where
    assert len(names) == len(set(names))


def test_parameters_fit_their_paths(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        keys = [(one["name"], one["in"]) for one in operation["parameters"]]
        assert len(keys) == len(set(keys)), where
        assert {name for name, place in keys if place == "path"} == set(re.findall(r"\{(\w+)\}", path)), where
        for one in operation["parameters"]:
            assert one["in"] in ("path", "query"), where
            assert one["required"] is True or one["in"] == "query", where
            assert one["schema"], f"{where}: {one['name']} may be anything"


def test_schemas_are_sound_and_references_lead_somewhere(document: dict[str, Any]) -> None:
    found = list(schemas([document["paths"], document["components"]["schemas"]]))
    assert found
    for schema in found:
        if "$ref" in schema:
            place: Any = document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                place = place[part]
        if isinstance(kind := schema.get("type"), str) and kind not in ("http",):
            assert kind in TYPES, schema
        if "required" in schema and isinstance(schema["required"], list):
            assert set(schema["required"]) <= set(schema["properties"]), schema


def test_writes_describe_what_they_read(document: dict[str, Any]) -> None:
    models = "POST /api/v1/models/{model}"
    silent = {"POST /api/v1/alerts/test", f"{models}/activate", f"{models}/rollback"}
    silent |= {"POST /api/v1/cameras/{camera}/accept_view", "POST /api/v1/retention/confirm"}
    for method, path, operation in operations(document):
        if method not in ("get", "delete") and f"{method.upper()} {path}" not in silent:
            content = operation["requestBody"]["content"]
            assert all(kind["schema"]["properties"] for kind in content.values()), path


def test_the_search_names_the_contracts_parameters(document: dict[str, Any]) -> None:
    search = {one["name"] for one in document["paths"][f"{API}/incidents"]["get"]["parameters"]}
    wanted = {"camera", "label", "severity", "from", "to", "min_confidence", "verdict", "q", "cursor", "limit"}
    assert search == wanted
    resume = {one["name"] for one in document["paths"][f"{API}/events"]["get"]["parameters"]}
    assert resume == {"since", "epoch"}
