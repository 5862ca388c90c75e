"""Owns what the tests of hard questions share: videos whose corner says how probable a fight is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rig.videos import scene, write_video


@pytest.fixture
def told_video(tmp_path: Path) -> Callable[..., Path]:
    """`told_video(name, seconds, probability, seed)`: a block wanders, the corner tells a `ScriptedClassifier`."""

    def make(name: str, seconds: float, probability: float = 0.05, seed: int = 1) -> Path:
        pictures = []
        for n in range(round(seconds * 16)):
            image = scene(n, seed=seed).copy()
            image[:24, :24] = round(probability * 100)
            pictures.append(image)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_video(path, pictures, 16)

    return make
