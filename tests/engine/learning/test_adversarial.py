"""Owns the proof that perturbations stay within their levels, are stronger than chance, and are counted."""

from __future__ import annotations

from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.adversarial import LEVELS, METHODS, attack, choose  # noqa: E402


class Linear(torch.nn.Module):  # type: ignore[misc]
    """A network whose decision is whether its pictures are brighter than 128 on average."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = lambda images: images.float().mean((1, 2))

    def head(self, windows: Any, mask: Any) -> Any:
        bright = windows.mean((1, 2)) - 128
        return torch.stack([-bright, bright], 1)


def window(level: int) -> Any:
    return torch.full((4, 6, 6, 3), level, dtype=torch.uint8)


def test_no_pixel_moves_further_than_its_level_or_out_of_range() -> None:
    for level in (0, 130, 255):
        for (_, allowed), changed in attack(Linear(), window(level), 1).items():
            moved = (changed.int() - level).abs()
            assert moved.max() <= allowed
            assert changed.dtype == torch.uint8


def test_what_is_near_the_border_flips_by_gradient_and_not_by_chance() -> None:
    found = attack(Linear(), window(130), 1)
    means = {key: float(changed.float().mean()) for key, changed in found.items()}
    assert set(found) == {(method, level) for method in METHODS for level in LEVELS}
    assert means["fgsm", 4] == means["pgd", 4] == 126
    assert means["fgsm", 1] == 129
    assert abs(means["random", 4] - 130) < 1
    assert torch.equal(found["random", 4], attack(Linear(), window(130), 1)["random", 4])


def test_clips_are_chosen_evenly_over_the_classes(samples: Any) -> None:
    main = [sample for sample in samples if not sample.extra]
    chosen = choose(main, 6)
    assert [sample.label for sample in chosen] == [0, 0, 0, 1, 1, 1]
    assert len({sample.path for sample in chosen}) == 6
    assert len(choose(main, 1000)) == len(main)
