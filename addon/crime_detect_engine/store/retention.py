"""Owns the rules of how long things are kept: by verdict, class and kind, in two places, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.types import Severity, Verdict
from crime_detect_engine.domain.units import parse_duration, parse_size

DAY_S = 86400.0
UNJUDGED = "none"
"""In `per_verdict` what nobody has judged."""
VERDICTS = (*(str(verdict) for verdict in Verdict), UNJUDGED)


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """Where pictures and clips go that are older than `after_s`; `quota` in bytes, None without a limit."""

    path: Path
    after_s: float = 30 * DAY_S
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """Periods in seconds after an incident's end, quotas in bytes. Pictures and clips never outlive the record."""

    incidents_s: float = 30 * DAY_S
    below_threshold_s: float = 7 * DAY_S
    per_class_s: Mapping[str, float] = field(default_factory=dict)
    per_verdict_s: Mapping[str, float] = field(default_factory=dict)
    snapshots_s: float | None = None
    clips_s: float | None = None
    originals_s: float | None = None
    trends_s: float = 5 * 365 * DAY_S
    media_quota: int = 20 * 10**9
    archive: ArchiveOptions | None = None

    def period(self, severity: int, label: str, verdict: str | None) -> tuple[float, str]:
        """How long a record is kept, and the words for it. The most specific rule wins (docs/retention.md):

        below the threshold, else what a person judged, else the class, else that nobody judged, else all.
        """
        if severity == Severity.DETECTION:
            return self.below_threshold_s, "below threshold"
        if verdict is not None and verdict in self.per_verdict_s:
            return self.per_verdict_s[verdict], verdict.replace("_", " ")
        if label in self.per_class_s:
            return self.per_class_s[label], label
        if verdict is None and UNJUDGED in self.per_verdict_s:
            return self.per_verdict_s[UNJUDGED], "not judged"
        return self.incidents_s, label


def _period(value: object) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise vol.Invalid(str(error)) from error
    if seconds < 3600:
        raise vol.Invalid("a retention period is at least 1h")
    return seconds


def _size(value: object) -> int:
    try:
        return parse_size(value)
    except ValueError as error:
        raise vol.Invalid(str(error)) from error


def _folder(value: object) -> Path | None:
    if value is None:
        return None
    path = Path(str(value)) if isinstance(value, str) else Path()
    if not path.is_absolute() or "\0" in str(path):
        raise vol.Invalid("expected the full path of a folder, like /mnt/archive/crime_detect")
    return path


_UNITS = {"media_quota": "", "archive": "", "path": "", "quota": "", "after": "_s"}


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{key}{_UNITS.get(key, '_s')}": value for key, value in values.items() if value is not None}


_ARCHIVE = vol.All(
    {vol.Required("path"): _folder, vol.Optional("after"): vol.Any(None, _period), "quota": vol.Any(None, _size)},
    lambda value: None if value["path"] is None else ArchiveOptions(**_named(value)),
)

SCHEMA = vol.All(
    {
        vol.Optional("incidents"): _period,
        vol.Optional("below_threshold"): _period,
        vol.Optional("per_class"): {str: _period},
        vol.Optional("per_verdict"): {vol.In(VERDICTS, msg=f"expected {', '.join(VERDICTS)}"): _period},
        vol.Optional("snapshots"): _period,
        vol.Optional("clips"): _period,
        vol.Optional("originals"): _period,
        vol.Optional("trends"): _period,
        vol.Optional("media_quota"): _size,
        vol.Optional("archive"): vol.Any(None, _ARCHIVE),
    },
    lambda value: RetentionOptions(**_named(value)),
)
