"""Owns the measurement of the detectors: persons that were marked by eye, what is seen falsely, and milliseconds.

`python models/measure_detection.py DIR` (the real clips, with `detectors/`) writes models/reports/detection.json and
the tables of docs/tracking.md; `--list` writes the tables only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from crime_detect_engine.domain.clock import cpu_s
from crime_detect_engine.domain.ports import Detector, RawFrame
from crime_detect_engine.domain.scene import CARRIED, PERSON, Box, Detection
from crime_detect_engine.domain.types import Image
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.vision.detectors import load_detector
from list_detection import write_tables

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "models" / "reports" / "detection.json"
TRUTH = ROOT / "tests" / "fixtures" / "truth"
NAMES, SIZES, PRECISIONS = ("yolox_nano", "nanodet_m"), (320, 384, 416), ("fp32", "bf16")
CONFIDENCES = (0.25, 0.3, 0.4, 0.5)
JUDGED = 416
"""The size at which all carried things that were found were looked at."""
FIGHTS = "surveillance_fight/fighting"
HALF = 0.5
HEIGHTS = (0.4, 0.3, 0.25, 0.2, 0.15)
ROUNDS = 15
EVERY_S = 1.0
CAVEATS = {
    "persons": "few pictures of few places, so intervals are wide; 28 of the 71 persons stand large in one room. What "
    "to choose was read off these same pictures",
    "help": "boxes of both detectors at 416 and 640 px were drawn on the pictures while persons were marked",
    "lying": "persons on the floor, on beds and falling: COCO has few of them",
    "heights": "the persons of one clip, shrunk with their surroundings into the empty room: shows how small is too "
    "small, not what a real far person looks like",
    "fights": "pictures of fights, one or two persons at least in each: is any person found? Boxes were not marked",
    "things": "all clips once a second at 416 px; what is found was judged by eye, what is missed is unknown",
    "milliseconds": "processor time of one thread, medians of interleaved rounds in one run, pictures of 16:9; with "
    "decoding of the head and suppression",
}


@dataclass(frozen=True, slots=True)
class Marked:
    """A frame with the persons that somebody saw in it."""

    clip: str
    raw: RawFrame
    persons: tuple[Box, ...]
    ignored: tuple[Box, ...]
    lying: bool

    @property
    def group(self) -> str:
        if self.clip.startswith("normal_footage/"):
            return Path(self.clip).stem
        return "falls, lying" if self.lying else "falls, upright"


def fitted(raw: RawFrame, size: int) -> Image:
    scale = min(1.0, size / max(raw.width, raw.height))
    return raw.rgb(max(1, round(raw.width * scale)), max(1, round(raw.height * scale)), "area")


def marked_frames(data: Path) -> list[Marked]:
    truth = json.loads((TRUTH / "persons.json").read_text(encoding="utf-8"))["frames"]
    found = []
    for clip, group in groupby(truth, key=lambda one: one["clip"]):
        waiting = list(group)
        for raw in FileSource(data / clip).frames():
            while waiting and raw.stream_s >= waiting[0]["at_s"]:
                one = waiting.pop(0)
                boxes = [tuple(Box(*box) for box in one.get(key, ())) for key in ("persons", "ignored")]
                found.append(Marked(clip, raw, *boxes, one.get("lying", False)))
            if not waiting:
                break
    return found


def in_square(detector: Detector, images: Sequence[Image]) -> list[list[Detection]]:
    """As the networks were trained: each picture in a grey square. Boxes are of the picture again."""
    found = []
    for image in images:
        square = np.full((detector.size, detector.size, 3), 114, np.uint8)
        square[: image.shape[0], : image.shape[1]] = image
        down, across = detector.size / image.shape[0], detector.size / image.shape[1]
        boxes = [(one, one.box) for one in detector.detect([square])[0]]
        found.append(
            [
                Detection(
                    one.label,
                    one.confidence,
                    Box(box.left * across, box.top * down, min(1.0, box.right * across), min(1.0, box.bottom * down)),
                )
                for one, box in boxes
            ]
        )
    return found


def judge(frame: Marked, found: Sequence[Detection]) -> Iterator[tuple[float, bool]]:
    """Confidence of each person found, and whether one is there; the surest first, each marked one is found once."""
    left = list(frame.persons)
    for one in sorted((one for one in found if one.label == PERSON), key=lambda one: -one.confidence):
        best = max(left, key=one.box.iou, default=None)
        if best is not None and best.iou(one.box) >= HALF:
            left.remove(best)
            yield one.confidence, True
        elif not any(box.overlap(one.box) > HALF * one.box.area for box in frame.ignored):
            yield one.confidence, False


def wilson(hits: int, of: int) -> list[float] | None:
    """Share and its 95 % interval."""
    if not of:
        return None
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    reach = z / (1 + z * z / of) * float(np.sqrt(share * (1 - share) / of + z * z / (4 * of * of)))
    return [round(value, 3) for value in (share, max(0.0, middle - reach), min(1.0, middle + reach))]


def persons_of(frames: Sequence[Marked], found: Sequence[Sequence[Detection]]) -> dict[str, Any]:
    judged = [(frame.group, *one) for frame, things in zip(frames, found, strict=True) for one in judge(frame, things)]
    persons = Counter(group for frame in frames for group in [frame.group] * len(frame.persons))
    report: dict[str, Any] = {"average_precision": average_precision(judged, sum(persons.values()))}
    for least in CONFIDENCES:
        sure = [(group, real) for group, confidence, real in judged if confidence >= least]
        hits = sum(real for _, real in sure)
        report[str(least)] = {
            "recall": wilson(hits, sum(persons.values())),
            "precision": wilson(hits, len(sure)),
            "groups": {
                group: {
                    "persons": persons[group],
                    "found": sum(real for one, real in sure if one == group),
                    "false": sum(not real for one, real in sure if one == group),
                }
                for group in dict.fromkeys(frame.group for frame in frames)
            },
        }
    return report


def average_precision(judged: Sequence[tuple[str, float, bool]], persons: int) -> float:
    """Area under precision over recall at IoU 0.5, every point."""
    real = np.array([one for _, _, one in sorted(judged, key=lambda row: -row[1])])
    precision = np.cumsum(real) / np.arange(1, len(real) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return round(float(best[real].sum()) / persons, 3)


def by_height(detector: Detector, frames: Sequence[Marked]) -> dict[str, Any]:
    """How many persons of each height are found when one clip's pictures are shrunk into its empty room."""
    room = next(frame.raw for frame in frames if frame.group.startswith("one-by-one") and not frame.persons)
    empty, report = fitted(room, detector.size), {}
    for share in HEIGHTS:
        hits = of = 0
        for frame in frames:
            if not frame.group.startswith("one-by-one") or len(frame.persons) != 1:
                continue
            (box,) = frame.persons
            if (scale := share / box.height) > 1:
                continue
            height, width = (max(2, round(side * scale)) for side in empty.shape[:2])
            picture = empty.copy()
            top, left = empty.shape[0] - height - 4, 4
            picture[top : top + height, left : left + width] = frame.raw.rgb(width, height, "area")
            across, down = width / empty.shape[1], height / empty.shape[0]
            x, y = left / empty.shape[1], top / empty.shape[0]
            there = Box(x + box.left * across, y + box.top * down, x + box.right * across, y + box.bottom * down)
            of += 1
            hits += any(
                one.label == PERSON and one.confidence >= 0.3 and one.box.iou(there) >= HALF
                for one in detector.detect([picture])[0]
            )
        report[str(share)] = [hits, of]
    return report


