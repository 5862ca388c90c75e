"""Owns the proof that the shipped demo checkpoint sees the synthetic camera's fights, by real inference."""

from datetime import UTC, datetime

import numpy as np
import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import Rules
from crime_detect_engine.sampling.sampler import FixedRateSampler
from crime_detect_engine.sources.synthetic import SyntheticOptions, SyntheticSource, fights
from crime_detect_engine.vision.checkpoint import SHIPPED, find_checkpoint
from crime_detect_engine.vision.classifier import load_classifier
from crime_detect_engine.vision.sequences import SlidingWindow

FADE_S = 3.0


@pytest.fixture(scope="module")
def classifier():
    found, note = load_classifier("demo", "openvino")
    assert note is None
    yield found
    found.close()


def scores(classifier, options, until_s):
    """(seconds, probability of a fight) of every window up to `until_s`."""
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    source = SyntheticSource(options, clock=clock, realtime=False)
    sampler, window = FixedRateSampler("demo", classifier.spec), SlidingWindow(classifier.spec)
    found = []
    for raw in source.frames():
        if raw.stream_s > until_s:
            return found
        frame = sampler.offer(raw)
        due = None if frame is None else window.push(frame, classifier.features([frame])[0])
        if due is not None:
            found.append((frame.tick_s, classifier.probabilities([due])[0]["fighting"]))
    return found


@pytest.mark.parametrize(
    "options", [SyntheticOptions(), SyntheticOptions(seed=2), SyntheticOptions(seed=3, night=True)]
)
def test_first_fight_of_a_live_camera_becomes_an_alert_and_what_came_before_does_not(classifier, options):
    rules = Rules()
    start, end = fights(options.scene_place, options.seed, 60.0)[0]
    found = scores(classifier, options, end + FADE_S)

    def votes(values):
        high = [value >= rules.threshold for value in values]
        return max((sum(high[i : i + rules.window]) for i in range(len(high))), default=0)

    before = [score for at, score in found if at < start]
    during = [score for at, score in found if start <= at <= end + FADE_S]
    assert votes(during) >= rules.votes
    assert len(before) > 10
    assert votes(before) < rules.votes
    assert np.mean(before) < 0.2


def test_demo_says_what_it_is_and_is_small():
    checkpoint = find_checkpoint("demo")
    assert checkpoint.spec.demo
    assert checkpoint.spec.labels == ("normal", "fighting")
    assert checkpoint.folder == SHIPPED / "demo"
    assert sum(path.stat().st_size for path in checkpoint.folder.rglob("*") if path.is_file()) <= 12_000_000
    assert "never use it on a real camera" in (checkpoint.folder / "card.md").read_text(encoding="utf-8")
