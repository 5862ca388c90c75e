"""The load of the card, from a double of NVIDIA's library: there is no card where tests run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from crime_detect_engine.gpu import GpuLoad


class NVMLError(Exception):
    """As NVIDIA's."""


def library(**changes: Any) -> SimpleNamespace:
    def no_card() -> None:
        raise NVMLError("Driver Not Loaded")

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=no_card if changes.get("driverless") else lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: f"card {index}",
        nvmlDeviceGetUtilizationRates=lambda card: SimpleNamespace(gpu=37, memory=5),
    )


def test_the_first_card_is_asked() -> None:
    assert GpuLoad(library())() == 37.0


def test_without_a_driver_it_is_said_once_and_unknown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    load = GpuLoad(library(driverless=True))
    assert (load(), load()) == (None, None)
    assert caplog.text.count("Driver Not Loaded") == 1


def test_a_card_that_falls_off_the_bus_is_unknown() -> None:
    here = library()
    load = GpuLoad(here)
    assert load() == 37.0

    def lost(_card: str) -> None:
        raise NVMLError("GPU is lost")

    here.nvmlDeviceGetUtilizationRates = lost
    assert (load(), load()) == (None, None)


def test_without_the_library_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crime_detect_engine.gpu.find_spec", lambda _name: None)
    assert GpuLoad()() is None
