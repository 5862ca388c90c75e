from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources.webcam import WebcamSource


def test_a_webcam_that_is_not_plugged_in_is_told_and_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="plugged in") as caught:
        next(WebcamSource("webcam:7", SystemClock(), tmp_path).frames(None))
    assert not caught.value.permanent


def test_a_device_that_is_no_camera_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "video0").write_text("no camera")
    with pytest.raises(SourceError, match="webcam:0"):
        next(WebcamSource("webcam:0", SystemClock(), tmp_path).frames(None))


@pytest.mark.parametrize("address", ["webcam:", "webcam:x", "webcam:0/../../etc", "webcam:-1"])
def test_only_numbers_name_a_webcam(address: str) -> None:
    with pytest.raises(SourceError):
        WebcamSource(address, SystemClock())
