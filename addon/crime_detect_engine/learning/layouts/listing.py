"""Owns what every layout hands over: one video with its class, source, official split and incident spans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from crime_detect_engine.domain.errors import InvalidInputError

SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm")
Split = Literal["", "train", "test"]
Span = tuple[int, int]
"""First and last frame of an incident, counted from 0 in the video's own frames."""


@dataclass(frozen=True, slots=True)
class ClipFile:
    """One video before it is decoded. `path` is relative to the data root.

    `spans` None: the whole video is `label`. Otherwise only the spans are, and the rest of the video is normal, or
    nobody looked at it and it is left out (`rest_unknown`).
    `split` "": the publishers drew no line, grouped folds do. A `test` video never trains.
    """

    path: str
    label: str
    group: str
    fold: int | None = None
    origin: str = ""
    split: Split = ""
    spans: tuple[Span, ...] | None = None
    rest_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a recipe asks of a layout: the classes of the model, and where theirs go to others than the usual ones."""

    base: Path
    labels: Sequence[str]
    classes: Mapping[str, str] = field(default_factory=dict)
    groups: str | None = None
    partial: bool = False
    """Listed videos may be missing (a part of the set was downloaded)."""

    def label_of(self, name: str, known: Mapping[str, str | None], where: str) -> str | None:
        """Our class for one of theirs, None where the model has none. Raises InvalidInputError naming `where`."""
        if name not in known:
            raise InvalidInputError(f"{where}: unknown class {name!r}; known are {', '.join(known)}")
        label = self.classes.get(name, known[name])
        return label if label in self.labels else None

    def check_classes(self, known: Mapping[str, str | None]) -> None:
        """Raises InvalidInputError for a key of `classes` that the set does not have: it would map nothing."""
        strange = sorted(set(self.classes) - set(known))
        if strange:
            raise InvalidInputError(f"classes: {self.base} has no class {strange[0]!r}; it has {', '.join(known)}")


def find_videos(base: Path) -> list[Path]:
    """Every video below `base`, in a fixed order."""
    return sorted(path for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """`FILE, line N` and the text of each line that is not empty. Raises InvalidInputError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path}, line {number}", line.strip()


def read_spans(where: str, numbers: Sequence[str]) -> tuple[Span, ...]:
    """Pairs of frame numbers; a pair below zero is empty. Raises InvalidInputError naming `where`."""
    try:
        values = [int(number) for number in numbers]
    except ValueError as error:
        raise InvalidInputError(f"{where}: frame numbers are whole numbers ({error})") from error
    if not values or len(values) % 2:
        raise InvalidInputError(f"{where}: spans are pairs of a first and a last frame, here are {len(values)} numbers")
    pairs = [(a, b) for a, b in zip(values[::2], values[1::2], strict=True) if a >= 0 and b >= 0]
    for first, last in pairs:
        if last < first:
            raise InvalidInputError(f"{where}: the span ends at frame {last}, before it begins at {first}")
    return tuple(pairs)


def tell_missing(missing: Sequence[str], request: Request) -> None:
    """Raises InvalidInputError with the first line whose video is absent, unless the recipe says `partial`."""
    if missing and not request.partial:
        raise InvalidInputError(
            f"{missing[0]} is not below {request.base}, nor are {len(missing) - 1} others that are listed; "
            "fetch them, or write `partial = true` into the recipe's data folder to train on what is there"
        )
