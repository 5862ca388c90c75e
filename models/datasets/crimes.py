"""Owns the procedural set of S2's five classes: stylised motions that only their order in time tells apart.

Drawn figures, no crimes: what learns them shows that the way from clips to a served model works for many classes and
learns order; it says nothing about real footage.

Every clip holds the same three movements of one figure towards another: it *takes* (reaches out), *strikes* (an arm
above the head) and *bends* (down on the heels). Each begins and ends in the same stance, so all six orders are smooth,
and each of the six classes is one order. Who sees the frames without their order sees the same in all of them.

`python models/datasets/crimes.py OUT [--scenes N] [--first-seed S]` writes OUT/crimes/<class>/*.mp4 and
OUT/crimes/clips.csv; `--layout ucf-crime` writes OUT/ucf-crime with the folders, split lists and temporal annotations
that UCF-Crime is published with. The same numbers give the same clips.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from crime_detect_engine.sources.synthetic import motion
from crime_detect_engine.sources.synthetic.canvas import Canvas
from crime_detect_engine.sources.synthetic.figures import Look, Pose, Tint, shadow, skeleton, strokes
from crime_detect_engine.sources.synthetic.paint import Picture, darken, draw
from crime_detect_engine.sources.synthetic.places import PLACES
from crime_detect_engine.sources.synthetic.view import View

FPS, SIZE = 10, (176, 132)
CLIP_S = 4.2
FIRST_SEED = 20_000
FOLDS = 2


def take(t: float) -> Pose:
    """Both arms straight to the other, pulling."""
    pull = 0.1 * math.sin(9 * t)
    return Pose(lean=0.45 + pull, hip_l=0.45, hip_r=-0.3, knee_l=0.3, arm_l=1.6, arm_r=1.5, elbow_l=0.1, elbow_r=0.1)


def strike(t: float) -> Pose:
    """One arm above the head, beating."""
    beat = math.sin(11 * t)
    return Pose(
        lean=0.05 + 0.1 * beat, arm_r=2.75 + 0.25 * beat, elbow_r=0.25, out_r=0.15, arm_l=-0.3, out_l=0.5,
        hip_l=0.25, hip_r=-0.25, straddle=0.15,
    )  # fmt: skip


MOVEMENTS: dict[str, Callable[[float], Pose]] = {"take": take, "strike": strike, "bend": motion.crouch}
ORDERS: dict[str, tuple[str, str, str]] = {
    "normal": ("take", "bend", "strike"),
    "abuse": ("strike", "bend", "take"),
    "assault": ("take", "strike", "bend"),
    "burglary": ("bend", "strike", "take"),
    "robbery": ("strike", "take", "bend"),
    "vandalism": ("bend", "take", "strike"),
}
"""All six orders of the three movements, normal first: one a class."""
LABELS = tuple(ORDERS)


@dataclass(frozen=True, slots=True)
class Beat:
    """One movement between two times in seconds."""

    movement: str
    start_s: float
    end_s: float


class Stage:
    """One place with two figures and sometimes a passer-by. The same seed gives the same pictures."""

    def __init__(self, seed: int, size: tuple[int, int] = SIZE) -> None:
        rng = np.random.default_rng((seed, 11))
        self.night = bool(rng.random() < 0.25)
        place = PLACES[str(rng.choice(sorted(PLACES)))]
        height_m, horizon = place.camera_height_m + rng.uniform(-0.2, 0.2), place.horizon + rng.uniform(-0.03, 0.03)
        self._view = View.of_size(*size, float(height_m), float(horizon))
        canvas = Canvas(self._view, rng)
        place.paint(canvas)
        self._background = self._lit(canvas.finish())
        self._sunny = place.outdoors and not self.night
        self._slant = (float(rng.uniform(0.3, 0.7) * rng.choice((-1, 1))), float(rng.uniform(0.1, 0.4)))
        self._tint, self._rng = Tint(self.night), rng
        self._looks = [Look.random(rng) for _ in range(3)]
        self._clocks = rng.uniform(0, 100, 3)
        depth = float(rng.uniform(4.7, 5.7))
        middle = float(rng.uniform(-0.45, 0.45)) * self._view.half_width_m(depth)
        side = float(rng.choice((-1, 1)))
        gap = float(rng.uniform(0.9, 1.2))
        self._doer = (middle - side * gap / 2, depth, 0.0 if side > 0 else math.pi)
        self._other = (middle + side * gap / 2, depth + float(rng.uniform(-0.3, 0.3)), math.pi if side > 0 else 0.0)
        self._turn = float(rng.uniform(-0.35, 0.35))
        self._passer = self._walk_past() if rng.random() < 0.4 else None

    def _lit(self, background: Picture) -> Picture:
        if not self.night:
            return background
        grey = background.astype(np.float32) @ np.array((0.3, 0.5, 0.2), np.float32) * np.float32(0.6)
        return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)

    def _walk_past(self) -> tuple[float, float, float]:
        """Start in metres, depth, and speed of somebody behind, who has nothing to do with it."""
        depth, way = float(self._rng.uniform(7.0, 8.5)), float(self._rng.choice((-1, 1)))
        start = float(self._rng.uniform(-1.2, 0.2)) * self._view.half_width_m(depth)
        return start * way, depth, way * float(self._rng.uniform(0.9, 1.5))

    def picture(self, at_s: float, beats: Sequence[Beat]) -> Picture:
        """RGB uint8 HxWx3 at `at_s` seconds."""
        grain = self._rng.normal(0, 3.0 if self.night else 1.4, self._background.shape[:2])
        image = np.clip(self._background + grain.astype(np.float32)[:, :, None], 0, 255).astype(np.uint8)
        x, z, heading = self._doer
        people = [(self._looks[0], skeleton(pose_at(at_s, beats, self._clocks[0]), self._looks[0], x, z, heading))]
        x, z, heading = self._other
        standing = motion.talk(at_s + float(self._clocks[1]))
        people.append((self._looks[1], skeleton(standing, self._looks[1], x, z, heading + self._turn)))
        if self._passer is not None:
            people.append((self._looks[2], self._passing(at_s, self._looks[2], *self._passer)))
        for _, points in people:
            soft = self._view.focal_px / max(float(points[0, 2]), 1.0) * (0.05 if self._sunny else 0.16)
            darken(image, shadow(points, self._view, self._slant if self._sunny else None), 0.35, soft)
        drawn = [stroke for look, points in people for stroke in strokes(points, look, self._view, self._tint)]
        for stroke in sorted(drawn, key=lambda stroke: -stroke.depth_m):
            draw(image, stroke)
        return image

    def _passing(self, at_s: float, look: Look, start: float, depth: float, speed: float) -> np.ndarray:
        pace = abs(speed)
        pose = motion.gait(math.tau * at_s * pace / motion.stride_m(pace), pace)
        return skeleton(pose, look, start + speed * at_s, depth, 0.0 if speed > 0 else math.pi)


def pose_at(at_s: float, beats: Sequence[Beat], clock_s: float) -> Pose:
    """The stance, and how far into one of the movements it has gone."""
    stance = motion.idle(at_s + clock_s)
    for beat in beats:
        if beat.start_s <= at_s < beat.end_s:
            share = (at_s - beat.start_s) / (beat.end_s - beat.start_s)
            return stance.toward(MOVEMENTS[beat.movement](at_s), min(1.0, 4 * share, 4 * (1 - share)))
    return stance


def beats_of(label: str, seed: int, start_s: float = 0.0) -> list[Beat]:
    """The three movements of a class at a pace of their own: 0.85 to 1.15 s each, with breaths between them."""
    rng = np.random.default_rng((seed, 12))
    at_s = start_s + float(rng.uniform(0.05, 0.3))
    beats = []
    for movement in ORDERS[label]:
        length_s = float(rng.uniform(0.85, 1.15))
        beats.append(Beat(movement, at_s, at_s + length_s))
        at_s += length_s + float(rng.uniform(0.1, 0.25))
    return beats


def clip(label: str, seed: int, size: tuple[int, int] = SIZE) -> list[Picture]:
    """CLIP_S seconds at FPS. Seeds that differ give other people, places, light and paces."""
    stage, beats = Stage(seed, size), beats_of(label, seed)
    return [stage.picture(index / FPS, beats) for index in range(round(CLIP_S * FPS))]


def write(path: Path, images: Sequence[Picture]) -> None:
    height, width = images[0].shape[:2]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS), options={"crf": "20", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))


def write_folders(root: Path, seeds: Sequence[int], labels: Sequence[str] = LABELS) -> None:
    """One clip a seed in `root/<class>/`, the classes in turn, and `root/clips.csv`: a scene is a group."""
    for label in labels:
        (root / label).mkdir(parents=True, exist_ok=True)
    with (root / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("path", "label", "group", "fold", "origin"))
        for number, seed in enumerate(seeds):
            label = labels[number % len(labels)]
            path = f"{label}/{seed}.mp4"
            write(root / path, clip(label, seed))
            table.writerow((path, label, seed, number // len(labels) % FOLDS, "procedural"))


def untrimmed(label: str, seed: int, size: tuple[int, int] = SIZE) -> tuple[list[Picture], tuple[int, int] | None]:
    """A longer video: standing, the movements, standing; and the first and last frame of an incident."""
    stage = Stage(seed, size)
    lead_s = 2.0 + float(np.random.default_rng((seed, 13)).uniform(0, 1))
    beats = beats_of(label, seed, lead_s)
    images = [stage.picture(index / FPS, beats) for index in range(round((lead_s + CLIP_S + 1.5) * FPS))]
    span = (round(beats[0].start_s * FPS), round(beats[-1].end_s * FPS))
    return images, None if label == "normal" else span


def write_ucf_crime(
    root: Path, seeds: Sequence[int], labels: Sequence[str] = LABELS, size: tuple[int, int] = SIZE
) -> None:
    """The layout that UCF-Crime unpacks to: every third video of a class is of the test list, with its span."""
    lists: dict[str, list[str]] = {"Anomaly_Train.txt": [], "Anomaly_Test.txt": []}
    spans = []
    for number, seed in enumerate(seeds):
        label, turn = labels[number % len(labels)], number // len(labels)
        test = turn % 3 == 2
        images, span = untrimmed(label, seed, size)
        folder, stem = label.capitalize(), f"{label.capitalize()}{turn + 1:03d}_x264"
        if label == "normal":
            folder = "Testing_Normal_Videos_Anomaly" if test else "Training_Normal_Videos_Anomaly"
            stem = f"Normal_Videos_{turn + 1:03d}_x264" if test else f"Normal_Videos{turn + 1:03d}_x264"
        (root / folder).mkdir(parents=True, exist_ok=True)
        write(root / folder / f"{stem}.mp4", images)
        lists["Anomaly_Test.txt" if test else "Anomaly_Train.txt"].append(f"{folder}/{stem}.mp4")
        if test:
            first, last = span or (-1, -1)
            name = "Normal" if label == "normal" else folder
            spans.append(f"{stem}.mp4  {name}  {first}  {last}  -1  -1")
    for file, lines in {**lists, "Temporal_Anomaly_Annotation_for_Testing_Videos.txt": spans}.items():
        (root / file).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--layout", default="folders", choices=("folders", "ucf-crime"))
    parser.add_argument("--scenes", type=int, default=480)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.scenes)
    if options.layout == "folders":
        write_folders(options.out / "crimes", seeds)
    else:
        write_ucf_crime(options.out / "ucf-crime", seeds)


if __name__ == "__main__":
    main()
