"""Owns what the vision tests share: frames made of noise, and the shipped default checkpoint on OpenVINO."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.types import Frame, Image, ModelSpec
from crime_detect_engine.vision.checkpoint import Checkpoint, file_digest, find_checkpoint
from crime_detect_engine.vision.classifier import NetworkClassifier, load_classifier

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FrameMaker = Callable[..., Frame]


class NoPicture:
    """A frame's full picture, which vision never asks for."""

    width = height = 0

    def rgb(self, max_height: int | None = None) -> Image:
        raise AssertionError("vision must not convert the full picture")


@pytest.fixture
def frame(default_checkpoint: Checkpoint) -> FrameMaker:
    """`frame(tick_s, image, previous, …)`: a frame of the default model's size; noise where no image is given."""
    random = np.random.default_rng(1)

    def make(
        tick_s: float = 0.0,
        image: Image | None = None,
        previous: Image | None = None,
        *,
        camera: str = "yard",
        moving: bool = True,
        cut: bool = False,
        size: int = default_checkpoint.spec.size,
    ) -> Frame:
        picture = random.integers(0, 256, (size, size, 3), np.uint8) if image is None else image
        at = NOON + timedelta(seconds=tick_s)
        return Frame(camera, round(tick_s * 1000), at, tick_s, picture, previous, NoPicture(), moving, cut)

    return make


@pytest.fixture(scope="session")
def default_checkpoint() -> Checkpoint:
    return find_checkpoint("default")


@pytest.fixture(scope="session")
def classifier() -> NetworkClassifier:
    """The shipped default on OpenVINO, one CPU thread."""
    return load_classifier("default", "openvino")[0]


@pytest.fixture
def rgb_spec(default_checkpoint: Checkpoint) -> ModelSpec:
    return replace(default_checkpoint.spec, name="rgb", input="rgb", size=16, feature_dim=3, min_frames=2, sha256={})


@pytest.fixture
def write_model(tmp_path: Path) -> Callable[..., Path]:
    """Writes `model.json` for the files in `tmp_path/<name>`; digests are those of the files unless given."""

    def write(spec: ModelSpec, **changes: object) -> Path:
        folder = tmp_path / spec.name
        folder.mkdir(exist_ok=True)
        files = [p for p in folder.rglob("*") if p.is_file() and p.name != "model.json"]
        digests = {p.relative_to(folder).as_posix(): file_digest(p) for p in files}
        content = {"format": 1, **asdict(replace(spec, sha256=digests)), **changes}
        (folder / "model.json").write_text(json.dumps(content))
        return folder

    return write
