"""Owns the proof that pieces keep within cuts and incidents, and that few of many are spread over the video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.learning.cutting import Cutting, SampledFrame, cut_frames


def frames(count: int, cuts: tuple[int, ...] = (), step: int = 1) -> list[SampledFrame]:
    """Frame n of the video is all n."""
    numbers = [step * n for n in range(count)]
    return [SampledFrame(n, np.full((2, 2, 3), n % 256, np.uint8), n == 0 or n // step in cuts) for n in numbers]


def test_no_piece_crosses_a_cut_or_the_edge_of_an_incident() -> None:
    cutting = Cutting(length=10, shortest=4, spans=((42, 79), (100, 119)))
    found = cut_frames(frames(60, cuts=(15,), step=3), cutting, Path("v"))
    shown = [(int(clip[0, 0, 0, 0]), int(clip[-1, 0, 0, 0]), piece.incident) for piece, clip in found]
    assert shown == [
        (0, 39, False), (45, 78, True), (81, 99, False), (102, 117, True), (120, 147, False), (150, 177, False),
    ]  # fmt: skip


def test_few_pieces_of_a_long_video_are_spread_over_it_and_incidents_keep_theirs() -> None:
    cutting = Cutting(length=10, shortest=4, spans=((500, 529),), most=3)
    found = cut_frames(frames(1000), cutting, Path("v"))
    assert [(p.start, p.incident) for p, _ in found] == [
        (0, False), (480, False), (500, True), (510, True), (520, True), (990, False),
    ]  # fmt: skip


def test_a_span_behind_the_end_is_refused_with_the_files_name() -> None:
    with pytest.raises(InvalidInputError, match=r"v\.mp4: a span begins at frame 165, but the video ends at 99"):
        cut_frames(frames(100), Cutting(10, 4, spans=((165, 240),)), Path("v.mp4"))
