"""From clips to a model in force, as somebody types it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from crime_detect_engine.cli import main
from crime_detect_engine.config.editor import ConfigEditor
from crime_detect_engine.vision.checkpoint import find_checkpoint

FILE = "# ours\ntimezone: UTC\nmodel: {name: default, device: cpu}  # the first one\ncameras: {}\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "models" / "demo"
    shutil.copytree(find_checkpoint("demo").folder, folder)
    return tmp_path / "data"


def test_a_recipe_is_written_once_and_says_what_comes_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for label in ("normal", "fighting"):
        (tmp_path / "clips" / label).mkdir(parents=True)
        (tmp_path / "clips" / label / "a_1.mp4").write_bytes(b"")
    assert main(["recipe", "clips", "--name", "yard"]) == 0
    said = capsys.readouterr().err
    assert "next: crime-detect train --recipe yard.toml --data clips" in said
    assert "then: crime-detect models activate yard" in said
    assert 'name = "yard"' in Path("yard.toml").read_text()
    assert main(["recipe", "clips", "--name", "yard"]) == 1
    assert "there already" in capsys.readouterr().err
    assert main(["recipe", "clips", "--name", "My Model"]) == 1
    assert "is not a model name" in capsys.readouterr().err


def test_activating_writes_the_name_and_keeps_the_rest(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "crime_detect.yaml"
    file.write_text(FILE)
    assert main(["models", "activate", "demo", "--config", str(file), "--data", str(data)]) == 0
    assert "It knows normal, fighting, and nothing else" in capsys.readouterr().err
    assert file.read_text() == FILE.replace("default", "demo").replace("  # the", "     # the")
    assert ConfigEditor(file).load().model.name == "demo"


def test_what_cannot_be_used_is_not_written(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "crime_detect.yaml"
    file.write_text(FILE)
    (data / "models" / "demo" / "weights.safetensors").write_bytes(b"other")
    options = ["--config", str(file), "--data", str(data)]
    for name, said in (("demo", "altered"), ("absent", "no model 'absent'"), ("resnet50-lstm", "network")):
        assert main(["models", "activate", name, *options]) == 1
        assert said in capsys.readouterr().err
    assert main(["models", "activate", "default", "--config", str(tmp_path / "no.yaml")]) == 2
    assert "is not there: say --config FILE" in capsys.readouterr().err
    assert file.read_text() == FILE
