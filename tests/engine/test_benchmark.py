"""Owns the tests of the benchmark: its figures are there, and its cameras run for as long as they are measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.benchmark import CAMERAS, LENGTHS, measure_cameras, measure_lengths, measure_stages
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.vision.classifier import load_classifier

from tests.rig.videos import scene, write_video


@pytest.mark.timeout(240)
async def test_eight_cameras_outlast_their_clip_and_stages_add_up(tmp_path: Path) -> None:
    try:
        classifier = load_classifier("default", "cpu")[0]
    except CheckpointError as absent:
        pytest.skip(f"the shipped model is absent: {absent}")
    clip = write_video(tmp_path / "clip.mp4", [scene(n, 320, 192, noise=4) for n in range(125)])
    figures = await measure_cameras(clip, classifier.spec, 3.0)
    assert figures["frames"] > CAMERAS * 3.0 * classifier.spec.fps * 0.5, "a clip of five seconds begins again"
    assert 0.0 <= figures["scored_share"] <= 1.1
    assert figures["cpu_ms_a_camera_second"] > 0
    stages = measure_stages(clip, classifier)
    assert stages["decode_and_sample_ms"] > 0
    assert stages["cpu_ms_a_camera_second"] > stages["cnn_ms"]
    lengths = measure_lengths(classifier)
    assert list(lengths) == [str(length) for length in LENGTHS]
    assert all(one["ms_a_score"] > 0 for one in lengths.values())
