"""Owns the proof of the demo checkpoint: does it tell every fight of the live synthetic camera, and nothing else?

`python models/watch_demo.py [--minutes 20] [--seeds 1 2 3]` plays the cameras as fast as it can through sampler,
classifier and the default rules, and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from crime_detect_engine.decision.policy import step
from crime_detect_engine.decision.state import Arming, PolicyState
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import Frame, Rules, Score, Severity
from crime_detect_engine.sampling.sampler import FixedRateSampler
from crime_detect_engine.sources.synthetic import SyntheticOptions, SyntheticSource, fights
from crime_detect_engine.vision.classifier import NetworkClassifier, load_classifier
from crime_detect_engine.vision.sequences import SlidingWindow

LATE_S = 4.0
"""An alert up to so long after a fight's end still belongs to it."""


@dataclass
class Watch:
    """What one camera gave: (seconds, score) of every window and the seconds of every alert."""

    fights: list[tuple[float, float]]
    scores: list[tuple[float, float]] = field(default_factory=list)
    alerts: list[float] = field(default_factory=list)

    def told(self) -> list[float]:
        """For each fight that was told, the seconds from its start to the alert."""
        delays = []
        for start, end in self.fights:
            hits = [alert - start for alert in self.alerts if start <= alert <= end + LATE_S]
            delays += hits[:1]
        return delays

    def false_alarms(self) -> list[float]:
        return [a for a in self.alerts if not any(start <= a <= end + LATE_S for start, end in self.fights)]

    def calm_scores(self) -> list[float]:
        """Scores of windows without any part of a fight."""
        return [p for at, p in self.scores if not any(start <= at <= end + LATE_S for start, end in self.fights)]


def frames(options: SyntheticOptions, seconds: float, clock: ManualClock, sampler: FixedRateSampler) -> Iterator[Frame]:
    source = SyntheticSource(options, clock=clock, realtime=False)
    for raw in source.frames():
        if raw.stream_s > seconds:
            return
        clock.advance(1 / options.fps)
        frame = sampler.offer(raw)
        if frame is not None:
            yield frame


def watch(classifier: NetworkClassifier, options: SyntheticOptions, seconds: float) -> Watch:
    spec, state = classifier.spec, PolicyState()
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    seen = Watch(fights(options.scene_place, options.seed, seconds, (options.width, options.height)))
    window = SlidingWindow(spec)
    told: set[str] = set()
    for frame in frames(options, seconds, clock, FixedRateSampler("demo", spec)):
        due = window.push(frame, classifier.features([frame])[0])
        if due is None:
            continue
        probabilities = classifier.probabilities([due])[0]
        score = Score("demo", frame.at, frame.tick_s, probabilities, spec.name, 0.0)
        state, alerts = step(Rules(cooldown_s=0.0), state, score, Arming())
        seen.scores.append((frame.tick_s, probabilities["fighting"]))
        for alert in alerts:
            if alert.severity >= Severity.ALERT and alert.incident_id not in told:
                told.add(alert.incident_id)
                seen.alerts.append(frame.tick_s)
    return seen


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
        seen = watch(classifier, SyntheticOptions(seed=seed, night=seed in options.night), seconds)
        calm = np.array(seen.calm_scores())
        result = {
            "seed": seed, "minutes": round(seconds / 60, 1), "fights": len(seen.fights), "told": len(seen.told()),
            "median_delay_s": round(float(np.median(seen.told() or [0])), 1), "false_alarms": seen.false_alarms(),
            "calm_windows": len(calm), "calm_above_0.5": int((calm >= 0.5).sum()),
            "calm_above_0.8": int((calm >= 0.8).sum()),
        }  # fmt: skip
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
