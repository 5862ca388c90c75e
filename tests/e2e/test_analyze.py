"""`crime-detect analyze` as a user calls it: hundreds of real files at once, broken ones among them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

COMMAND = [sys.executable, "-m", "crime_detect_engine.cli", "analyze"]


def run(*arguments: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=900, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.clips
@pytest.mark.timeout(900)
def test_all_real_clips_with_broken_files_among_them(clips: Path, tmp_path: Path) -> None:
    whole = next((clips / "surveillance_fight" / "fighting").glob("*.mp4")).read_bytes()
    broken = {"corrupt.mp4": whole[: len(whole) // 2], "empty.mp4": b"", "text.mp4": b"this is not a video\n" * 50}
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
    code, answers, errors = run(
        "--json", clips / "surveillance_fight", tmp_path, clips / "normal_footage", "/nowhere/at-all.mp4"
    )
    assert code == 3, errors
    failed = {Path(answer["path"]).name: answer["error"] for answer in answers if "error" in answer}
    assert set(failed) == {*broken, "at-all.mp4"}
    assert "empty" in failed["empty.mp4"]
    assert "not a video" in failed["text.mp4"]
    assert failed["at-all.mp4"] == "no such file"
    good = [answer for answer in answers if "error" not in answer]
    listed = (clips / "surveillance_fight" / "clips.csv").read_text().count(".mp4")
    assert len(good) == listed + len(list((clips / "normal_footage").glob("*.mp4")))
    for answer in good:
        assert answer["label"] in ("normal", "fighting")
        assert abs(sum(answer["probabilities"].values()) - 1) < 1e-3
        worst = max(window["probabilities"]["fighting"] for window in answer["windows"])
        assert answer["probabilities"]["fighting"] == worst
        assert answer["suspicious"] == (answer["label"] != "normal")
        assert all(window["start_s"] < window["end_s"] <= answer["duration_s"] + 0.2 for window in answer["windows"])
        if answer["duration_s"] > 10:
            starts = [window["start_s"] for window in answer["windows"]]
            assert len(starts) > answer["duration_s"]
    fights = [answer for answer in good if "/fighting/" in answer["path"]]
    assert sum(answer["label"] == "fighting" for answer in fights) > 0.8 * len(fights)


@pytest.mark.clips
def test_overlay_draws_the_judgement_on_every_frame(clips: Path, tmp_path: Path) -> None:
    source = sorted((clips / "falls_daily_living" / "daily_living").glob("*.mp4"))[0]
    target = tmp_path / "drawn.mp4"
    code, answers, errors = run("--json", source, "--overlay", target)
    assert code == 0, errors
    assert answers[0]["label"] in ("normal", "fighting")
    with av.open(str(source)) as container:
        before = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(target)) as container:
        after = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert not container.streams.audio
    assert len(after) >= 0.9 * len(before)
    for image in (after[0], after[-1]):
        banner = image[4:14, 4:60].reshape(-1, 3).astype(int)
        spread = banner.max(1) - banner.min(1)
        assert (spread > 60).mean() > 0.3, "a coloured banner is drawn in the corner"


def test_a_photo_gives_one_window(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    photo = tmp_path / "photo.jpg"
    cv2.imwrite(str(photo), np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8))
    code, answers, errors = run("--json", photo)
    assert code == 0, errors
    assert len(answers[0]["windows"]) == 1
    assert answers[0]["duration_s"] == 0
    assert "note" in answers[0], "a still picture shows no change: the answer says so"


def test_wrong_usage_is_exit_code_2() -> None:
    assert run()[0] == 2
    code, _, errors = run("--model", "nonsense", "x.mp4")
    assert code == 1
    assert "no model 'nonsense'" in errors
