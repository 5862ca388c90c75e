"""Owns the tests of the `run` command's arguments and exit codes."""

from __future__ import annotations

import socket
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.cli import main
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.invocation import read_config


def arguments(*cameras: str, config: Path | None = None, demo: bool = False) -> Namespace:
    return Namespace(camera=list(cameras), config=config, demo=demo)


def test_cameras_need_no_file() -> None:
    config, editor = read_config(arguments("front=rtsp://10.0.0.5/s?a=1", "back=clip.mp4"))
    assert {name: one.source for name, one in config.cameras.items()} == {
        "front": "rtsp://10.0.0.5/s?a=1",
        "back": "clip.mp4",
    }
    assert editor is None


@pytest.mark.parametrize(
    "text", ["rtsp://u:p4ss@10.0.0.5/s", "rtsp://u:p4ss@10.0.0.5/s?channel=1", "front=", "=x", "A=x"]
)
def test_a_camera_without_a_name_is_refused_and_its_password_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError, match="NAME=URL") as refused:
        read_config(arguments(text))
    assert "p4ss" not in str(refused.value)


def test_cameras_join_those_of_the_file_and_may_not_take_their_names(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("timezone: UTC\ncameras: {yard: {source: a.mp4}}\n")
    config, editor = read_config(arguments("gate=b.mp4", config=file))
    assert set(config.cameras) == {"yard", "gate"}
    assert editor is not None
    with pytest.raises(ConfigError, match="yard: named by --camera and by"):
        read_config(arguments("yard=b.mp4", config=file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cameras: {yard: {sauce: x}}", "sauce"),
        ("cameras: [", "c.yaml"),
        ("cameras: {yard: {source: 'exec:rm'}}", "yard"),
        ("privacy: {encrypt_originals: true}", "encrypt_originals"),
    ],
)
def test_a_bad_configuration_is_exit_code_2_and_says_where(tmp_path: Path, capsys: Any, text: str, said: str) -> None:
    (tmp_path / "c.yaml").write_text(text)
    code = main(["run", "--config", str(tmp_path / "c.yaml"), "--data", str(tmp_path / "data")])
    told = capsys.readouterr().err
    assert code == 2
    assert said in told
    assert "Traceback" not in told
    assert not (tmp_path / "data").exists(), "nothing is made before the configuration is right"


def test_a_configuration_that_is_not_there_is_exit_code_2(tmp_path: Path, capsys: Any) -> None:
    assert main(["run", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err


def test_an_unknown_model_is_exit_code_1(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "c.yaml").write_text("timezone: UTC\nmodel: {name: nonsense}\n")
    assert main(["run", "--config", str(tmp_path / "c.yaml"), "--data", str(tmp_path / "data")]) == 1
    assert "nonsense" in capsys.readouterr().err


def test_a_taken_port_is_exit_code_1(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "crime_detect_engine.cli", "run", "--data", str(tmp_path), "--port"]
        port = str(taken.getsockname()[1])
        done = subprocess.run([*command, port], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
