"""Owns how a video becomes pieces to learn from: at cuts, at the edges of incidents, and by length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import InvalidInputError

from .layouts.listing import Span

Clip = NDArray[np.uint8]


class SampledFrame(NamedTuple):
    """One picture that serving would sample: uint8 [P, P, 3], its number in the video, and whether a cut is before."""

    number: int
    image: Clip
    cut: bool


class Piece(NamedTuple):
    """Sampled frames `start` to `stop` (not included) of a video; `incident` False where its spans say so."""

    start: int
    stop: int
    incident: bool


@dataclass(frozen=True, slots=True)
class Cutting:
    """Pieces of at most 1.5 · `length` sampled frames, never across a cut or the edge of an incident.

    `most` bounds the pieces of a video, those of its incidents and the others apart, evenly spread over it.
    """

    length: int
    shortest: int
    spans: tuple[Span, ...] | None = None
    most: int | None = None

    def pieces(self, numbers: NDArray[np.int64], cuts: NDArray[np.bool_]) -> list[Piece]:
        """`numbers` and `cuts` of all sampled frames, [T]. Raises ValueError for a span behind the end."""
        inside = self._incidents(numbers)
        borders = np.flatnonzero(cuts[1:] | (inside[1:] != inside[:-1])) + 1
        found = [
            Piece(start, stop, bool(inside[start]))
            for first, last in pairwise([0, *(int(border) for border in borders), len(numbers)])
            for start, stop in self._parts(first, last)
        ]
        if self.most is None:
            return found
        incidents = spread([piece for piece in found if piece.incident], self.most)
        return sorted([*incidents, *spread([piece for piece in found if not piece.incident], self.most)])

    def _incidents(self, numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self.spans is None:
            return np.ones(len(numbers), bool)
        inside = np.zeros(len(numbers), bool)
        for first, last in self.spans:
            if not len(numbers) or first > numbers[-1]:
                end = int(numbers[-1]) if len(numbers) else 0
                raise ValueError(f"a span begins at frame {first}, but the video ends at {end}: another frame rate?")
            inside |= (numbers >= first) & (numbers <= last)
        return inside

    def _parts(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        if last - first <= self.length * 3 // 2:
            # Half of what serving asks for still teaches; less than that is hardly a movement.
            if last - first >= self.shortest // 2 + 1:
                yield first, last
            return
        for start in range(first, last - self.shortest + 1, self.length):
            yield start, min(start + self.length, last)


def spread(pieces: Sequence[Piece], most: int) -> list[Piece]:
    """At most `most` of them, from the first to the last in even steps."""
    if len(pieces) <= most:
        return list(pieces)
    return [pieces[int(i)] for i in np.linspace(0, len(pieces) - 1, most).round()]


def cut_frames(frames: Iterable[SampledFrame], cutting: Cutting, path: Path) -> list[tuple[Piece, Clip]]:
    """The pieces of one video with their pictures [T, P, P, 3], all in memory. Raises InvalidInputError."""
    numbers, cuts, images = [], [], []
    for frame in frames:
        numbers.append(frame.number)
        cuts.append(frame.cut)
        images.append(frame.image)
    found = find_pieces(cutting, np.array(numbers, np.int64), np.array(cuts, bool), path)
    return [(piece, np.stack(images[piece.start : piece.stop])) for piece in found]


def find_pieces(cutting: Cutting, numbers: NDArray[np.int64], cuts: NDArray[np.bool_], path: Path) -> list[Piece]:
    """`Cutting.pieces`, with the file's name in what it raises."""
    try:
        return cutting.pieces(numbers, cuts)
    except ValueError as error:
        raise InvalidInputError(f"{path}: {error}") from error
