"""Owns the tests of analysing files: the live pipeline's own answers, no window over a cut, photos, short clips."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from crime_detect_engine.analysis import Window, analyze_command, analyze_file, find_files, read_frames
from crime_detect_engine.domain.errors import CheckpointError, InvalidInputError, SourceError
from crime_detect_engine.domain.types import Frame, ModelSpec
from crime_detect_engine.vision.classifier import load_classifier
from crime_detect_engine.vision.sequences import SlidingWindow

from tests.rig.videos import scene, write_video


@pytest.fixture(scope="module")
def classifier() -> Any:
    try:
        return load_classifier("default", "cpu")[0]
    except CheckpointError as error:
        pytest.skip(f"the shipped model is absent: {error}")


class Witness:
    """A classifier that keeps which frames each window is made of: a vector holds its frame's time."""

    device = "cpu"

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.windows: list[list[float]] = []

    def features(self, frames: Sequence[Frame]) -> list[Any]:
        return [
            None if frame.previous is None else np.array([frame.tick_s if frame.moving else -1.0], np.float32)
            for frame in frames
        ]

    def probabilities(self, windows: Sequence[Any]) -> list[dict[str, float]]:
        self.windows += [[float(step) for step in window[:, 0]] for window in windows]
        return [{"normal": 0.9, "fighting": 0.1} for _ in windows]


def live_scores(path: Path, classifier: Any) -> dict[float, dict[str, float]]:
    """What the pipeline's own window makes of the same frames, one after the other, by the end of the window."""
    windows = SlidingWindow(classifier.spec)
    scores = {}
    for frame in read_frames(path, classifier.spec):
        window = windows.push(frame, classifier.features([frame])[0])
        if window is not None:
            scores[round(frame.tick_s, 2)] = classifier.probabilities([window])[0]
    return scores


def compare(path: Path, classifier: Any) -> int:
    """How many windows live and batch have in common, after holding their scores to 1e-3."""
    live = live_scores(path, classifier)
    batch = {window["end_s"]: window["probabilities"] for window in analyze_file(path, classifier)["windows"]}
    common = live.keys() & batch.keys()
    for end_s in common:
        for label, probability in batch[end_s].items():
            assert live[end_s][label] == pytest.approx(probability, abs=1e-3), (path.name, end_s)
    return len(common)


