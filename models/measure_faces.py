"""Owns the measurement of what blurring hides: faces by size, heads marked by eye, what is left of them, and the cost.

`python models/measure_faces.py DIR` (the real clips, with `detectors/` and `faces/`) writes models/reports/faces.json
and the tables of docs/privacy/blurring.md; `--list` writes the tables only.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from crime_detect_engine import anonymity as engine
from crime_detect_engine.anonymity import Anonymity
from crime_detect_engine.config.places import MODELS_VARIABLE
from crime_detect_engine.domain.ports import Packet, PacketSpan, StreamFormat
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image
from crime_detect_engine.recorder import ClipMaterial
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.store import mp4
from crime_detect_engine.store.blur import Hiding, covered, scaled
from crime_detect_engine.store.decoding import decode_packets
from crime_detect_engine.store.privacy import Blur, PrivacyOptions
from list_faces import write_tables

ROOT = Path(__file__).resolve().parent.parent
REPORT, PAGE = ROOT / "models" / "reports" / "faces.json", ROOT / "docs" / "privacy" / "blurring.md"
TRUTH = ROOT / "tests" / "fixtures" / "truth"
NAMES = {"faces/pilots.jpg": "Apollo 11, 3 faces", "faces/solvay1927_gray.jpg": "Solvay 1927, 29 faces, grey"}
SIZES = (8, 10, 12, 16, 20, 24, 32, 48, 64, 96)
COVERED = 0.9
FACES = Blur(faces=True)
CANVAS = (640, 360)
CLIP_S = 8.0
MOVES = ((16, 60), (24, 60), (24, 240), (48, 240))
COST_CLIP_S = 20.0
NOBODY = {"bottle-detection": 1.0, "car-detection": 1.0}
HEAD_SHARE = 0.07
"""The middle of an upright person's head, from the top of the box, as a share of its height."""
CAVEATS = {
    "faces": "two pictures of people who look at the photographer in good light: what no camera on a wall sees. Boxes "
    "are the detector's own at full size, each checked by eye",
    "heads": "39 heads in 17 pictures of fights and calm scenes of as many cameras, heads that can be made out at all; "
    "what to choose was read off these same pictures. And the upright persons that were marked for tracking, their "
    "heads taken to be at the top of the box",
    "nobody": "one picture a second; hiding what nobody is in costs nothing but the view of it",
    "clips": "the pictures slide over a dark canvas of 640 x 360, so everybody moves in the same way",
    "cost": "medians in one run, loading left out; a clip with people in it, decoding and encoding counted in",
}


def packets_of(path: Path) -> PacketSpan:
    packets: list[Packet] = []
    forms: list[StreamFormat] = []

    def keep(form: StreamFormat, packet: Packet) -> None:
        forms.append(form)
        packets.append(packet)

    for _ in FileSource(path).frames(keep):
        pass
    return PacketSpan(forms[0], packets)


def pictures_of(path: Path, every_s: float) -> Iterator[Image]:
    next_s = 0.0
    for raw in FileSource(path).frames(None):
        if raw.stream_s >= next_s:
            next_s = raw.stream_s + every_s
            yield raw.rgb(raw.width, raw.height, "area")


def picture(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR_RGB), np.uint8)


def left_to_see(places: Sequence[Hiding], faces: Sequence[Box], height: int, width: int) -> list[float]:
    """Of each face the share of its pixels that is not hidden; faces outside of the picture are left out."""
    mask = covered(places, height, width)
    shares = []
    for box in faces:
        part = mask[
            max(0, round(box.top * height)) : round(box.bottom * height),
            max(0, round(box.left * width)) : round(box.right * width),
        ]
        if part.size:
            shares.append(1.0 - float(part.mean()))
    return shares


def by_size(eyes: Anonymity, image: Image, faces: Sequence[Box]) -> list[list[int]]:
    middle = float(np.median([box.height for box in faces])) * image.shape[0]
    rows = []
    for size in SIZES:
        small = scaled(image, round(max(image.shape[:2]) * size / middle))
        left = left_to_see(eyes.look(small, FACES) or (), faces, *small.shape[:2])
        rows.append([sum(one <= 1 - COVERED for one in left), len(faces)])
    return rows


