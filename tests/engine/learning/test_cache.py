"""Owns the proof that clips are decoded once, that what is kept is what was decoded, and that disk use is bounded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.learning.cache import FRAMES_FILE, INDEX_FILE, CachedFootage
from crime_detect_engine.learning.cutting import Clip, Cutting, SampledFrame, cut_frames
from crime_detect_engine.learning.recipe import parse_recipe

CUTTING = Cutting(length=8, shortest=4, spans=((10, 20),))
ENTRY_BYTES = 40 * 4 * 4 * 3
"""Of the frames of one made-up video; the index comes on top."""
MANY = 1_000_000


class MadeUp:
    """Videos whose pixels follow from their bytes; counts how often one is decoded."""

    def __init__(self) -> None:
        self.decoded = 0

    def frames(self, path: Path) -> Iterator[SampledFrame]:
        self.decoded += 1
        random = np.random.default_rng(path.read_bytes()[0])
        for number in range(40):
            yield SampledFrame(number, random.integers(0, 256, (4, 4, 3)).astype(np.uint8), number in (0, 30))

    def compose(self, clip: Clip, zoom: float = 1.0, region: str | None = None) -> Clip:
        return clip


@pytest.fixture
def spec(recipe_text: str) -> ModelSpec:
    return parse_recipe(recipe_text).spec


@pytest.fixture
def video(tmp_path: Path) -> Callable[[int], Path]:
    def make(number: int) -> Path:
        path = tmp_path / f"v{number}.mp4"
        path.write_bytes(bytes([number]))
        return path

    return make


def test_a_second_run_maps_what_the_first_decoded(
    spec: ModelSpec, video: Callable[[int], Path], tmp_path: Path
) -> None:
    decoder = MadeUp()
    for _ in range(2):
        found = CachedFootage(decoder, spec, tmp_path / "cache", MANY).cut(video(1), CUTTING)
        wanted = cut_frames(MadeUp().frames(video(1)), CUTTING, video(1))
        assert [piece for piece, _ in found] == [piece for piece, _ in wanted]
        for (_, clip), (_, same) in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(clip, same)
        assert isinstance(found[0][1].base.base, np.memmap), "nothing of it is held in memory"
    assert decoder.decoded == 1


def test_content_rate_size_and_cutting_decide_what_an_entry_is(
    spec: ModelSpec, video: Callable[[int], Path], tmp_path: Path
) -> None:
    decoder = MadeUp()
    changes = [spec, replace(spec, fps=4.0), replace(spec, size=64), replace(spec, interpolation="area")]
    for changed in changes:
        CachedFootage(decoder, changed, tmp_path / "cache", MANY).cut(video(1), CUTTING)
    footage = CachedFootage(decoder, replace(spec, gain=3.0, labels=("normal", "abuse")), tmp_path / "cache", MANY)
    assert decoder.decoded == 4
    footage.cut(video(1), CUTTING)
    footage.cut(video(1).rename(tmp_path / "renamed.mp4"), CUTTING)
    assert decoder.decoded == 4, "neither the gain nor the file's name changes its pixels"
    footage.cut(video(1), replace(CUTTING, most=1))
    footage.cut(video(2), CUTTING)
    assert decoder.decoded == 6


def test_a_video_without_a_piece_is_not_decoded_again(
    spec: ModelSpec, video: Callable[[int], Path], tmp_path: Path
) -> None:
    decoder = MadeUp()
    footage = CachedFootage(decoder, spec, tmp_path / "cache", MANY)
    assert [list(footage.cut(video(1), Cutting(length=90, shortest=90))) for _ in range(2)] == [[], []]
    assert decoder.decoded == 1


def test_what_was_cut_off_is_never_taken_for_whole(
    spec: ModelSpec, video: Callable[[int], Path], tmp_path: Path
) -> None:
    class CutOff(MadeUp):
        def frames(self, path: Path) -> Iterator[SampledFrame]:
            yield from list(super().frames(path))[:7]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        CachedFootage(CutOff(), spec, tmp_path / "cache", MANY).cut(video(1), CUTTING)
    assert list((tmp_path / "cache").iterdir()) == []
    decoder = MadeUp()
    whole = CachedFootage(decoder, spec, tmp_path / "cache", MANY).cut(video(1), CUTTING)
    (entry,) = (tmp_path / "cache").iterdir()
    for damage in (lambda: os.truncate(entry / FRAMES_FILE, 100), (entry / INDEX_FILE).unlink):
        damage()
        again = CachedFootage(decoder, spec, tmp_path / "cache", MANY).cut(video(1), CUTTING)
        np.testing.assert_array_equal(again[-1][1], cut_frames(MadeUp().frames(video(1)), CUTTING, video(1))[-1][1])
    assert decoder.decoded == 3
    assert len(whole) == len(again)


def test_two_runs_that_decode_the_same_at_once_both_have_it(
    spec: ModelSpec, video: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def overtaken(partial: Path, entry: Path) -> Path:
        """Between a run's last look and its move, another one puts the same into place."""
        monkeypatch.setattr(Path, "rename", rename)
        CachedFootage(MadeUp(), spec, tmp_path / "cache", MANY).cut(video(1), CUTTING)
        return partial.rename(entry)

    monkeypatch.setattr(Path, "rename", overtaken)
    found = CachedFootage(MadeUp(), spec, tmp_path / "cache", MANY).cut(video(1), CUTTING)
    np.testing.assert_array_equal(found[-1][1], cut_frames(MadeUp().frames(video(1)), CUTTING, video(1))[-1][1])
    assert len(list((tmp_path / "cache").iterdir())) == 1, "nothing half done is left"


def test_the_least_recently_used_makes_room_and_what_this_run_needs_stays(
    spec: ModelSpec, video: Callable[[int], Path], tmp_path: Path
) -> None:
    limit = 3 * ENTRY_BYTES
    before = MadeUp()
    earlier = CachedFootage(before, spec, tmp_path / "cache", limit)
    earlier.cut(video(1), CUTTING)
    earlier.cut(video(2), CUTTING)
    for number, entry in enumerate(sorted((tmp_path / "cache").iterdir(), key=lambda path: path.stat().st_mtime)):
        for path in (entry / FRAMES_FILE, entry / INDEX_FILE, entry):
            os.utime(path, (1000 + number, 1000 + number))
    later = MadeUp()
    footage = CachedFootage(later, spec, tmp_path / "cache", limit)
    footage.cut(video(1), CUTTING)
    footage.cut(video(3), CUTTING)
    footage.cut(video(1), CUTTING)
    assert later.decoded == 1, "video 1 was used again and stayed; video 2 went"
    assert sum(path.stat().st_size for path in (tmp_path / "cache").rglob("*.u8")) <= limit
    with pytest.raises(InvalidInputError, match=r"need more than .* GB in .*cache; allow more"):
        footage.cut(video(4), CUTTING)
    assert len(list((tmp_path / "cache").iterdir())) == 2
