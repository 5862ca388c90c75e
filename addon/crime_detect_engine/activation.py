"""Owns a change of model by people: checked, written to the configuration file, in force, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from .config import Config
from .configuring import Configuring
from .domain.errors import ConfigError, InvalidInputError
from .domain.ports import Actor
from .models import Models
from .pipeline import Pipeline
from .store.audit import Audit

ACTIVATED, ROLLED_BACK = "model_activate", "model_rollback"
_FILE = Actor("configuration file", "admin")
_REMEMBERED = 1000


class Activation:
    """`chosen` tells the name of the model in force; the audit remembers what was in force before it."""

    def __init__(
        self, models: Models, configuring: Configuring, pipeline: Pipeline, audit: Audit, chosen: Callable[[], str]
    ) -> None:
        self._models = models
        self._configuring = configuring
        self._pipeline = pipeline
        self._audit = audit
        self._chosen = chosen
        # The follower sees what an activation writes before it is in force: it must not take it for somebody's edit.
        self._changing = asyncio.Lock()

    async def list(self) -> Sequence[Mapping[str, Any]]:
        return await self._models.describe(self._chosen(), self._pipeline.lines)

    async def activate(self, name: str, actor: Actor) -> None:
        await self._use(name, actor, ACTIVATED)

    async def roll_back(self, name: str, actor: Actor) -> str:
        """Returns the model that is in force again."""
        if name != self._chosen():
            raise InvalidInputError(f"{name[:64]} is not active; {self._chosen()} is", {"name": "not active"})
        entries = await self._audit.list(_REMEMBERED)
        known = (one.details.get("before") for one in entries if (one.action, one.target) == (ACTIVATED, name))
        before = next((one for one in known if one and one != name), None)
        if before is None:
            raise ConfigError(f"nobody remembers a model before {name}; activate the one you want")
        await self._use(str(before), actor, ROLLED_BACK)
        return str(before)

    async def follow(self, wanted: Config, apply: Callable[[Config], Awaitable[None]]) -> None:
        """Puts in force what a person wrote into the file, and remembers a change of model as theirs."""
        async with self._changing:
            before = self._chosen()
            try:
                await apply(wanted)
            finally:
                if self._chosen() != before:
                    await self._audit.append(_FILE, ACTIVATED, self._chosen(), {"before": before})

    async def _use(self, name: str, actor: Actor, action: str) -> None:
        async with self._changing:
            before = self._chosen()
            await self._models.prepare(name)
            await self._configuring.set_model(name)
            if self._models.refusal is not None:
                raise ConfigError(self._models.refusal)
            await self._audit.append(actor, action, name, {"before": before})
