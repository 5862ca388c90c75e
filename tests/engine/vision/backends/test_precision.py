"""Owns the proof of the choice of precision: only what was proven, only where the processor has it, never silently."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.vision.backends import choose_backend
from crime_detect_engine.vision.backends.precision import choose_precision
from crime_detect_engine.vision.checkpoint import Checkpoint

PROVEN = {"bf16": {"accuracy": 0.9}, "int8": {"accuracy": 0.9}}


@pytest.fixture
def spec(default_checkpoint: Any) -> Any:
    return replace(default_checkpoint.spec, precisions=PROVEN)


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`processor(bf16=…)` says what the machine can."""

    def has(*, bf16: bool) -> None:
        monkeypatch.setattr("crime_detect_engine.vision.backends.precision.has_bf16", lambda: bf16)

    return has


def test_auto_takes_bf16_where_it_was_proven_and_the_processor_has_it(spec: Any, processor: Any) -> None:
    processor(bf16=True)
    assert choose_precision(spec, "openvino", "cpu") == ("bf16", None)
    assert choose_precision(replace(spec, precisions={}), "openvino", "cpu") == ("fp32", None)
    processor(bf16=False)
    assert choose_precision(spec, "openvino", "cpu") == ("fp32", None)


@pytest.mark.parametrize("asked", ["bf16", "int8"])
def test_what_was_not_proven_is_not_served_and_that_is_said(spec: Any, processor: Any, asked: str) -> None:
    processor(bf16=True)
    assert choose_precision(spec, "openvino", "cpu", asked) == (asked, None)
    served, note = choose_precision(replace(spec, precisions={}), "openvino", "cpu", asked)
    assert served == "fp32"
    assert note is not None
    assert f"was not proven in {asked}" in note
    served, note = choose_precision(spec, "torch", "cuda", asked)
    assert served == "fp32"
    assert note is not None


def test_bf16_on_a_processor_without_it_is_fp32_and_that_is_said(spec: Any, processor: Any) -> None:
    processor(bf16=False)
    served, note = choose_precision(spec, "openvino", "cpu", "bf16")
    assert served == "fp32"
    assert note is not None
    assert note.endswith("this processor has no bf16")


def test_an_older_checkpoint_runs_in_fp32_and_says_so_when_asked_for_more(default_checkpoint: Any) -> None:
    older = Checkpoint(default_checkpoint.folder, replace(default_checkpoint.spec, precisions={}))
    backend, note = choose_backend(older, "cpu")
    assert (backend.precision, note) == ("fp32", None)
    backend, note = choose_backend(older, "cpu", "int8")
    assert backend.precision == "fp32"
    assert note is not None
    assert "in fp32" in note


def test_an_unknown_precision_is_refused_with_what_is_allowed(default_checkpoint: Any) -> None:
    with pytest.raises(BackendError, match=r"'fp16'; allowed are auto, fp32, bf16, int8"):
        choose_backend(default_checkpoint, "cpu", "fp16")
