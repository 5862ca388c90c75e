"""Owns the tests of the file that a container makes at its first start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from crime_detect_engine.config import ConfigEditor, load_config, parse_config
from crime_detect_engine.config.starter import write_starter
from crime_detect_engine.domain.errors import ConfigError

APP = {"CRIME_DETECT_CONTAINER": "1", "SUPERVISOR_TOKEN": "x", "TZ": "Europe/Amsterdam"}


def test_it_runs_as_it_is_and_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "crime_detect.yaml"
    assert write_starter(file)
    assert load_config(file, APP).cameras == {}
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("instance: mine\n")
    assert not write_starter(file)
    assert file.read_text() == "instance: mine\n"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        write_starter(tmp_path / "absent" / "crime_detect.yaml")


def test_every_example_in_it_is_right_once_its_sign_is_taken_away(tmp_path: Path) -> None:
    file = tmp_path / "crime_detect.yaml"
    write_starter(file)
    text = re.sub(r"^#(?=[a-z ] *[a-z]*:|  )", "", file.read_text(), flags=re.MULTILINE)
    text = re.sub(r"^#(?=\S)", "", text, flags=re.MULTILINE)
    names = re.findall(r"!secret (\w+)", text)
    (tmp_path / "secrets.yaml").write_text("".join(f"{name}: rtsp://10.0.0.5/sub\n" for name in names))
    config = parse_config(text, file, APP)
    assert set(config.cameras) == {"front_door"}
    assert config.frigate is not None
    assert config.mqtt is not None
    assert config.alerts.email is not None


def test_a_camera_added_by_home_assistant_stands_in_it_and_the_explanations_stay(tmp_path: Path) -> None:
    file = tmp_path / "crime_detect.yaml"
    write_starter(file)
    before = file.read_text()
    editor = ConfigEditor(file, APP)
    editor.load()
    config = editor.add_camera("yard", {"source": "rtsp://10.0.0.5/sub", "name": "Yard"})
    assert config.cameras["yard"].name == "Yard"
    assert all(line in file.read_text() for line in before.splitlines())
