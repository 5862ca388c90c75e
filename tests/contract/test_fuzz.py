"""What a program may send to the running service: anything, and it is answered as the description says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from crime_detect_engine import __version__
from crime_detect_engine.web.openapi import openapi
from crime_detect_engine.web.route import API
from crime_detect_engine.web.routes import ROUTES
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
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
EXAMPLES = 12
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
    return openapi(ROUTES, __version__)


config = SchemathesisConfig.from_dict({"generation": {"mode": "all", "deterministic": True}})
schema = schemathesis.openapi.from_dict(described(), config=config).exclude(path=ENDLESS)


class Fuzzed:
    """A running engine with two cameras and incidents of them."""

    def __init__(self, engine: EngineProcess) -> None:
        self.address = engine.address
        self.admin = {"Authorization": f"Bearer {engine.token}"}
        self.viewer = {"Authorization": f"Bearer {engine.make_token('viewer')}"}
        self.engine = engine

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


@schema.parametrize()
@BOUNDED
def test_an_admin_may_send_anything(case: schemathesis.Case, fuzzed: Fuzzed) -> None:
    case.call_and_validate(base_url=fuzzed.address, headers=fuzzed.admin, checks=CHECKS, timeout=20)
