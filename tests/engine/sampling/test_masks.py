from __future__ import annotations

import numpy as np
import pytest
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.sampling.masks import Masks

LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
WHITE = np.full((60, 100, 3), 255, np.uint8)


@pytest.mark.parametrize("size", [(100, 60), (33, 17), (1920, 1080)])
def test_inside_is_black_and_outside_untouched_at_every_size(size: tuple[int, int]) -> None:
    image = Masks([LEFT]).apply(np.full((size[1], size[0], 3), 255, np.uint8))
    middle = size[0] // 2
    assert image[:, :middle].max() == 0
    assert image[:, middle + 2 :].min() == 255


def test_the_whole_picture_and_several_masks() -> None:
    assert Masks([[[0, 0], [1, 0], [1, 1], [0, 1]]]).apply(WHITE).max() == 0
    corners = Masks([[[0, 0], [0.2, 0], [0, 0.2]], [[1, 1], [0.8, 1], [1, 0.8]]]).apply(WHITE)
    assert corners[0, 0].max() == corners[-1, -1].max() == 0
    assert corners[30, 50].min() == 255


def test_without_masks_the_image_is_passed_on() -> None:
    assert Masks().apply(WHITE) is WHITE


@pytest.mark.parametrize(
    "polygon",
    [[], [[0, 0], [1, 1]], [[0, 0], [1, 0], [2, 1]], [[0, 0], [1, 0], [float("nan"), 1]], [[0, 0], [0.5, 0.5], [1, 1]],
     [[0, 0, 0], [1, 0, 0], [1, 1, 1]], [["a", "b"]] * 3, 7, [[0, 0]] * 500],
)  # fmt: skip
def test_what_is_no_polygon_is_refused(polygon: object) -> None:
    with pytest.raises(ConfigError, match="mask 1"):
        Masks([polygon])  # type: ignore[list-item]
