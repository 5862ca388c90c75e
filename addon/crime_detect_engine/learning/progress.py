"""Owns the bar that long work shows on a terminal; where nobody watches, nothing is written."""

from __future__ import annotations

import sys

_WIDTH = 30


def show_progress(what: str, done: int, total: int) -> None:
    """One line on stderr that replaces itself and is cleared at the end."""
    if not sys.stderr.isatty():
        return
    filled = _WIDTH * done // max(1, total)
    bar = f"{what} [{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}"
    sys.stderr.write(f"\r{bar}" if done < total else f"\r{'':<{len(bar)}}\r")
    sys.stderr.flush()
