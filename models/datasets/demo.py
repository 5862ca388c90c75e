"""Owns the training material of the demo checkpoint: procedural scenes, cut into clips of one label each.

`python models/datasets/demo.py OUT` writes OUT/demo/{normal,fighting}/*.mp4 and OUT/demo/clips.csv. The same numbers
give the same clips. A group is one scene with its people; folds keep groups whole and balance places and nights.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from crime_detect_engine.domain.types import NORMAL
from crime_detect_engine.sources.synthetic import FIGHTING, Pace, render
from crime_detect_engine.sources.synthetic.places import PLACES

FPS, SIZE, CLIP_S = 15, (640, 360), 3.2
SCENE_S = 70.0
FOLDS = 2
FIRST_SEED = 10_000
"""Training seeds start here; demo cameras have small ones."""
PACES = (
    Pace(episode_s=(1.0, 5.0), fight_every_s=(2.0, 6.0), first_fight_s=(0.0, 3.0)),
    Pace(episode_s=(1.0, 4.0), fight_every_s=(900.0, 900.0), first_fight_s=(900.0, 900.0)),
)
"""Scenes with many fights, and scenes without any."""


@dataclass(frozen=True, slots=True)
class SceneRun:
    """One scene of the set; a third plays at night."""

    number: int

    @property
    def seed(self) -> int:
        return FIRST_SEED + self.number

    @property
    def place(self) -> str:
        return sorted(PLACES)[self.number % len(PLACES)]

    @property
    def night(self) -> bool:
        return self.number // len(PLACES) % 3 == 2

    @property
    def pace(self) -> Pace:
        return PACES[self.number % 5 == 1]

    @property
    def fold(self) -> int:
        return self.number // (3 * len(PLACES)) % FOLDS


def cut(run: SceneRun) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Unmixed clips of CLIP_S seconds: a stretch across the border of a fight belongs to neither class."""
    length = round(CLIP_S * FPS)
    clip: list[np.ndarray] = []
    last = NORMAL
    for image, label in render(run.place, run.seed, SCENE_S, FPS, SIZE, night=run.night, pace=run.pace):
        if label != last:
            clip, last = [], label
        clip.append(image)
        if len(clip) == length:
            yield label, clip
            clip = []


def write(path: Path, images: Sequence[np.ndarray]) -> None:
    """H.264 fine enough to keep the camera's noise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "18", "preset": "superfast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.thread_count = 1
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenes", type=int, default=48)
    options = parser.parse_args()
    root: Path = options.out / "demo"
    for label in (NORMAL, FIGHTING):
        (root / label).mkdir(parents=True, exist_ok=True)
    with (root / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "group", "fold", "origin"))
        for run in map(SceneRun, range(options.scenes)):
            origin = f"{run.place}-night" if run.night else run.place
            for index, (label, images) in enumerate(cut(run)):
                path = f"{label}/{run.seed}_{index:02d}.mp4"
                write(root / path, images)
                table.writerow((path, label, run.seed, run.fold, origin))
            file.flush()


if __name__ == "__main__":
    main()
