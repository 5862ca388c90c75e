"""Owns the proof that the libraries which the engine loads do not report its use to anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Runs with an empty home: the reporting library leaves a client id there as soon as it is used.
LOAD = """
import sys
from crime_detect_engine.vision.classifier import load_classifier
load_classifier("demo", "openvino")
import openvino.tools.ovc as converter
assert "stub" in type(converter.telemetry).__module__, type(converter.telemetry)
"""


def test_openvino_keeps_to_itself(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | {"HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not [path for path in tmp_path.rglob("*") if "ga_cid" in path.name or path.name == "intel"]


def test_the_reporting_library_cannot_be_imported() -> None:
    with pytest.raises(ImportError):
        __import__("openvino_telemetry")
