"""Owns the proof that a clip's windows are those of serving, each with its time."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.domain.errors import InvalidInputError  # noqa: E402
from crime_detect_engine.learning.datasets import Sample  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import read_run, score_clips, write_scores  # noqa: E402
from crime_detect_engine.vision.network import build_network  # noqa: E402


@pytest.fixture(scope="module")
def score(recipe_text: str, footage: Any) -> Any:
    spec = parse_recipe(recipe_text).spec
    torch.manual_seed(0)
    network = build_network(spec, pretrained=False).eval()

    def score(*lengths: int) -> Any:
        random = np.random.default_rng(0)
        pictures = [random.integers(0, 255, (n, 32, 32, 3), dtype=np.uint8) for n in lengths]
        samples = [Sample("a.mp4", clip, 0, "a", 0) for clip in pictures]
        return score_clips(network, spec, samples, footage)[0]

    return score


def test_windows_end_half_a_second_apart_from_the_first_whole_one(score: Any) -> None:
    # 8 frames a second, windows of 16 differences, hence 17 pictures.
    assert score(25).ends_s == (2.12, 2.62, 3.12)
    assert len(score(25).windows) == 3


def test_a_cut_starts_windows_anew_and_time_goes_on(score: Any) -> None:
    assert score(17, 17).ends_s == (2.12, 4.25)


def test_a_clip_too_short_for_a_window_still_has_a_score_and_a_time(score: Any) -> None:
    clip = score(6)
    assert (len(clip.windows), clip.ends_s) == (1, (0.75,))


def test_a_run_is_read_as_it_was_written_and_older_files_without_times_too(score: Any, tmp_path: Path) -> None:
    for fold in (0, 1):
        (tmp_path / f"fold{fold}").mkdir()
    clip = score(25)
    write_scores(tmp_path / "fold0/scores.json", [clip])
    row = asdict(clip)
    del row["ends_s"]
    (tmp_path / "fold1/scores.json").write_text(json.dumps([row]))
    assert [one.ends_s for one in read_run(tmp_path)] == [clip.ends_s, ()]
    assert read_run(tmp_path)[0] == clip
    with pytest.raises(InvalidInputError, match="no fold"):
        read_run(tmp_path / "fold0")
