"""Owns what the tests of sampling share: a model's spec and raw frames that need no decoder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import cv2
import pytest
from crime_detect_engine.domain.types import ModelSpec

from tests.rig.videos import scene


@dataclass
class DrawnFrame:
    """A RawFrame around a drawn RGB picture; counts how often it was converted."""

    stream_s: float
    picture: Any
    cut: bool = False
    conversions: int = field(default=0)
    at: datetime = datetime(2026, 11, 21, tzinfo=UTC)

    @property
    def tick_s(self) -> float:
        return self.stream_s

    @property
    def width(self) -> int:
        return int(self.picture.shape[1])

    @property
    def height(self) -> int:
        return int(self.picture.shape[0])

    def luma(self) -> Any:
        return cv2.cvtColor(self.picture, cv2.COLOR_RGB2GRAY)

    def rgb(self, width: int, height: int, interpolation: str) -> Any:
        self.conversions += 1
        return cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="session")
def spec() -> ModelSpec:
    return ModelSpec(
        name="m", version="1", network="n", labels=("normal", "fighting"), frames=16, fps=8.0, size=64,
        input="difference", gain=2.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), scale="unit",
        interpolation="bilinear", feature_dim=8, hidden_dim=8, temperature=1.0, min_frames=8, trained=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def drawn() -> Callable[..., DrawnFrame]:
    """`drawn(stream_s, step=…, seed=…, cut=…)`."""

    def draw(stream_s: float, *, step: int = 0, seed: int = 1, cut: bool = False, noise: int = 0) -> DrawnFrame:
        return DrawnFrame(stream_s, scene(step, seed=seed, noise=noise), cut)

    return draw
