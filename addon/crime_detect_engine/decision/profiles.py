"""Owns the named sets of rules that a site starts from (mission row 58: a bank is not a park)."""

from __future__ import annotations

from collections.abc import Mapping

from crime_detect_engine.domain.types import Rules, Severity

DEFAULT_PROFILE = "home"

PROFILES: Mapping[str, Rules] = {
    # The defaults of the project.
    "home": Rules(),
    # Goods are taken quietly and close to the camera: those classes are heard earlier than the others.
    "shop": Rules(
        per_class={"shoplifting": 0.7, "stealing": 0.7, "robbery": 0.7},
        severity={"robbery": Severity.CRITICAL, "weapon": Severity.CRITICAL},
    ),
    # Somebody always watches, and a missed robbery costs more than a false alarm.
    "bank": Rules(
        threshold=0.7,
        votes=2,
        cooldown_s=30.0,
        severity=dict.fromkeys(("robbery", "weapon", "shooting", "assault"), Severity.CRITICAL),
    ),
    # Play, sport and dogs look like fights for a moment: more votes, fewer messages.
    "park": Rules(threshold=0.85, votes=5, window=8, cooldown_s=300.0),
    # Few people, noisy pictures: a lower threshold that must hold for longer.
    "night": Rules(threshold=0.75, votes=4, window=6, cooldown_s=120.0),
}
