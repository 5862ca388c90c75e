"""Owns the proof of rows 29, 31, 32 and 38 to 42 of the mission on the shipped model, through OpenVINO."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.errors import BackendError, InvalidInputError
from crime_detect_engine.domain.types import Frame, ModelSpec
from crime_detect_engine.vision.classifier import NetworkClassifier, pad
from hypothesis import given, settings
from hypothesis import strategies as st


class CountingBackend:
    """Mean colours as features, so that tests see what reached the network."""

    device = "cpu"
    precision = "fp32"

    def __init__(self, logits: Sequence[float] = (0.0, 0.0)) -> None:
        self.batches: list[int] = []
        self._logits = logits

    def features(self, images: np.ndarray) -> np.ndarray:
        self.batches.append(len(images))
        return images.mean((1, 2)).astype(np.float32)

    def logits(self, windows: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return np.tile(np.array(self._logits, np.float32), (len(windows), 1))

    def close(self) -> None:
        pass


@pytest.fixture
def windows(classifier: NetworkClassifier) -> list[np.ndarray]:
    """Windows of different lengths of features as the shipped CNN gives them for moving noise."""
    random = np.random.default_rng(3)
    size = classifier.spec.size
    images = np.clip(128 + random.normal(0, 25, (16, size, size, 3)), 0, 255).astype(np.uint8)
    features = classifier._backend.features(images)
    return [features[:length] for length in (16, 10, 13, 11)]


def moving_frames(frame: Any, count: int) -> list[Frame]:
    pictures = [frame().image for _ in range(count + 1)]
    return [frame(n / 8, pictures[n + 1], pictures[n]) for n in range(count)]


def test_features_do_not_depend_on_order_or_company(classifier: NetworkClassifier, frame: Any) -> None:
    frames = moving_frames(frame, 5)
    together = classifier.features(frames)
    backwards = classifier.features(frames[::-1])[::-1]
    alone = [classifier.features([one])[0] for one in frames]
    assert all(vector is not None and vector.shape == (1280,) for vector in together)
    np.testing.assert_allclose(np.stack(together), np.stack(backwards), atol=1e-4)  # type: ignore[arg-type]
    np.testing.assert_allclose(np.stack(together), np.stack(alone), atol=1e-4)  # type: ignore[arg-type]


@pytest.mark.parametrize("look", ["black", "white", "dark noise", "blurred", "two pixels", "grey"])
def test_poor_pictures_give_valid_vectors_and_scores(classifier: NetworkClassifier, look: str) -> None:
    random = np.random.default_rng(5)
    size = classifier.spec.size
    pictures = {
        "black": np.zeros((10, size, size, 3)),
        "white": np.full((10, size, size, 3), 255),
        "dark noise": random.integers(0, 6, (10, size, size, 3)),
        "blurred": np.repeat(np.repeat(random.integers(0, 256, (10, 4, 4, 3)), size // 4, 1), size // 4, 2),
        "two pixels": np.repeat(np.repeat(random.integers(0, 256, (10, 2, 2, 3)), size // 2, 1), size // 2, 2),
        "grey": np.repeat(random.integers(0, 256, (10, size, size, 1)), 3, 3),
    }[look]
    vectors = classifier._backend.features(pictures.astype(np.uint8))
    assert np.isfinite(vectors).all()
    probabilities = classifier.probabilities([vectors])[0]
    assert all(0 <= value <= 1 for value in probabilities.values())


def test_a_still_frame_costs_no_pass_and_equals_a_frame_without_change(frame: Any, rgb_spec: ModelSpec) -> None:
    backend = CountingBackend()
    classifier = NetworkClassifier(replace(rgb_spec, input="difference"), backend)
    picture = frame(size=16).image
    moving = classifier.features([frame(0.0, picture, picture)])[0]
    still = [classifier.features([frame(n / 8, picture, picture, moving=False)])[0] for n in range(1, 6)]
    # One pass for the moving frame, one for the cached "no difference" vector, none for the other four.
    assert backend.batches == [1, 1]
    for vector in still:
        np.testing.assert_array_equal(vector, moving)  # type: ignore[arg-type]


def test_a_frame_after_a_cut_has_no_vector(frame: Any, classifier: NetworkClassifier) -> None:
    picture = frame().image
    found = classifier.features([frame(0.0, picture), frame(0.1, picture, picture), frame(0.2, moving=False)])
    assert [vector is None for vector in found] == [True, False, True]


def test_all_new_frames_of_all_cameras_are_one_batch(frame: Any, rgb_spec: ModelSpec) -> None:
    backend = CountingBackend()
    NetworkClassifier(rgb_spec, backend).features([frame(camera=f"c{n}", size=16) for n in range(7)])
    assert backend.batches == [7]


def test_a_still_rgb_scene_keeps_its_vector_until_it_looks_different(frame: Any, rgb_spec: ModelSpec) -> None:
    backend = CountingBackend()
    classifier = NetworkClassifier(rgb_spec, backend)
    day, night = np.full((16, 16, 3), 180, np.uint8), np.full((16, 16, 3), 20, np.uint8)
    classifier.features([frame(0.0, day)])
    kept = classifier.features([frame(0.1, day, moving=False)])[0]
    assert backend.batches == [1]
    changed = classifier.features([frame(0.2, night, moving=False)])[0]
    assert backend.batches == [1, 1]
    assert kept is not None
    assert changed is not None
    assert kept[0] == 180
    assert changed[0] == 20


def test_no_frames_and_no_windows_are_no_work(classifier: NetworkClassifier) -> None:
    assert list(classifier.features([])) == []
    assert list(classifier.probabilities([])) == []


@pytest.mark.parametrize("length", [10, 16, 30, 50])
def test_any_length_from_10_to_50_is_judged(classifier: NetworkClassifier, windows: Any, length: int) -> None:
    long = np.concatenate([windows[0]] * 4)[:length]
    probabilities = classifier.probabilities([long])[0]
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=1e-9)


def test_padding_does_not_influence_a_score(classifier: NetworkClassifier, windows: Any) -> None:
    together = classifier.probabilities(windows)
    for window, padded in zip(windows, together, strict=True):
        alone = classifier.probabilities([window])[0]
        assert padded == pytest.approx(alone, abs=1e-5)


def test_what_stands_in_the_padding_does_not_matter(classifier: NetworkClassifier, windows: Any) -> None:
    padded, mask = pad(windows)
    garbage = np.where(mask[:, :, None] > 0, padded, np.float32(1e6))
    np.testing.assert_allclose(
        classifier._backend.logits(padded, mask), classifier._backend.logits(garbage, mask), atol=1e-5
    )


def test_a_window_too_short_is_refused_with_the_lengths(classifier: NetworkClassifier) -> None:
    with pytest.raises(InvalidInputError, match="10 steps or more, got 1"):
        classifier.probabilities([np.zeros((1, 1280), np.float32)])
    with pytest.raises(InvalidInputError, match=r"got \[10, 7\]"):
        classifier.probabilities([np.zeros((10, 7), np.float32)])


def test_a_window_too_long_is_judged_by_its_end(classifier: NetworkClassifier, windows: Any) -> None:
    long = np.concatenate([windows[0]] * 5)
    assert classifier.probabilities([long])[0] == pytest.approx(classifier.probabilities([long[-50:]])[0])


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_dropped_frames_held_as_the_window_holds_them_give_valid_scores(
    classifier: NetworkClassifier, windows: Any, share: float
) -> None:
    random = np.random.default_rng(11)
    kept = np.flatnonzero(random.random(16) >= share)
    held = [kept[kept <= n].max(initial=0) for n in range(16)]
    probabilities = classifier.probabilities([windows[0][held]])[0]
    assert sum(probabilities.values()) == pytest.approx(1.0)
    assert all(math.isfinite(value) for value in probabilities.values())


@settings(max_examples=50, deadline=None)
@given(logits=st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=2), temperature=st.floats(0.1, 10))
def test_probabilities_sum_to_one_for_any_finite_logits(logits: list[float], temperature: float) -> None:
    spec = ModelSpec(
        "m", "1", "n", ("normal", "fighting"), 16, 8.0, 16, "rgb", 2.0, (0, 0, 0), (1, 1, 1), "unit", "area",
        3, 1, temperature, 2, True,
    )  # fmt: skip
    found = NetworkClassifier(spec, CountingBackend(logits)).probabilities([np.zeros((4, 3), np.float32)])[0]
    assert list(found) == ["normal", "fighting"]
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-9)


def test_features_that_are_not_finite_never_become_a_score(classifier: NetworkClassifier) -> None:
    window = np.zeros((10, 1280), np.float32)
    window[3, 7] = np.nan
    with pytest.raises(BackendError, match="not finite"):
        classifier.probabilities([window])
