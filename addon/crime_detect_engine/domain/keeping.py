"""Owns what may be asked about keeping: what the rules would do, what lies where, and what became of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .administration import Actor


class Keeping(Protocol):
    """Answers are JSON as docs/api.md has it. Raises StoreError when the database refuses."""

    async def state(self) -> Mapping[str, Any]:
        """The rules in force, what lies where, the archive, what is on hold, and why clean-up waits."""
        ...

    async def dry_run(self, rules: Mapping[str, Any], limit: int, offset: int) -> Mapping[str, Any]:
        """What would go, why, and the sums, by the rules in force changed by `rules`; None there is the default.

        Raises InvalidInputError that names each wrong key.
        """
        ...

    async def confirm(self, actor: Actor) -> None:
        """Somebody has looked at what clean-up doubts: it goes on. Raises StoreError where the folder is missing."""
        ...

    async def files(self, incident_id: str) -> Mapping[str, Any]:
        """The files of an incident and what became of each. Raises NotFoundError where nothing was ever kept of it."""
        ...
