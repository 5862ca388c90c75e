"""Where data lie: what the user says, else /data in the project's containers, else the user's own folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.config import data_dir
from crime_detect_engine.config.places import app_log_level, container_config, detector_folders, in_container


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


def test_a_container_has_a_configuration_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "crime_detect.yaml"
    assert container_config({"CRIME_DETECT_CONTAINER": "1"}, file) == file
    assert container_config({}, file) is None
    assert container_config({"CRIME_DETECT_CONTAINER": "1"}, tmp_path / "absent" / "crime_detect.yaml") is None


def test_a_folder_of_weights_comes_before_the_data_folders_own(tmp_path: Path) -> None:
    own = tmp_path / "models" / "detectors"
    assert detector_folders(tmp_path, {}) == (own,)
    assert detector_folders(tmp_path, {"CRIME_DETECT_MODELS": ""}) == (own,)
    assert detector_folders(tmp_path, {"CRIME_DETECT_MODELS": "~/weights"}) == (Path.home() / "weights", own)


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ('{"log_level": "debug"}', "DEBUG"),
        ('{"log_level": "shout"}', None),
        ("{}", None),
        ("[]", None),
        ("{", None),
        (None, None),
    ],
)
def test_the_log_level_of_the_apps_page(tmp_path: Path, options: str | None, level: str | None) -> None:
    if options is not None:
        (tmp_path / "options.json").write_text(options)
    assert app_log_level(tmp_path) == level
