"""Where data lie: what the user says, else /data in the project's containers, else the user's own folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.config import data_dir
from crime_detect_engine.config.places import in_container


def test_argument_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert data_dir("here", {"CRIME_DETECT_CONTAINER": "1"}, tmp_path) == tmp_path / "here"
    assert data_dir("~/x") == Path.home() / "x"


def test_container_needs_its_mark_and_its_folder(tmp_path: Path) -> None:
    marked = {"CRIME_DETECT_CONTAINER": "1"}
    assert data_dir(None, marked, tmp_path) == tmp_path
    assert data_dir(None, {}, tmp_path) != tmp_path
    assert data_dir(None, marked, tmp_path / "absent") != tmp_path / "absent"
    assert in_container(marked)
    assert not in_container({"CRIME_DETECT_CONTAINER": "0"})


def test_users_folder_is_made_by_nobody_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_dir(None, {}).name == "crime-detect"
    assert list(tmp_path.iterdir()) == []
