"""Owns the models that are loaded while the engine runs: which ones, and how another takes the place of one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .config import CameraConfig, Config, model_name
from .domain.errors import BackendError, CheckpointError, NotFoundError
from .domain.ports import Classifier
from .domain.types import ModelSpec
from .inference import Worker
from .line import Line
from .vision.checkpoint import DEFAULT_NAME, Listing, find_checkpoint, list_checkpoints

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that every worker has ready and none uses yet."""

    spec: ModelSpec
    classifiers: Sequence[Classifier]


class Models:
    """`folders` hold the user's own models. `specs` are those in force, by their names; the first is the one that real
    cameras use. `refusal` says why the one that the configuration names is not used."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._workers: Sequence[Worker] = ()
        self.specs: dict[str, ModelSpec] = {}
        self.refusal: str | None = None
        self._ready: Loaded | None = None

    @property
    def first(self) -> ModelSpec:
        return next(iter(self.specs.values()))

    def notes(self) -> Sequence[str]:
        return [self.refusal] if self.refusal else []

    def read(self, config: Config) -> None:
        """The models that a configuration needs. Raises CheckpointError."""
        chosen = config.model.name
        wanted = {model_name(camera, chosen) for camera in config.cameras.values()}
        if not wanted or config.frigate is not None:
            wanted.add(chosen)
        found = [find_checkpoint(name, self._folders).spec for name in sorted(wanted, key=lambda name: name != chosen)]
        self.specs = {spec.name: spec for spec in found}

    def serve(self, workers: Sequence[Worker]) -> None:
        """Names the workers; they have loaded `specs`."""
        self._workers = workers

    async def need(self, name: str) -> ModelSpec:
        """The spec of a model in force, read when it is the first to ask for it. Raises CheckpointError."""
        name = _real(name)
        if name not in self.specs:
            self.specs[name] = (await asyncio.to_thread(find_checkpoint, name, self._folders)).spec
        return self.specs[name]

    async def choose(self, running: Config, wanted: Config) -> tuple[Config, Loaded | None]:
        """Loads the model that is wanted now, beside what runs, where it is another or was trained again.

        Returns the configuration to run with and what is to be put in force. One that cannot be loaded is a `refusal`,
        and nothing else of the configuration waits for it.
        """
        name = _real(wanted.model.name)
        try:
            found = (await asyncio.to_thread(find_checkpoint, name, self._folders)).spec
            same = wanted.model == running.model and self.specs.get(name) == found
            loaded = None if same else await self._load(found)
        except (CheckpointError, BackendError) as error:
            reason = f"model {wanted.model.name} is not used: {error}; {running.model.name} goes on"
            if reason != self.refusal:
                _LOG.error("%s", reason)
            self.refusal = reason
            return replace(wanted, model=running.model), None
        self.refusal = None
        return wanted, loaded

    def outdated(self, loaded: Loaded | None, config: Config, lines: Mapping[str, Line]) -> frozenset[str]:
        """Cameras that another model will read once `loaded` is in force."""
        coming = self.specs | ({loaded.spec.name: loaded.spec} if loaded else {})

        def spec_of(line: Line) -> ModelSpec | None:
            return coming.get(_real(model_name(line.config, config.model.name)))

        return frozenset(line.id for line in lines.values() if spec_of(line) not in (None, line.spec))

    async def put_in_force(self, loaded: Loaded, cameras: Iterable[CameraConfig]) -> None:
        """From the next run on; what none of `cameras` needs is dropped. Lines that `outdated` named must be gone."""
        name = loaded.spec.name
        for worker, classifier in zip(self._workers, loaded.classifiers, strict=True):
            await worker.put(name, classifier)
        needed = {_real(model_name(camera, name)) for camera in cameras} - {name}
        for unused in self.specs.keys() - needed - {name}:
            for worker in self._workers:
                await worker.drop(unused)
        _LOG.info("%s %s is in force; it knows %s", name, loaded.spec.version, ", ".join(loaded.spec.labels))
        self.specs = {name: loaded.spec, **{one: spec for one, spec in self.specs.items() if one in needed}}

    async def describe(self, chosen: str, lines: Mapping[str, Line]) -> list[dict[str, Any]]:
        """One object a model that can be had here, as `GET /models` answers it."""
        listings = await asyncio.to_thread(list_checkpoints, self._folders)
        return [_json(one, _real(chosen), lines) for one in listings if one.folder is not None]

    async def prepare(self, name: str) -> None:
        """Loads a model that is going to be chosen, so that one that cannot be is refused before anything is changed.

        Raises NotFoundError for a name that no model has, CheckpointError and BackendError for one that does not load.
        """
        listings = await asyncio.to_thread(list_checkpoints, self._folders)
        names = [one.name for one in listings if one.folder is not None]
        if _real(name) not in names:
            raise NotFoundError(f"no model {name[:64]!r}; models here: {', '.join(names) or 'none'}")
        found = (await asyncio.to_thread(find_checkpoint, name, self._folders)).spec
        if self.specs.get(found.name) != found:
            self._ready = await self._load(found)

    async def _load(self, spec: ModelSpec) -> Loaded:
        ready, self._ready = self._ready, None
        if ready is not None and ready.spec == spec:
            return ready
        return Loaded(spec, [await worker.load(spec.name) for worker in self._workers])


def _real(name: str) -> str:
    return DEFAULT_NAME if name == "default" else name


def _json(listing: Listing, active: str, lines: Mapping[str, Line]) -> dict[str, Any]:
    spec = listing.spec
    return {
        "name": listing.name,
        "version": spec.version if spec else None,
        "labels": list(spec.labels) if spec else [],
        "active": listing.name == active,
        "cameras": sorted(line.id for line in lines.values() if line.spec.name == listing.name),
        "usable": spec is not None and spec.trained,
        "error": listing.error,
        "demo": bool(spec and spec.demo),
        "metrics": dict(spec.metrics) if spec else {},
    }
