"""Owns what an incident's link in the chain says of its camera: address, rules and model that were in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from . import __version__
from .configuring import settings_json
from .domain.types import ModelSpec
from .pipeline import Pipeline
from .sources.address import redact

_PREPROCESSING = (
    "labels", "frames", "fps", "size", "input", "gain", "gain_rule", "lag", "mean", "std", "scale", "interpolation",
    "region", "source_size", "enhance", "temperature", "min_frames",
)  # fmt: skip


def circumstances_of(pipeline: Pipeline) -> Callable[[str], Mapping[str, Any] | None]:
    """For `Exports.follow`; called in the store thread, and reads only what is replaced whole."""

    def read(camera: str) -> Mapping[str, Any] | None:
        line = pipeline.lines.get(camera)
        if line is None:
            return None
        config = line.config
        place = None if config.location is None else asdict(config.location)
        return {
            "engine": __version__,
            "camera": {"id": line.id, "name": config.name, "source": redact(config.source), "location": place},
            "rules": settings_json(config),
            "model": model_json(line.spec),
        }

    return read


def model_json(spec: ModelSpec) -> dict[str, Any]:
    """Name, version, preprocessing and the digest of every file of a checkpoint."""
    fields = asdict(spec)
    preprocessing = {name: fields[name] for name in _PREPROCESSING}
    return {"name": spec.name, "version": spec.version, "preprocessing": preprocessing, "sha256": dict(spec.sha256)}
