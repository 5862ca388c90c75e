"""Owns following the configuration file: what a person or the page changes there takes effect while running."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from .config import Config, changes
from .config.editor import ConfigEditor
from .config.loading import SECRETS_FILE
from .domain.errors import CrimeDetectError

_LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
AT_ONCE = frozenset({"reports", "retention", "severity"})
"""Sections whose change takes effect while running, beside the cameras'; the others are said to wait for a restart."""


def effective(running: Config, wanted: Config) -> tuple[Config, frozenset[str]]:
    """The configuration to run with now, and the sections that wait for a restart."""
    waiting = changes(running, wanted).sections - AT_ONCE
    if running.mqtt and wanted.mqtt and replace(running.mqtt, ha_discovery=wanted.mqtt.ha_discovery) == wanted.mqtt:
        waiting -= {"mqtt"}  # discovery alone is switched while running
    kept = {name: getattr(running, name) for name in waiting}
    if "privacy" in waiting:  # who is hidden changes at once, what is encrypted does not
        kept["privacy"] = replace(
            running.privacy, blur_faces=wanted.privacy.blur_faces, blur_persons=wanted.privacy.blur_persons
        )
        waiting -= {"privacy"} if kept["privacy"] == wanted.privacy else frozenset()
    if "model" in waiting:
        kept["model"] = replace(
            running.model, name=wanted.model.name
        )  # another model comes at once, another device not
        waiting -= {"model"} if kept["model"] == wanted.model else frozenset()
    return replace(wanted, **kept), waiting


class ConfigFollower:
    """Looks at the file (and secrets.yaml beside it) every 2 s; `apply` gets each valid new content.

    A file that is not valid changes nothing: the engine goes on as it was, and `problem` says what is wrong.
    """

    def __init__(self, editor: ConfigEditor, apply: Callable[[Config], Awaitable[None]]) -> None:
        self._editor = editor
        self._apply = apply
        self._seen = self._look()
        self.problem: str | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.follow()

    def notes(self) -> Sequence[str]:
        return [self.problem] if self.problem else []

    async def follow(self) -> None:
        """Loads the file if it is another than before."""
        now = self._look()
        if now == self._seen:
            return
        self._seen = now
        try:
            await self._apply(await asyncio.to_thread(self._editor.load))
        except CrimeDetectError as error:
            self.problem = f"the changed configuration is not used: {error}"
            _LOG.error("%s", self.problem)
        else:
            self.problem = None
            _LOG.info("%s was changed and is in force", self._editor.path.name)

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        path = self._editor.path
        return tuple(_stamp(one) for one in (path, path.parent / SECRETS_FILE))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
