"""Owns the choice of precision: only what the checkpoint was proven in, only where the processor computes it."""

from __future__ import annotations

from importlib.util import find_spec

from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import PRECISIONS

CHOICES = ("auto", "fp32", *PRECISIONS)


def choose_precision(spec: ModelSpec, backend: str, device: str, asked: str = "auto") -> tuple[str, str | None]:
    """What the frame encoder computes in on this backend and device, and a text where that is not what was asked for.

    `auto` takes bf16 where the checkpoint was proven in it and the processor has it, else fp32.
    """
    if asked == "fp32":
        return asked, None
    wanted = "bf16" if asked == "auto" else asked
    reason = _reason_against(spec, backend, device, wanted)
    if reason is None:
        return wanted, None
    return "fp32", None if asked == "auto" else f"{spec.name} runs in fp32: {reason}"


def _reason_against(spec: ModelSpec, backend: str, device: str, wanted: str) -> str | None:
    if wanted not in spec.precisions:
        return f"it was not proven in {wanted} (`crime-detect export --data` does it)"
    if backend != "openvino" or device != "cpu":
        return f"{wanted} is for OpenVINO on the processor"
    if wanted == "bf16" and not has_bf16():
        return "this processor has no bf16"
    return None


def has_bf16() -> bool:
    """Whether OpenVINO is installed and the processor has instructions for bf16."""
    if find_spec("openvino") is None:
        return False
    from .openvino import computes_bf16

    return computes_bf16()
