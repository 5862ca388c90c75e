"""Owns the proof of the choice of device: automatic, asked for, absent, and said when it differs."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.vision.backends import BACKENDS, DEVICES, choose_backend, has_cuda
from crime_detect_engine.vision.classifier import load_classifier

no_cuda = pytest.mark.skipif(has_cuda(), reason="there is a CUDA device here")


@no_cuda
def test_auto_takes_openvino_on_a_machine_without_cuda_and_has_nothing_to_say(default_checkpoint: Any) -> None:
    backend, note = choose_backend(default_checkpoint, "auto")
    assert (backend.device, note) == ("cpu", None)


@no_cuda
def test_cuda_that_is_absent_falls_back_and_says_so(default_checkpoint: Any) -> None:
    backend, note = choose_backend(default_checkpoint, "cuda")
    assert backend.device == "cpu"
    assert note is not None
    assert note.endswith("; using openvino on cpu")


@pytest.mark.parametrize("device", ["openvino", "cpu"])
def test_the_cpu_can_be_asked_for(device: str) -> None:
    classifier, note = load_classifier("default", device)
    assert (classifier.device, note) == ("cpu", None)


def test_an_unknown_device_is_refused_with_what_is_allowed(default_checkpoint: Any) -> None:
    with pytest.raises(BackendError, match=r"'tpu'; allowed are auto, cuda, gpu, openvino, cpu"):
        choose_backend(default_checkpoint, "tpu")


def test_when_nothing_runs_all_reasons_are_given(default_checkpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(checkpoint: Any, device: str, precision: str) -> Any:
        raise BackendError(f"no {device} today")

    monkeypatch.setattr("crime_detect_engine.vision.backends.BACKENDS", dict.fromkeys(BACKENDS, refuse))
    with pytest.raises(BackendError, match="no cpu today; no cpu today"):
        choose_backend(default_checkpoint, "cpu")


def test_every_device_names_known_backends() -> None:
    assert {name for choices in DEVICES.values() for name, _ in choices} == set(BACKENDS)


def test_serving_never_imports_torch() -> None:
    code = (
        "import sys; from crime_detect_engine.vision.classifier import load_classifier; "
        "load_classifier('default', 'openvino'); "
        "assert not [m for m in sys.modules if m.split('.')[0] in ('torch', 'torchvision', 'sklearn')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_openvino_takes_an_intel_gpu_only_where_its_driver_is_and_goes_on_without(
    default_checkpoint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine has none: told that there is one, OpenVINO fails to use it, and the processor takes over."""
    backend, note = choose_backend(default_checkpoint, "openvino")
    assert (backend.device, note) == ("cpu", None)
    monkeypatch.setattr("crime_detect_engine.vision.backends.openvino.found_devices", lambda: ["CPU", "GPU.0"])
    backend, note = choose_backend(default_checkpoint, "openvino")
    if backend.device == "cpu":
        assert note is not None
        assert note.endswith("using openvino on cpu")