@pytest.mark.parametrize("fps", [25, 12, 6])
def test_live_and_batch_say_the_same(classifier: Any, tmp_path: Path, fps: int) -> None:
    """Also for a camera slower than the model: missing slots hold the last picture in both."""
    path = write_video(tmp_path / "a.mp4", [scene(n * 25 // fps, 320, 192, noise=6) for n in range(6 * fps)], fps)
    shared = compare(path, classifier)
    assert shared == len(analyze_file(path, classifier)["windows"]) >= 6


@pytest.mark.clips
def test_live_and_batch_say_the_same_of_real_clips(classifier: Any, clips: Path) -> None:
    found = sorted((clips / "surveillance_fight").rglob("*.mp4"))
    assert sum(compare(path, classifier) for path in found[:: len(found) // 4]) > 0


def test_no_window_crosses_a_cut(small_spec: ModelSpec, tmp_path: Path) -> None:
    """Four seconds of one place, four of another: the difference across the cut is in no window."""
    pictures = [scene(n, seed=1) for n in range(100)] + [scene(n, seed=9) for n in range(100)]
    witness = Witness(small_spec)
    answer = analyze_file(write_video(tmp_path / "a.mp4", pictures), witness)
    assert len(witness.windows) >= 8
    assert all(window[-1] < 4.0 or window[0] > 4.0 for window in witness.windows)
    assert all(w["end_s"] < 4.05 or w["start_s"] > 3.9 for w in answer["windows"])


def test_windows_begin_every_half_second(small_spec: ModelSpec, tmp_path: Path) -> None:
    answer = analyze_file(write_video(tmp_path / "a.mp4", [scene(n) for n in range(150)]), Witness(small_spec))
    starts = [window["start_s"] for window in answer["windows"]]
    assert starts == pytest.approx([0.5 * n for n in range(len(starts))], abs=0.05)
    assert answer["windows"][-1]["end_s"] == pytest.approx(6.0, abs=0.55)
    assert answer["duration_s"] == pytest.approx(6.0)


def test_missing_slots_of_a_slow_file_hold_the_last_picture(small_spec: ModelSpec, tmp_path: Path) -> None:
    witness = Witness(small_spec)
    analyze_file(write_video(tmp_path / "a.mp4", [scene(n * 6) for n in range(24)], fps=4), witness)
    full = witness.windows[-1]
    assert len(full) == 16
    assert full[-1] - full[0] == pytest.approx(2.0, abs=0.26), "sixteen slots are two seconds, as for any camera"
    assert len(set(full)) <= 9


def test_a_short_clip_is_judged_once_and_says_so(small_spec: ModelSpec, tmp_path: Path) -> None:
    witness = Witness(small_spec)
    answer = analyze_file(write_video(tmp_path / "a.mp4", [scene(n) for n in range(15)]), witness)
    assert len(answer["windows"]) == 1
    assert "shorter" in answer["note"]
    assert len(witness.windows[0]) == small_spec.min_frames
    assert witness.windows[0][0] == -1.0, "a still scene stands before it"


def test_a_photo_is_one_window(classifier: Any, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), scene(3, 320, 192))
    answer = analyze_file(tmp_path / "a.jpg", classifier)
    assert (len(answer["windows"]), answer["duration_s"]) == (1, 0.0)
    assert sum(answer["probabilities"].values()) == pytest.approx(1.0, abs=1e-3)


def test_the_clip_is_what_its_worst_window_is(small_spec: ModelSpec, tmp_path: Path) -> None:
    class Rising(Witness):
        def probabilities(self, windows: Sequence[Any]) -> list[dict[str, float]]:
            return [{"normal": 1 - min(1, w[-1, 0] / 8), "fighting": min(1.0, w[-1, 0] / 8)} for w in windows]

    answer = analyze_file(write_video(tmp_path / "a.mp4", [scene(n) for n in range(150)]), Rising(small_spec))
    worst = answer["windows"][-1]["probabilities"]
    assert answer["probabilities"] == worst
    assert (answer["label"], answer["suspicious"]) == ("fighting", True)
    assert answer["confidence"] == worst["fighting"]


def test_another_rate_is_followed(small_spec: ModelSpec, tmp_path: Path) -> None:
    witness = Witness(small_spec)
    analyze_file(write_video(tmp_path / "a.mp4", [scene(n) for n in range(200)]), witness, fps=4.0)
    assert np.diff(witness.windows[0]).mean() == pytest.approx(0.25, abs=0.02)


def test_what_is_no_video_is_an_error(small_spec: ModelSpec, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(SourceError, match="not a video"):
        analyze_file(tmp_path / "text.mp4", Witness(small_spec))


def test_folders_become_their_files(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.JPG", "notes.txt", "deep/c.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_files([tmp_path, tmp_path / "notes.txt"])]
    assert found == ["a.JPG", "b.mp4", "deep/c.mkv", "notes.txt"]


def test_suspicion_is_the_likeliest_incident() -> None:
    assert Window(0, 1, {"normal": 0.5, "fire": 0.2, "fighting": 0.3}).suspicion == 0.3


def arguments(*paths: Path, **changes: Any) -> Namespace:
    values = {"paths": paths, "model": "default", "device": "cpu", "json": True, "overlay": None, "fps": None}
    return Namespace(**values | changes)


def test_one_unreadable_file_leaves_the_others(classifier: Any, tmp_path: Path, capsys: Any) -> None:
    good = write_video(tmp_path / "good.mp4", [scene(n) for n in range(60)])
    (tmp_path / "bad.mp4").write_bytes(b"")
    code = analyze_command(arguments(tmp_path / "bad.mp4", good, overlay=tmp_path / "drawn"))
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 3
    assert ["error" in answer for answer in answers] == [True, False]
    assert (tmp_path / "drawn" / "good.overlay.mp4").stat().st_size > 1000


def test_one_overlay_file_for_two_inputs_is_refused(classifier: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="names one file"):
        analyze_command(arguments(tmp_path / "a.mp4", tmp_path / "b.mp4", overlay=tmp_path / "c.mp4"))
