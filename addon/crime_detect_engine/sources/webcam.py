"""Owns cameras on this machine's USB: `webcam:0`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import av.error

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import SourceError

from .pyav import PyavSource


class WebcamSource(PyavSource):
    """`webcam:N` is /dev/videoN, read through Video4Linux at the camera's default format."""

    def __init__(self, address: str, clock: Clock, devices: Path = Path("/dev")) -> None:
        super().__init__(address, clock)
        match = re.fullmatch(r"webcam:(\d{1,3})", address)
        if not match:
            raise SourceError(f"{self.name}: a webcam is webcam:0, webcam:1, …", permanent=True)
        self._device = devices / f"video{match[1]}"

    def _open(self) -> Any:
        if not self._device.exists():
            raise SourceError(f"{self.name}: there is no {self._device}; is it plugged in and passed to the container?")
        for driver in ("video4linux2,v4l2", "v4l2"):
            if driver in av.formats_available:
                return av.open(str(self._device), format=driver, timeout=(5.0, 4.0))
        raise SourceError(f"{self.name}: this build of PyAV cannot read webcams", permanent=True)

    def _failure(self, error: Exception) -> SourceError:
        if isinstance(error, PermissionError):
            return SourceError(f"{self.name}: no permission to read {self._device}")
        return SourceError(f"{self.name}: {getattr(error, 'strerror', None) or type(error).__name__}")
