"""Commands, flags, exit codes and the JSON lines of the contract."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from crime_detect_engine.cli import build_parser, main

COMMANDS = {
    "run": ("--config", "--camera", "--demo", "--data", "--host", "--port"),
    "analyze": ("PATH", "--model", "--json", "--overlay", "--fps"),
    "train": ("--recipe", "--data", "--out"),
    "evaluate": ("--recipe", "--model", "--data", "--groups", "--json", "--report", "--allow-train"),
    "calibrate": (),
    "export": ("--model", "--backend", "--out"),
    "models": ("activate", "--json"),
    "models activate": ("NAME", "--config", "--data"),
    "recipe": ("DIR", "--name", "--out"),
    "bench": ("--json",),
    "token create": ("--role", "--cameras", "--scopes", "--expires", "--name", "--config", "--data"),
    "token list": ("--json", "--data"),
    "token revoke": ("ID", "--data"),
    "user add": ("NAME", "--role", "--cameras", "--password-file", "--config", "--data"),
    "user change": ("NAME", "--role", "--cameras", "--all-cameras", "--data"),
    "user list": ("--json", "--data"),
    "user password": ("NAME", "--password-file", "--data"),
    "user remove": ("NAME", "--data"),
    "user disable": ("NAME", "--data"),
    "user enable": ("NAME", "--data"),
    "doctor": ("--json",),
    "evidence verify": ("FILE", "--public-key", "--signature"),
    "evidence key": ("--data",),
    "evidence chain": ("--files", "--data"),
    "retention plan": ("--json", "--config", "--data"),
    "evidence export": ("ID", "--out", "--data"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_its_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*command.split(), "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    missing = [flag for flag in COMMANDS[command] if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text)]
    assert not missing


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--help"])
    text = capsys.readouterr().out
    assert [command for command in COMMANDS if f"    {command.split()[0]} " not in text] == []


def test_defaults() -> None:
    run = build_parser().parse_args(["run"])
    assert (run.port, run.camera, run.demo, run.config, run.data) == (8099, [], False, None, None)
    cameras = ["run", "--camera", "a=rtsp://h/1", "--camera", "b=clip.mp4"]
    assert build_parser().parse_args(cameras).camera == ["a=rtsp://h/1", "b=clip.mp4"]


@pytest.mark.parametrize("line", ["run --colour red", "analyze", "token create --role king", "user add x", "nonsense"])
def test_what_there_is_not_is_wrong_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_wrong_configuration_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("cameras: {yard: {sauce: x}}\n")
    assert main(["run", "--config", str(file)]) == 2
    assert "c.yaml:1" in capsys.readouterr().err
    assert main(["run", "--camera", "front"]) == 2
    assert "NAME=URL" in capsys.readouterr().err


def test_analyze_prints_one_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, broken = tmp_path / "photo.png", tmp_path / "broken.mp4"
    cv2.imwrite(str(photo), np.random.default_rng(3).integers(0, 255, (120, 160, 3), np.uint8))
    broken.write_bytes(b"no video")
    assert main(["analyze", "--json", str(photo), str(broken)]) == 3
    good, bad = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    fields = {"path", "model", "duration_s", "label", "confidence", "suspicious", "probabilities", "windows"}
    assert set(good) - {"note"} == fields
    assert (good["path"], type(good["suspicious"]), type(good["duration_s"])) == (str(photo), bool, float)
    (window,) = good["windows"]
    assert set(window) == {"start_s", "end_s", "probabilities"}
    assert window["probabilities"] == good["probabilities"]
    assert good["confidence"] == good["probabilities"][good["label"]]
    assert set(bad) == {"path", "error"}
    assert bad["error"].startswith("not a video")
    assert main(["analyze", "--json", str(photo)]) == 0