@cache
def looked_at(data: Path) -> list[tuple[str, str, float, RawFrame]]:
    """(source, clip, second, frame) once a second of all clips; of fights, their halves."""
    found = []
    for source in ("normal_footage", "falls_daily_living", FIGHTS):
        for path in sorted((data / source).rglob("*.mp4")):
            due_s = HALF
            for raw in FileSource(path).frames():
                if raw.stream_s >= due_s:
                    found.append((source, str(path.relative_to(data)), due_s, raw))
                    due_s += EVERY_S
    return found


def in_fights(detector: Detector, data: Path) -> dict[str, Any]:
    """Share of the pictures of fights in which any person is found."""
    surest = [
        max(
            (one.confidence for one in detector.detect([fitted(raw, detector.size)])[0] if one.label == PERSON),
            default=0,
        )
        for source, _, _, raw in looked_at(data)
        if source == FIGHTS
    ]
    return {str(least): wilson(sum(one >= least for one in surest), len(surest)) for least in CONFIDENCES}


def things_of(detector: Detector, data: Path) -> dict[str, Any]:
    """What persons are said to carry and how much of it is so, and what else is found where nobody fights."""
    truth = json.loads((TRUTH / "carried.json").read_text(encoding="utf-8"))
    known = {(one["clip"], one["at_s"], one["label"]): kind for kind in ("real", "unclear") for one in truth[kind]}
    carried: dict[str, Counter[str]] = {"0.3": Counter(), "0.5": Counter()}
    labels: dict[str, Counter[str]] = {}
    for source, clip, at_s, raw in looked_at(data):
        for one in detector.detect([fitted(raw, detector.size)])[0]:
            for least, counts in carried.items():
                if one.label in CARRIED and one.confidence >= float(least):
                    counts[one.label] += 1
                    counts[known.get((clip, at_s, one.label), "false")] += 1
            if one.confidence >= 0.3 and source != FIGHTS:
                name = Path(clip).stem if source == "normal_footage" else source
                labels.setdefault(name, Counter())[one.label] += 1
    return {
        "pictures": len(looked_at(data)),
        "carried": {least: dict(counts) for least, counts in carried.items()},
        "found": {name: dict(counts.most_common(8)) for name, counts in labels.items()},
    }


