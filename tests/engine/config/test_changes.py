"""What a new configuration costs: a slider must not drop a stream."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.config import Config, ConfigChange, changes, parse_config

BASE = "instance: home\ncameras:\n  a: {source: a.mp4}\n  b: {source: b.mp4}\n"


def config(text: str = BASE) -> Config:
    return parse_config(text, Path("c.yaml"), {"TZ": "UTC"})


def difference(text: str) -> ConfigChange:
    return changes(config(), config(text))


def of_a(options: str) -> str:
    return BASE.replace("{source: a.mp4}", options)


def test_nothing() -> None:
    assert difference(BASE + "# a comment\n") == ConfigChange()


@pytest.mark.parametrize(
    "options",
    [
        "{source: a.mp4, detection: {threshold: 0.7}}",
        "{source: a.mp4, detection: {profile: bank}}",
        "{source: a.mp4, schedule: [{days: mon}]}",
        "{source: a.mp4, name: New}",
        "{source: a.mp4, anomaly: {enabled: true, threshold: 0.9}}",
        "{source: a.mp4, location: {latitude: 1, longitude: 2}}",
        "{source: a.mp4, privacy: {blur_faces: true}}",
    ],
)
def test_rules_are_swapped_in_place(options: str) -> None:
    assert difference(of_a(options)) == ConfigChange(rules_changed=frozenset("a"))


@pytest.mark.parametrize(
    "options",
    [
        "{source: other.mp4}",
        "{source: a.mp4, masks: [[[0, 0], [1, 0], [1, 1]]]}",
        "{source: a.mp4, detection: {frame_skip: 5}}",
        "{source: a.mp4, detection: {sequence_length: 20, threshold: 0.5}}",
    ],
)
def test_only_the_changed_camera_is_built_anew(options: str) -> None:
    assert difference(of_a(options)) == ConfigChange(rebuild=frozenset("a"))


def test_cameras_come_and_go() -> None:
    assert difference(BASE.replace("  b:", "  c:")) == ConfigChange(added=frozenset("c"), removed=frozenset("b"))


def test_model_rebuilds_all_and_severity_swaps_all() -> None:
    model = difference(BASE + "model: {name: other}\n")
    assert (model.rebuild, model.sections) == (frozenset("ab"), frozenset({"model"}))
    assert changes(
        config(of_a("{source: synthetic:1}")), config(of_a("{source: synthetic:1}") + "model: {name: other}\n")
    ).rebuild == {"b"}
    severity = difference(BASE + "severity: {fighting: critical}\n")
    assert (severity.rebuild, severity.rules_changed) == (frozenset(), frozenset("ab"))


@pytest.mark.parametrize(
    ("section", "text"),
    [("mqtt", "{host: h}"), ("retention", "{incidents: 9d}"), ("timezone", "Asia/Tokyo"), ("instance", "barn")],
)
def test_other_sections_are_named(section: str, text: str) -> None:
    assert difference(BASE.replace("instance: home\n", "") + f"{section}: {text}\n") == ConfigChange(
        sections=frozenset({section})
    )
