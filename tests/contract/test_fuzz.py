"""What a program may send to the running service: anything, and it is answered as the description says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from crime_detect_engine import __version__
from crime_detect_engine.domain.accounts import includes
from crime_detect_engine.web.openapi import openapi
from crime_detect_engine.web.route import API
from crime_detect_engine.web.routes import ROUTES
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Response
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.rig.engine import EngineProcess

CONFIG = """\
instance: fuzzed
timezone: Europe/Amsterdam
model: {name: demo}
cameras:
  yard: {source: "synthetic:yard?seed=3&fps=1"}
  gate: {source: "rtsp://127.0.0.1:9/none"}
"""
ENDLESS = f"{API}/cameras/{{camera}}/live.mjpeg"
EXAMPLES = 8
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def described() -> dict[str, Any]:
    """As a client reads it."""
    read: dict[str, Any] = json.loads(json.dumps(openapi(ROUTES, __version__)))
    return read


# Made-up tokens are another test's: ten of them make an address wait.
config = SchemathesisConfig.from_dict(
    {"generation": {"mode": "all", "deterministic": True, "with-security-parameters": False}}
)
everything = schemathesis.openapi.from_dict(described(), config=config).exclude(path=ENDLESS)
signing_in = everything.include(path=f"{API}/session", method="POST")
schema = everything.exclude(path=f"{API}/session", method="POST")


class Fuzzed:
    """A running engine with two cameras, and incidents of one of them."""

    def __init__(self, engine: EngineProcess) -> None:
        self.address = engine.address
        self.admin = {"Authorization": f"Bearer {engine.token}"}
        self.viewer = {"Authorization": f"Bearer {engine.make_token('viewer')}"}
        self._engine = engine
        self._incident = ""

    def log(self) -> str:
        return (self._engine.folder / "engine.log").read_text(errors="replace")

    def existing(self, name: str) -> str:
        if name == "camera":
            return "yard"
        if requests.get(f"{self.address}{API}/incidents/{self._incident}", headers=self.admin, timeout=20).ok:
            return self._incident
        self._incident = self.report()
        return self._incident

    def report(self) -> str:
        seen = {"camera": "yard", "label": "fighting", "started_at": "2026-11-21T03:00:00Z"}
        answer = requests.post(f"{self.address}{API}/incidents", json=seen, headers=self.admin, timeout=20)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["incident_id"])


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    engine = EngineProcess(tmp_path_factory.mktemp("fuzzed"), CONFIG)
    engine.start()
    yield Fuzzed(engine)
    engine.close()


def test_what_is_served_is_what_is_tried(fuzzed: Fuzzed) -> None:
    assert requests.get(f"{fuzzed.address}{API}/openapi.json", timeout=20).json() == described()


def send(case: schemathesis.Case, fuzzed: Fuzzed, headers: dict[str, str]) -> Response:
    blind = case.operation.path == "/health"  # it may say so: 503 with a body of its own
    checks = [check for check in CHECKS if not (blind and check is not_a_server_error)]
    return case.call_and_validate(base_url=fuzzed.address, headers=headers, checks=checks, timeout=20)


@schema.parametrize()
@BOUNDED
def test_an_admin_may_send_anything(case: schemathesis.Case, fuzzed: Fuzzed) -> None:
    send(case, fuzzed, fuzzed.admin)


@(
    schema.include(path_regex=r"\{(camera|incident)\}")
    .exclude(path=f"{API}/cameras/{{camera}}", method="DELETE")
    .parametrize()
)
@BOUNDED
def test_of_what_there_is_anything_may_be_asked(case: schemathesis.Case, fuzzed: Fuzzed) -> None:
    """A made-up id ends most requests at once; these go on to the body and the parameters."""
    for name in case.path_parameters:
        case.path_parameters[name] = fuzzed.existing(name)
    answer = send(case, fuzzed, fuzzed.admin)
    assert b"No such" not in answer.content, "it was there"


@schema.parametrize()
@settings(BOUNDED, max_examples=4, phases=[Phase.generate])
def test_a_viewer_gets_no_further_than_a_viewer_may(case: schemathesis.Case, fuzzed: Fuzzed) -> None:
    answer = send(case, fuzzed, fuzzed.viewer)
    roles = case.operation.definition.raw["x-roles"]
    if roles and not any(includes("viewer", one) for one in roles):
        assert answer.status_code in (403, 404, 405)


@schema.parametrize()
@settings(BOUNDED, max_examples=2, phases=[Phase.generate])
def test_nobody_gets_in_without_a_token(case: schemathesis.Case, fuzzed: Fuzzed) -> None:
    wanted = case.operation.definition.raw["security"]
    answer = send(case, fuzzed, {})
    assert not wanted or answer.status_code in (400, 401, 404, 405)


@signing_in.parametrize()
@BOUNDED
def test_whoever_signs_in_may_send_anything(case: schemathesis.Case, fuzzed: Fuzzed) -> None:
    """Last, because it ends with an address that has to wait."""
    assert send(case, fuzzed, {}).status_code in (400, 401, 405, 413, 429)


def test_the_service_is_as_it_was(fuzzed: Fuzzed) -> None:
    log = fuzzed.log()
    assert "Traceback" not in log, log
