"""Owns the tests of what the benchmark compares with: its answers are understood, its caps hold, refusals are clear."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from crime_detect_engine import yardsticks
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.vision.backends.openvino import OpenVinoBackend
from crime_detect_engine.vision.checkpoint import find_checkpoint
from crime_detect_engine.vision.classifier import NetworkClassifier
from crime_detect_engine.yardsticks import CAP, Line, NaivePipeline, decode_ms_a_second, instruction_sets

from tests.rig.videos import scene, write_video

KERNELS = (
    "import json; from crime_detect_engine.vision.backends.openvino import OpenVinoBackend; "
    "from crime_detect_engine.vision.checkpoint import find_checkpoint; "
    "print(json.dumps(OpenVinoBackend(find_checkpoint('default')).kernels()))"
)


def test_held_to_avx2_no_convolution_runs_in_anything_wider() -> None:
    settings = [f"{name}={value}" for name, value in CAP.items()]
    run = subprocess.run(["env", *settings, sys.executable, "-c", KERNELS], capture_output=True, text=True, check=True)
    used = instruction_sets(Counter(json.loads(run.stdout)))
    if not used:
        pytest.skip("this processor has no AVX2")
    assert set(used) == {"avx2"}
    assert used["avx2"] > 20


def test_kernels_are_counted_by_instruction_set() -> None:
    kernels = Counter({"brgconv_avx512_1x1_bf16": 34, "jit_avx512_I8": 2, "jit_avx2_I8": 1, "unknown_f32": 9})
    assert instruction_sets(kernels) == {"avx512": 36, "avx2": 1}


def test_the_naive_pipeline_answers_for_each_clip_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "naive.py"
    script.write_text(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'cpu_ms_a_camera_second': len(line.strip())}), flush=True)\n"
    )
    monkeypatch.setattr(yardsticks, "NAIVE", script)
    with NaivePipeline() as naive:
        assert [naive.cpu_ms_a_camera_second(Path(name)) for name in ("ab", "abc")] == [2.0, 3.0]


def test_a_naive_pipeline_that_cannot_run_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "naive.py"
    script.write_text("import sys\nsys.exit('the naive pipeline needs torch')\n")
    monkeypatch.setattr(yardsticks, "NAIVE", script)
    with NaivePipeline() as naive, pytest.raises(InvalidInputError, match="needs torch"):
        naive.cpu_ms_a_camera_second(tmp_path)
    monkeypatch.setattr(yardsticks, "NAIVE", tmp_path / "absent.py")
    with pytest.raises(InvalidInputError, match="belongs to the source tree"):
        NaivePipeline()


def test_a_line_costs_more_than_its_decoder(tmp_path: Path) -> None:
    checkpoint = find_checkpoint("default")
    clip = write_video(tmp_path / "clip.mp4", [scene(n, 320, 192, noise=4) for n in range(50)])
    line = Line(NetworkClassifier(checkpoint.spec, OpenVinoBackend(checkpoint)), clip, 2.0)
    assert line.cpu_ms_a_camera_second() > decode_ms_a_second(clip, 2.0) > 0
