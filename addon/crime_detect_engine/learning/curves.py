"""Owns training curves: the lines that runs wrote an epoch, as one picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from .pictures import curves_figure, figure_uri

Lines = list[dict[str, Any]]
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Training of {names}</title></head>
<body><h1>Training of {names}</h1><img src="{uri}" alt="Loss and accuracy over epochs, one line a fold"></body></html>
"""


def read_curves(runs: Sequence[Path]) -> dict[str, Lines]:
    """Lines of every `metrics.jsonl` below the folders, by fold. Epochs written twice count as written last."""
    found = {}
    for run in runs:
        for file in sorted(run.glob("*/metrics.jsonl")):
            name = file.parent.name if len(runs) == 1 else f"{run.name} {file.parent.name}"
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
            found[name] = list({row["epoch"]: row for row in rows if "epoch" in row}.values())
    return {name: lines for name, lines in found.items() if lines}


def write_curves(runs: Sequence[Path], target: Path) -> bool:
    """Draws them to `target` (PNG, SVG or HTML by its suffix); False where nothing was trained."""
    curves = read_curves(runs)
    if not curves:
        return False
    if target.suffix == ".html":
        names = ", ".join(run.name for run in runs)
        target.write_text(_PAGE.format(names=escape(names), uri=figure_uri(curves_figure(curves))), encoding="utf-8")
    else:
        curves_figure(curves).savefig(target, dpi=120)
    return True


def curves_picture(runs: Sequence[Path]) -> str | None:
    """The same as a data URI."""
    curves = read_curves(runs)
    return figure_uri(curves_figure(curves)) if curves else None