def milliseconds(detectors: Mapping[str, Detector], frames: Sequence[Marked]) -> dict[str, Any]:
    """Processor time a picture, alone and in fours, and of the conversion to that size."""
    raws = [frame.raw for frame in frames if frame.group.startswith("one-by-one")][2:6]
    times: dict[str, dict[str, list[float]]] = {}
    for _ in range(ROUNDS + 1):  # the first one compiles
        for name, detector in detectors.items():
            began = cpu_s()
            images = [fitted(raw, detector.size) for raw in raws]
            converted = cpu_s()
            for image in images:
                detector.detect([image])
            alone = cpu_s()
            detector.detect(images)
            spent = {"conversion": converted - began, "alone": alone - converted, "in_fours": cpu_s() - alone}
            for kind, seconds in spent.items():
                times.setdefault(name, {}).setdefault(kind, []).append(seconds * 1000 / len(raws))
    return {
        name: {kind: round(statistics.median(values[1:]), 2) for kind, values in kinds.items()}
        for name, kinds in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--list", action="store_true", help="the tables of an earlier report only")
    arguments = parser.parse_args()
    if not arguments.list:
        measure(arguments.data)
    write_tables(json.loads(REPORT.read_text(encoding="utf-8")), ROOT / "docs" / "tracking.md")


def measure(data: Path) -> None:
    frames = marked_frames(data)
    detectors = {
        f"{name} {size} {precision}": load_detector(name, "cpu", [data / "detectors"], precision, size)
        for name in NAMES
        for size in SIZES
        for precision in PRECISIONS
    }
    report: dict[str, Any] = {
        "command": "python models/measure_detection.py DIR",
        "openvino": openvino.__version__.split("-")[0],
        "pictures": len(frames),
        "persons": sum(len(frame.persons) for frame in frames),
        "caveats": CAVEATS,
        "detectors": {},
        "milliseconds": milliseconds(detectors, frames),
    }
    for key, detector in detectors.items():
        images = [fitted(frame.raw, detector.size) for frame in frames]
        row = persons_of(frames, [detector.detect([image])[0] for image in images])
        if detector.precision == "bf16":
            row |= {"heights": by_height(detector, frames), "fights": in_fights(detector, data)}
        if detector.size == JUDGED:
            row["in_square"] = persons_of(frames, in_square(detector, images))["average_precision"]
            if detector.precision == "bf16":
                row["things"] = things_of(detector, data)
        report["detectors"][key] = row
        detector.close()
    REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {REPORT}\n")


if __name__ == "__main__":
    main()
