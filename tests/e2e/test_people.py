"""The real service and the real command line: an account is made beside it, used, and taken away again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.rig.engine import EngineProcess, wait_until

pytestmark = pytest.mark.timeout(180)
CONFIG = """
timezone: UTC
model: {name: demo}
cameras:
  gate: {source: 'synthetic:shop?seed=1&fps=1'}
  yard: {source: 'synthetic:yard?seed=2&fps=1'}
"""
PASSWORD = "seven green bottles"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "engine", CONFIG)
    engine.start()
    yield engine
    engine.close()


def typed(engine: EngineProcess, *line: str) -> None:
    command = [sys.executable, "-m", "crime_detect_engine.cli", *line, "--data", str(engine.data)]
    subprocess.run(command, input=PASSWORD + "\n", capture_output=True, text=True, timeout=60, check=True)


def sign_in(engine: EngineProcess, name: str) -> tuple[requests.Session, dict[str, Any]]:
    browser = requests.Session()
    answer = browser.post(f"{engine.address}/api/v1/session", json={"username": name, "password": PASSWORD}, timeout=30)
    assert answer.status_code == 201, answer.text
    return browser, answer.json()


def test_somebody_is_let_in_and_shut_out_beside_the_running_service(engine: EngineProcess) -> None:
    typed(
        engine, "user", "add", "marta", "--role", "operator", "--cameras", "gate", "yard=viewer", "--password-file", "-"
    )
    browser, signed_in = sign_in(engine, "Marta")
    assert signed_in["actor"] == {"name": "marta", "role": "operator"}
    writes = {"X-CSRF-Token": signed_in["csrf_token"]}
    for camera, status in (("gate", 200), ("yard", 403)):
        path = f"{engine.address}/api/v1/cameras/{camera}/snooze"
        assert browser.post(path, json={"minutes": 1}, headers=writes, timeout=30).status_code == status
    page = browser.get(f"{engine.address}/account", timeout=30)
    assert "marta" in page.text
    typed(engine, "user", "disable", "marta")
    refused = requests.post(
        f"{engine.address}/api/v1/session", json={"username": "marta", "password": PASSWORD}, timeout=30
    )
    assert refused.status_code == 401
    wait_until(lambda: browser.get(f"{engine.address}/api/v1/info", timeout=30).status_code == 401, 60, engine.log)
    told = [(one["actor"], one["action"]) for one in engine.get("/audit")["items"] if one["target"] == "marta"]
    for entry in (("command line", "user create"), ("marta", "sign in"), ("command line", "user change")):
        assert entry in told
    assert PASSWORD not in engine.log()
