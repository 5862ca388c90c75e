"""Owns how busy the NVIDIA card is, where its library is there to say so."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_LOG = logging.getLogger(__name__)


class GpuLoad:
    """Called in a thread of its own choosing; None without a card, a driver or the library (the extra `cuda`)."""

    def __init__(self, library: Any = None) -> None:
        """`library` is `pynvml`; imported when it is asked first."""
        self._library = library
        self._card: Any = None
        self._absent = False

    def __call__(self) -> float | None:
        """Percent of the last moments in which the first card worked."""
        if self._absent or not self._open():
            return None
        try:
            return float(self._library.nvmlDeviceGetUtilizationRates(self._card).gpu)
        except self._library.NVMLError as error:
            self._give_up(error)
            return None

    def _open(self) -> bool:
        if self._card is not None:
            return True
        if self._library is None:
            if find_spec("pynvml") is None:
                self._absent = True
                return False
            self._library = import_module("pynvml")
        try:
            self._library.nvmlInit()
            self._card = self._library.nvmlDeviceGetHandleByIndex(0)
        except self._library.NVMLError as error:
            self._give_up(error)
        return self._card is not None

    def _give_up(self, error: Exception) -> None:
        self._absent = True
        _LOG.info("the load of the GPU is not known: %s", error)
