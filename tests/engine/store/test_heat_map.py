"""Owns the proof that a heat map is red where the score came from and the picture elsewhere."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.store.heat_map import write_heat_map

DROPS = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, -0.3, 0.6]]


def test_the_cell_that_counts_is_red(tmp_path: Path) -> None:
    path = tmp_path / "maps" / "01.png"
    write_heat_map(np.full((96, 96, 3), 100, np.uint8), DROPS, path)
    shown = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert shown.shape == (480, 480, 3)
    red, green, _ = shown[440, 440].tolist()
    assert red > 150 > 80 > green
    assert np.abs(shown[40:200, 40:200].astype(int) - 100).max() <= 4


def test_a_folder_that_cannot_hold_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "maps").write_text("a file where the folder should be")
    with pytest.raises(StoreError):
        write_heat_map(np.zeros((8, 8, 3), np.uint8), DROPS, tmp_path / "maps" / "01.png")
