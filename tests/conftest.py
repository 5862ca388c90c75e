"""Owns where the real clips are, and what happens to a test that needs them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("CRIME_DETECT_TEST_DATA") or ROOT.parent / "shared" / "data")
CLIPS_EXIST = (DATA / "surveillance_fight" / "clips.csv").is_file()
CLIPS_REQUIRED = CLIPS_EXIST and os.environ.get("CRIME_DETECT_REQUIRE_CLIPS") == "1"
NO_CLIPS = "no real clips: set CRIME_DETECT_TEST_DATA to their folder"


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of the real clips; a test that asks for it is skipped where there is none."""
    if not CLIPS_EXIST:
        pytest.skip(NO_CLIPS)
    return DATA


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "clips" in getattr(item, "fixturenames", ()):
            item.add_marker("clips")
        if not CLIPS_EXIST and item.get_closest_marker("clips"):
            item.add_marker(pytest.mark.skip(reason=NO_CLIPS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.skipped and CLIPS_REQUIRED and item.get_closest_marker("clips") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} needs the real clips, they are there, and it was skipped: {report.longrepr}"
    return report
