"""Owns the tests of the score of the unusual: what it means, and that a detector on disk is whole or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import voluptuous as vol
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.vision.anomaly import (
    DETECTOR_FILE,
    MANIFEST_FILE,
    SCHEMA,
    WIDTH,
    AnomalyOptions,
    calibrated,
    describe_window,
    read_detector,
    write_detector,
)

from tests.fakes import plain_detector


def test_a_description_is_short_and_keeps_who_is_near_whom() -> None:
    random = np.random.default_rng(0)
    window = random.standard_normal((16, 1280)).astype(np.float32)
    near, far = window + 0.1, random.standard_normal((16, 1280)).astype(np.float32) * 3
    rows = [describe_window(one) for one in (window, near, far)]
    assert all(row.shape == (WIDTH,) and row.dtype == np.float32 for row in rows)
    full = [np.concatenate([one.mean(0), one.std(0)]) for one in (window, near, far)]
    for other in (1, 2):
        kept = np.linalg.norm(rows[0] - rows[other]) / np.linalg.norm(full[0] - full[other])
        assert kept == pytest.approx(1, abs=0.15)


def test_what_was_kept_by_another_version_of_numpy_can_still_be_read() -> None:
    """The first signs of the projection of 2 × 1280 numbers."""
    window = np.zeros((2, 1280), np.float32)
    window[:, 0] = 16.0  # one over the projection's scale
    signs = "".join("+" if one == 1 else "-" for one in describe_window(window)[:16])
    assert signs == "----+----+---+-+"


def test_the_score_is_how_rare_it_is_at_this_camera() -> None:
    detector = plain_detector(np.zeros(8))
    random = np.random.default_rng(1)
    usual = random.standard_normal((4000, 8)).astype(np.float32) * 0.05
    knots, tail = calibrated(detector.judge(usual).sum(1))
    detector = type(detector)(
        **{name: getattr(detector, name) for name in detector.__slots__} | {"knots": knots, "tail": tail}
    )
    again = random.standard_normal((40_000, 8)).astype(np.float32) * 0.05
    scores = detector.scores(again)
    for share, score in ((0.1, 1 / 6), (0.01, 2 / 6)):
        assert (scores >= score).mean() == pytest.approx(share, rel=0.5)
    assert (scores >= 3 / 6).mean() <= 0.0015, "beyond what was seen: rarer is fine, more often is not"
    assert detector.scores(again[:1] + 1)[0] == 1.0


def test_a_detector_comes_back_as_it_was_written(tmp_path: Path) -> None:
    detector = plain_detector(np.arange(4), version="v1", key="k")
    write_detector(tmp_path, detector, {"rows": 7})
    found = read_detector(tmp_path, "k")
    assert found is not None
    rows = np.random.default_rng(2).standard_normal((5, 4)).astype(np.float32)
    assert found[0].version == "v1"
    assert found[1]["rows"] == 7
    assert np.array_equal(found[0].scores(rows), detector.scores(rows))
    assert read_detector(tmp_path, "another camera") is None
    assert read_detector(tmp_path / "none", "k") is None


@pytest.mark.parametrize("file", [DETECTOR_FILE, MANIFEST_FILE])
def test_an_altered_detector_is_refused(tmp_path: Path, file: str) -> None:
    write_detector(tmp_path, plain_detector(np.zeros(4), key="k"), {})
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[:-3])
    with pytest.raises(CheckpointError):
        read_detector(tmp_path, "k")


def test_options_are_those_of_the_file() -> None:
    assert SCHEMA({}) == AnomalyOptions(enabled=False)
    assert SCHEMA({"enabled": True, "threshold": 0.9, "learn": "2d"}) == AnomalyOptions(True, 0.9, 2 * 86400.0)


@pytest.mark.parametrize(
    "wrong", [{"enabled": "yes"}, {"threshold": 0.2}, {"threshold": True}, {"learn": "1m"}, {"learn": "x"}, {"nu": 1}]
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(vol.Invalid):
        SCHEMA(wrong)