def heads(eyes: Anonymity, scenes: Sequence[tuple[Image, Sequence[Sequence[float]]]]) -> dict[str, Any]:
    row: dict[str, Any] = {"pictures": len(scenes), "heads": 0, "faces": 0, "hidden": 0}
    shares = []
    for image, points in scenes:
        height, width = image.shape[:2]
        places = eyes.look(image, FACES) or []
        whole = covered(places, height, width)
        alone = covered([place for place in places if place.face], height, width)
        shares.append(float(whole.mean()))
        for x, y in points:
            at = min(height - 1, int(y * height)), min(width - 1, int(x * width))
            row["heads"] += 1
            row["faces"] += int(alone[at])
            row["hidden"] += int(whole[at])
    return row | {"share": round(float(np.mean(shares)), 4)}


def marked(data: Path) -> Iterator[tuple[str, list[tuple[Image, Any]]]]:
    """Pictures and the middles of the heads in them."""
    truth = json.loads((TRUTH / "faces.json").read_text(encoding="utf-8"))["heads"]
    fights = []
    for one in truth:
        frames = [raw.rgb(raw.width, raw.height, "area") for raw in FileSource(data / one["clip"]).frames(None)]
        fights.append((frames[len(frames) // 2], one["heads"]))
    yield "fights and calm, 17 cameras", fights
    persons = json.loads((TRUTH / "persons.json").read_text(encoding="utf-8"))["frames"]
    for folder in ("normal_footage", "falls_daily_living"):
        scenes = []
        for clip in sorted({one["clip"] for one in persons if one["clip"].startswith(folder)}):
            waiting = [one for one in persons if one["clip"] == clip and not one.get("lying")]
            for raw in FileSource(data / clip).frames(None):
                while waiting and raw.stream_s >= waiting[0]["at_s"]:
                    boxes = [Box(*box) for box in waiting.pop(0)["persons"]]
                    # A box that begins at the upper edge is of somebody whose head is outside.
                    tops = [box for box in boxes if box.top > 0.01 and box.height > box.width * raw.width / raw.height]
                    points = [(box.centre[0], box.top + HEAD_SHARE * box.height) for box in tops]
                    if points:
                        scenes.append((raw.rgb(raw.width, raw.height, "area"), points))
        yield f"{folder}, upright persons", scenes


def nobody(eyes: Anonymity, clip: Path, every_s: float) -> dict[str, Any]:
    shares = [
        float(covered(eyes.look(image, FACES) or (), *image.shape[:2]).mean()) for image in pictures_of(clip, every_s)
    ]
    return {"pictures": len(shares), "wrong": sum(one > 0 for one in shares), "share": round(float(np.mean(shares)), 4)}


def moving(image: Image, faces: Sequence[Box], size: int, speed: float) -> Iterator[tuple[float, Image, list[Box]]]:
    """A picture that slides to and fro over a dark canvas, and where its faces are."""
    width, height = CANVAS
    middle = float(np.median([box.height for box in faces])) * image.shape[0]
    small = scaled(image, round(max(image.shape[:2]) * size / middle))
    rows, columns = small.shape[:2]
    room = max(width - columns, columns - width, 200)
    for number in range(round(CLIP_S * 25)):
        away = speed * number / 25 % (2 * room)
        x = min(away, 2 * room - away) - (room if columns > width else room / 2 - (width - columns) / 2)
        y = (height - rows) / 2 if rows < height else -0.1 * rows
        frame = cv2.warpAffine(small, np.float32([[1, 0, x], [0, 1, y]]), CANVAS, borderValue=(12, 12, 18))
        places = [
            Box(
                (box.left * columns + x) / width,
                (box.top * rows + y) / height,
                (box.right * columns + x) / width,
                (box.bottom * rows + y) / height,
            )
            for box in faces
        ]
        inside = [box for box in places if box.left > 0 and box.right < 1 and box.top > 0 and box.bottom < 1]
        yield number / 25, np.asarray(frame, np.uint8), inside


def clip_row(
    eyes: Anonymity, image: Image, faces: Sequence[Box], size: int, speed: float, folder: Path
) -> dict[str, Any]:
    frames = list(moving(image, faces, size, speed))
    path = folder / "moving.mp4"
    mp4.encode(((at_s, frame) for at_s, frame, _ in frames), path, threading.Event(), 30.0)
    material = ClipMaterial(packets_of(path), (), FACES)
    hidden = eyes.look_at(material) or []
    pictures = list(decode_packets(material.span, mp4.MAX_FPS, mp4.MAX_HEIGHT)) if material.span else []
    start_s = pictures[0][0]
    single, clip = [], []
    for (at_s, shown), places in zip(pictures, hidden, strict=True):
        there = min(frames, key=lambda one: abs(one[0] - (at_s - start_s)))[2]
        single += left_to_see(eyes.look(shown, FACES) or (), there, *shown.shape[:2])
        clip += left_to_see(places, there, *shown.shape[:2])
    return {
        "height": size,
        "speed": round(speed),
        "faces": len(clip),
        "single": round(float(np.mean(single)), 4),
        "clip": round(float(np.mean(clip)), 4),
    }


def clips(eyes: Anonymity, pictures: Mapping[str, tuple[Image, list[Box]]], folder: Path) -> dict[str, Any]:
    return {
        f"{NAMES[name].split(',')[0]}, {size} px, {speed} px/s": clip_row(eyes, *one, size, speed, folder)
        for name, one in pictures.items()
        for size, speed in MOVES
    }


def cost(data: Path, weights: Path) -> dict[str, Any]:
    span = packets_of(data / "normal_footage" / "one-by-one-person-detection.mp4")
    last = span.packets[0].dts + COST_CLIP_S / float(span.format.time_base)
    packets = [one for one in span.packets if one.dts <= last]
    person = list(pictures_of(data / "normal_footage" / "one-by-one-person-detection.mp4", 10.0))[1]
    return {
        precision: _cost(Anonymity(PrivacyOptions(), weights, precision=precision), person, span.format, packets)
        for precision in ("fp32", "bf16")
    }


def _cost(eyes: Anonymity, person: Image, form: StreamFormat, packets: Sequence[Packet]) -> dict[str, float]:
    row = {}
    for name, height in (("live", 720), ("snapshot", 1080)):
        image = scaled(person, round(height * 16 / 9))
        eyes.hide(image, FACES)
        row[name] = round(float(np.median([_took(partial(eyes.hide, image, FACES)) for _ in range(9)])) * 1000, 1)
    next(iter(eyes.clip(ClipMaterial(PacketSpan(form, packets[:60]), (), FACES))))
    pictures = eyes.clip(ClipMaterial(PacketSpan(form, packets), (), FACES))
    with tempfile.TemporaryDirectory() as folder:
        took_s = _took(partial(mp4.encode, pictures, Path(folder) / "clip.mp4", threading.Event()))
    length_s = float((packets[-1].dts - packets[0].dts) * form.time_base)
    return row | {"clip": round(took_s / length_s, 3)}


def _took(work: Callable[[], object]) -> float:
    start_s = time.thread_time()
    work()
    return time.thread_time() - start_s


def measure(data: Path) -> Mapping[str, Any]:
    os.environ[MODELS_VARIABLE] = str(data / "detectors")
    truth = json.loads((TRUTH / "faces.json").read_text(encoding="utf-8"))["pictures"]
    with tempfile.TemporaryDirectory() as folder:
        eyes = Anonymity(PrivacyOptions(), Path(folder), precision="fp32")
        pictures = {name: (picture(data / name), [Box(*box) for box in boxes]) for name, boxes in truth.items()}
        report = {
            "command": "python models/measure_faces.py DIR",
            "detectors": {"faces": engine.FACES, "persons": engine.PERSONS},
            "sizes": SIZES,
            "faces": {NAMES[name]: by_size(eyes, *one) for name, one in pictures.items()},
            "heads": {name: heads(eyes, scenes) for name, scenes in marked(data)},
            "nobody": {
                name: nobody(eyes, data / "normal_footage" / f"{name}.mp4", every) for name, every in NOBODY.items()
            },
            "clips": clips(eyes, pictures, Path(folder)),
            "cost": cost(data, Path(folder)),
            "caveats": CAVEATS,
        }
    if eyes.problem:
        raise SystemExit(eyes.problem)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if not arguments.list:
        report = measure(arguments.data)
        REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    write_tables(json.loads(REPORT.read_text(encoding="utf-8")), PAGE)


if __name__ == "__main__":
    main()
