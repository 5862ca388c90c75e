"""Owns changes of the set-up while it runs: written to the configuration file, then put in force."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .config import CameraConfig
from .decision.schedule import DAYS, ScheduleWindow


def settings_json(camera: CameraConfig) -> dict[str, Any]:
    """What of a camera can be changed, as it holds now; `schedule` null is always armed."""
    rules = camera.rules
    return {
        "mode": rules.mode,
        "threshold": rules.threshold,
        "per_class": dict(rules.per_class),
        "schedule": _schedule_json(camera.schedule) or None,
        "votes": rules.votes,
        "window": rules.window,
        "cooldown_s": rules.cooldown_s,
    }


def _schedule_json(windows: Sequence[ScheduleWindow]) -> list[dict[str, Any]]:
    return [
        {
            "days": [DAYS[day] for day in sorted(window.days)],
            "from": f"{window.start // 60:02}:{window.start % 60:02}",
            "to": f"{window.end // 60:02}:{window.end % 60:02}",
        }
        for window in windows
    ]
