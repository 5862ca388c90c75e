"""What is remembered of a camera: who is snoozed, and which open incident comes first."""

from __future__ import annotations

from datetime import UTC, datetime

from crime_detect_engine.decision.state import ALL_LABELS, Arming, OpenIncident, PolicyState, Track
from crime_detect_engine.domain.types import Severity

AT = datetime(2026, 3, 1, tzinfo=UTC)


def test_snooze_of_one_class_or_all() -> None:
    assert Arming(snoozed=frozenset({"fire"})).is_snoozed("fire")
    assert not Arming(snoozed=frozenset({"fire"})).is_snoozed("robbery")
    assert Arming(snoozed=frozenset({ALL_LABELS})).is_snoozed("robbery")


def test_gravest_open_incident_comes_first() -> None:
    def track(label: str, severity: Severity, confidence: float) -> Track:
        return Track(OpenIncident(label, label, AT, AT, 0.0, confidence, confidence, severity))

    state = PolicyState(
        tracks={
            "fire": track("fire", Severity.ALERT, 0.99),
            "robbery": track("robbery", Severity.CRITICAL, 0.8),
            "abuse": track("abuse", Severity.ALERT, 0.85),
            "assault": Track(),
        }
    )
    assert [one.label for one in state.open_incidents] == ["robbery", "fire", "abuse"]
