"""Owns the measurement of the unusual: real clips through source, sampler, network and window as serving has them.

`python models/measure_anomaly.py DIR` (the folders that models/recipes name) writes models/reports/anomaly.json.
Fights are the anomalies; no fight is ever learned from. Two kinds of features: those of the shipped default, whose
network saw these very clips with their labels when it was trained, and those of the same network on ImageNet only.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from crime_detect_engine.domain.clock import cpu_s
from crime_detect_engine.domain.ports import Classifier
from crime_detect_engine.domain.types import Frame, ModelSpec
from crime_detect_engine.learning.anomaly_report import Windows, leave_sources_out, on_footage, with_own_normals
from crime_detect_engine.learning.initialise import clip_features
from crime_detect_engine.sampling.sampler import FixedRateSampler
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.vision.anomaly import describe_window
from crime_detect_engine.vision.classifier import NetworkClassifier, load_classifier
from crime_detect_engine.vision.network import build_network, load_trunk
from crime_detect_engine.vision.sequences import SlidingWindow
from numpy.typing import NDArray

REPORT = Path(__file__).parent / "reports" / "anomaly.json"
START = "imagenet/mobilenet_v2_features.safetensors"
FEWEST_WINDOWS = 60
CONFIGURATIONS_TRIED = 18
"""Descriptions of a window before this report, on ImageNet features: see `selection`."""
CAVEATS = {
    "shipped": "in-sample: this network was trained on these clips with their labels; no estimate for new ones",
    "imagenet": "the network saw no label of any clip; this is the part to judge the method by",
    "selection": "18 ways to describe a window (scaling, whitening, components, parts) with 4 or 6 judges each, 96 "
    "areas in all, were compared on these same clips, not nested; the choice is near the best: imagenet is flattered",
    "leave_sources_out": "normal is what other cameras show, not the camera's own hours",
    "with_own_normals": "half of a source's few normal clips, of some sources none; learned from fewer clips than "
    "leave_sources_out, so the two do not compare",
    "footage": "learned from less than two minutes; serving asks for an hour at least and 1000 windows",
    "clips": "a clip too short for one window is not judged",
}


class FrozenTrunk:
    """A Backend for features only, on a network that knows ImageNet and nothing else."""

    device = "cpu"
    precision = "bf16"

    def __init__(self, spec: ModelSpec, weights: Path) -> None:
        self._network = build_network(spec)
        load_trunk(self._network, weights)
        self._network.eval()

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return clip_features(self._network, images, exact=False)

    def logits(self, windows: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        raise NotImplementedError

    def close(self) -> None: ...


def windows_of(path: Path, classifier: Classifier, spec: ModelSpec) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Seconds into the video and features [T, D] of each window that serving would score: still ones are not."""
    sampler, sliding = FixedRateSampler(path.stem, spec), SlidingWindow(spec)
    waiting: list[tuple[float, Frame]] = []

    def look() -> Iterator[tuple[float, NDArray[np.float32]]]:
        vectors = classifier.features([frame for _, frame in waiting])
        for (at_s, frame), vector in zip(waiting, vectors, strict=True):
            window = sliding.push(frame, vector)
            if window is not None:
                yield at_s, window
        waiting.clear()

    for raw in FileSource(path).frames():
        frame = sampler.offer(raw)
        if frame is not None:
            waiting.append((raw.stream_s, replace(frame, tick_s=raw.stream_s)))
        if len(waiting) == 16:
            yield from look()
    yield from look()


def clips(data: Path, classifier: Classifier, spec: ModelSpec) -> Windows:
    folder = data / "surveillance_fight"
    found: list[tuple[NDArray[np.float32], str, str, bool, float]] = []
    with (folder / "clips.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            for _, window in windows_of(folder / row["path"], classifier, spec):
                odd, movement = row["label"] != "normal", float(window.std(0).mean())
                found.append((describe_window(window), row["path"], row["group"], odd, movement))
    rows, names, sources, odd, movement = zip(*found, strict=True)
    return Windows(np.stack(rows), np.array(names), np.array(sources), np.array(odd), np.array(movement))


def footage(data: Path, classifier: Classifier, spec: ModelSpec) -> dict[str, Any]:
    found = {}
    for path in sorted((data / "normal_footage").glob("*.mp4")):
        seen = list(windows_of(path, classifier, spec))
        if len(seen) >= FEWEST_WINDOWS:
            rows = np.stack([describe_window(window) for _, window in seen])
            found[path.name] = on_footage(rows, np.array([at_s for at_s, _ in seen]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    began_s = cpu_s()
    shipped, _ = load_classifier("default", "cpu")
    spec = shipped.spec
    frozen = NetworkClassifier(spec, FrozenTrunk(spec, data / START))
    report: dict[str, Any] = {
        "command": "python models/measure_anomaly.py DIR",
        "model": spec.name,
        "version": spec.version,
        "configurations_tried": CONFIGURATIONS_TRIED,
        "caveats": CAVEATS,
    }
    for name, classifier in (("imagenet", frozen), ("shipped", shipped)):
        windows = clips(data, classifier, spec)
        report[name] = {
            "windows": len(windows.rows),
            "leave_sources_out": leave_sources_out(windows),
            "with_own_normals": with_own_normals(windows),
            "footage": footage(data, classifier, spec),
        }
    report["cpu_s"] = round(cpu_s() - began_s, 1)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {REPORT}\n")


if __name__ == "__main__":
    main()
