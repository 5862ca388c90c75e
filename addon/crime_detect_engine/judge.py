"""Owns what decides on one kind of incident at one camera: rules, a state, a last score, and what an alert rests on."""

from __future__ import annotations

from typing import Protocol

from .decision.state import PolicyState
from .domain.types import Alert, Grounds, Rules, Score


class Judge(Protocol):
    """Each has its own policy state; the pipeline steps it and hands on what it decides."""

    rules: Rules
    state: PolicyState
    score: Score | None

    @property
    def silent(self) -> bool:
        """True where what is decided is stored and nobody is told."""
        ...

    def grounds(self, alert: Alert) -> Grounds: ...
