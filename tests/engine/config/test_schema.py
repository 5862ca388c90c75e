"""The shape of the file under arbitrary content: settings or an error with places, never anything else."""

from __future__ import annotations

from typing import Any

import pytest
from crime_detect_engine.config import Config, InvalidConfig
from crime_detect_engine.config.complaints import keys_allowed
from crime_detect_engine.config.document import Document
from crime_detect_engine.config.loading import validate
from crime_detect_engine.config.schema import SECTIONS
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = (
    "60s", "20GB", "mon-fri", "22:00", "+31600000000", "a@b.org", "https://h/x", "rtsp://u:p@h/s", "sqlite", "home",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**6), st.floats(), st.text(max_size=8), st.sampled_from(WORDS)
)  # fmt: skip
CAMERA = ("cameras", "yard")
NAMED = (
    (), CAMERA, (*CAMERA, "detection"), (*CAMERA, "schedule", 0), (*CAMERA, "location"), ("model",), ("mqtt",),
    ("alerts",), ("reports",), ("reports", "weekly"), ("retention",), ("privacy",),
)  # fmt: skip
UNNAMED = {"yard", "url", "host", "from", "to", "fighting", "tls", "account_sid", "auth_token"}
KEYS = st.sampled_from(sorted(UNNAMED | {key for path in NAMED for key in keys_allowed(SECTIONS, path)}))
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=25,
)
SECTION_NAMES = ("cameras", "mqtt", "model", "alerts", "reports", "retention", "privacy", "severity", "frigate")


def outcome(tree: dict[str, Any]) -> Config | InvalidConfig:
    try:
        return validate(Document(tree, {(): 1}, {}), "c.yaml", {})
    except InvalidConfig as error:
        return error


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=5))
def test_any_tree_is_settings_or_problems_with_places(tree: dict[str, Any]) -> None:
    result = outcome(tree)
    if isinstance(result, Config):
        assert all(camera.rules.votes <= camera.rules.window for camera in result.cameras.values())
    else:
        assert all(problem.line == 1 and problem.text for problem in result.problems)


@pytest.mark.parametrize("section", SECTION_NAMES)
@settings(max_examples=100, deadline=None)
@given(tree=TREES)
def test_any_section(section: str, tree: Any) -> None:
    result = outcome({section: {"yard": tree} if section == "cameras" else tree})
    assert isinstance(result, Config) or all(problem.path[0] == section for problem in result.problems)


def test_reports_need_the_mail_server_of_alerts() -> None:
    reports = {"daily": {"at": "07:00", "to": "anna@example.org"}}
    refused = outcome({"reports": reports})
    assert isinstance(refused, InvalidConfig)
    assert "reports: needs `alerts.email`" in str(refused)
    email = {"host": "smtp.example.org", "from": "cam@example.org", "to": "me@example.org"}
    taken = outcome({"reports": reports, "alerts": {"email": email}})
    assert isinstance(taken, Config)
    assert taken.reports.daily is not None
    assert taken.reports.daily.to == ("anna@example.org",)


def test_a_wrong_report_is_named_by_its_place() -> None:
    refused = outcome({"reports": {"weekly": {"to": "anna@example.org", "day": "monday"}}})
    assert isinstance(refused, InvalidConfig)
    assert "reports.weekly.day: expected a day of the week" in str(refused)
