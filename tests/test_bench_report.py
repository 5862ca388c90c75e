"""Owns the test of the benchmark's page: every figure of the run stands on it, and what is missing is said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rig.scripts import load_script


@pytest.fixture
def write_page() -> Any:
    return load_script("bench/report.py").write_page


def figures(load: float) -> dict[str, Any]:
    one = {
        "model": "fight", "precision_proven": True, "accuracy": 0.91, "roc_auc": 0.95, "stream": "360p",
        "input": "160 px, 8 fps", "cameras_a_core": 23.4, "times_naive": 9.87, "goal": 8,
        "made_of": {"decoding a smaller stream": 1.1, "network, input and sampling": 5.5, "precision": 1.6},
    }  # fmt: skip
    ratios = {
        "rounds": 3, "load_average": load, "matrix_gflops_fp32": 70.5, "models": {"default.bf16": one},
        "cpu_ms_a_camera_second": {"naive.720p": 421.0}, "skipped": {"lite": "not trained yet"},
    }  # fmt: skip
    return {
        "machine": {"cores": 2, "processor": "x86_64", "device": "cpu", "precision": "bf16", "load_average": load},
        "stages": {"decode_ms": 0.36, "lstm_a_window_ms": 0.5, "cpu_ms_a_camera_second": 50.0},
        "sequence_lengths": {"16": {"seconds": 2.0, "ms_a_score": 0.5}, "50": {"seconds": 6.25, "ms_a_score": 25.0}},
        "eight_cameras": {"cameras_a_core": 21.0},
        "ratios": ratios,
        "ratios_held_to_avx2": {"skipped": "ended with 139"},
    }


def test_the_page_holds_the_figures_and_what_could_not_be_measured(write_page: Any) -> None:
    page = write_page(figures(0.1))
    for text in (
        "| 16 | 2.0 | 0.5 | 2.0% |",
        "| 50 | 6.25 | 25.0 | 50.5% |",
        "9.87",
        "0.91",
        "0.95",
        "23.4",
        "421.0",
        "0.36",
        "21.0",
        "70.5",
    ):
        assert text in page
    assert "Not measured, lite: not trained yet." in page
    assert "Not measured: ended with 139." in page
    assert "BUSY" not in page


def test_a_busy_machine_is_said_to_have_been_busy(write_page: Any) -> None:
    assert "BUSY" in write_page(figures(5.0))
