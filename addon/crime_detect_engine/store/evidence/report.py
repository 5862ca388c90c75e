"""Owns the report of a package for people: one page that needs nothing else, with the picture and the scores drawn."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from .package import Material

WIDTH, HEIGHT = 860.0, 220.0
MAX_PICTURE_BYTES = 8_000_000


def report_html(material: Material, missing: Mapping[str, str], picture: bytes) -> str:
    """Everything from outside is escaped; no script, nothing loaded from anywhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    inline = base64.b64encode(picture).decode() if 0 < len(picture) <= MAX_PICTURE_BYTES else None
    return environment.get_template("report.html").render(
        material=material,
        incident=material.incident,
        missing=missing,
        picture=inline,
        plot=timeline(material),
        custody=custody_lines(material),
        head=material.links[-1][0],
        first=material.links[0][0],
    )


def custody_lines(material: Material) -> list[dict[str, str]]:
    """Who did what, in the order of time: people by the audit, files by their log."""
    told = [
        {"at": one["at"], "who": f"{one['actor']} ({one['role']})", "what": " ".join([one["action"], *_details(one)])}
        for one in material.custody["audit"]
    ]
    for one in material.custody["files"]:
        reason = f" ({one['reason']})" if one["reason"] else ""
        told.append({"at": one["at"], "who": one["actor"], "what": f"{one['action']} {one['path']}{reason}"})
    return sorted(told, key=lambda one: one["at"])


def _details(entry: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value}" for name, value in entry["details"].items()]


def timeline(material: Material) -> dict[str, Any] | None:
    """The incident's class over time as points of a drawing of WIDTH x HEIGHT; None without scores."""
    label, scores = material.incident["label"], material.scores
    if not scores:
        return None
    times = [datetime.fromisoformat(score["at"]) for score in scores]
    span_s = max((times[-1] - times[0]).total_seconds(), 0.5)

    def x(at: datetime) -> float:
        return round(WIDTH * min(max((at - times[0]).total_seconds() / span_s, 0.0), 1.0), 1)

    def y(probability: float) -> float:
        return round(HEIGHT * (1.0 - probability), 1)

    points = [(x(at), y(score["probabilities"].get(label, 0.0))) for at, score in zip(times, scores, strict=True)]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "points": " ".join(f"{left},{top}" for left, top in points),
        "dots": points if len(points) <= 400 else [],
        "threshold": y(material.incident["threshold"]),
        "from": scores[0]["at"],
        "to": scores[-1]["at"],
    }
