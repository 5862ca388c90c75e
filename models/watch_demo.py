"""Owns the proof of the demo checkpoint: does it tell every fight of the live synthetic camera, and nothing else?

`python models/watch_demo.py [--minutes 20] [--seeds 1 2 3]` plays the cameras as fast as it can through sampler,
classifier and the default rules, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Classifier, RawFrame
from crime_detect_engine.domain.types import Rules
from crime_detect_engine.sources.synthetic import SyntheticOptions, SyntheticSource, fights
from crime_detect_engine.vision.classifier import load_classifier
from crime_detect_engine.watching import Watch, watch

LATE_S = 4.0
"""An alert up to so long after a fight's end still belongs to it."""


@dataclass(frozen=True)
class Story:
    """One camera: when its people fought, and what the pipeline made of it."""

    fights: list[tuple[float, float]]
    watch: Watch

    def told(self) -> list[float]:
        """For each fight that was told, the seconds from its start to the alert."""
        delays = []
        for start, end in self.fights:
            hits = [one.at_s - start for one in self.watch.notices if start <= one.at_s <= end + LATE_S]
            delays += hits[:1]
        return delays

    def false_alarms(self) -> list[float]:
        return [one.at_s for one in self.watch.notices if self._calm(one.at_s)]

    def calm_scores(self) -> list[float]:
        """Scores of windows without any part of a fight."""
        return [p for at_s, p in self.watch.suspicions() if self._calm(at_s)]

    def _calm(self, at_s: float) -> bool:
        return not any(start <= at_s <= end + LATE_S for start, end in self.fights)


def frames(options: SyntheticOptions, seconds: float) -> Iterator[RawFrame]:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    for raw in SyntheticSource(options, clock=clock, realtime=False).frames():
        if raw.stream_s > seconds:
            return
        clock.advance(1 / options.fps)
        yield raw


def play(classifier: Classifier, options: SyntheticOptions, seconds: float) -> Story:
    known = fights(options.scene_place, options.seed, seconds, (options.width, options.height))
    return Story(known, watch(frames(options, seconds), classifier, Rules(cooldown_s=0.0), camera="demo"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="demo")
    parser.add_argument("--models", type=Path, default=Path(__file__).parent)
    parser.add_argument("--minutes", type=float, default=20.0, help="of all cameras together")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--night", type=int, nargs="*", default=[], help="seeds that play at night")
    options = parser.parse_args()
    classifier, _ = load_classifier(options.model, "openvino", [options.models])
    seconds = options.minutes * 60 / len(options.seeds)
    for seed in options.seeds:
        story = play(classifier, SyntheticOptions(seed=seed, night=seed in options.night), seconds)
        calm = np.array(story.calm_scores())
        result = {
            "seed": seed, "minutes": round(seconds / 60, 1), "fights": len(story.fights), "told": len(story.told()),
            "median_delay_s": round(float(np.median(story.told() or [0])), 1), "false_alarms": story.false_alarms(),
            "calm_windows": len(calm), "calm_above_0.5": int((calm >= 0.5).sum()),
            "calm_above_0.8": int((calm >= 0.8).sum()),
        }  # fmt: skip
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
