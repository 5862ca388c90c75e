"""Owns who and what is in view of one camera: its looks, tracks, rules of zones and lines, and tamper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .domain.types import Alert, Grounds, ModelRef
from .judge import Judge

NOBODY_LOOKS: Mapping[str, Any] = {"tampered": False, "tamper": None, "persons": None, "objects": {}, "zones": {}}
"""Of a camera's state: `persons` is null where nobody looks, `objects` counts by label, `zones` by zone."""


class SceneWatch:
    @property
    def judges(self) -> tuple[Judge, ...]:
        return ()

    def grounds_of_model(self, alert: Alert, model: ModelRef) -> Grounds:  # noqa: ARG002 - comes next
        return Grounds(model=model)

    def view(self, now_tick_s: float) -> Mapping[str, Any]:  # noqa: ARG002 - comes next
        return NOBODY_LOOKS
