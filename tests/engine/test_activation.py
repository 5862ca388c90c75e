"""Another model while the engine runs: only its cameras are built anew, and what cannot be loaded changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.app import Service
from crime_detect_engine.config.editor import ConfigEditor
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import (
    BackendError,
    CheckpointError,
    ConfigError,
    InvalidInputError,
    NotFoundError,
)
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.line import Line
from crime_detect_engine.reload import ConfigFollower
from crime_detect_engine.vision.checkpoint import MODEL_FILE, find_checkpoint, read_checkpoint, write_checkpoint

from tests.rig.videos import scene, write_video

ADMIN = Actor("owner", "admin")
FILE = """\
timezone: UTC
# the model of the house
model: {{name: demo}}  # as delivered
cameras:
  yard: {{source: 'loop:{video}'}}
  drawn: {{source: 'synthetic:shop?fps=2'}}
"""


class Running:
    def __init__(self, service: Service, file: Path, models: Path) -> None:
        self.service = service
        self.file = file
        self.models = models
        self.control = service._control
        assert service._editor is not None
        self.follower = ConfigFollower(service._editor, lambda c: service._activation.follow(c, service._apply))

    @property
    def lines(self) -> dict[str, Line]:
        return self.service._pipeline.lines

    def install(self, name: str, **changes: Any) -> Path:
        """A copy of the demo model under another name, as training would leave it."""
        folder = self.models / name
        shutil.copytree(find_checkpoint("demo").folder, folder, dirs_exist_ok=True)
        content = json.loads((folder / MODEL_FILE).read_text()) | {"name": name, **changes}
        (folder / MODEL_FILE).write_text(json.dumps(content))
        write_checkpoint(folder, read_checkpoint(folder).spec)
        return folder


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    video = tmp_path / "scene.mp4"
    write_video(video, [scene(step) for step in range(25)])
    file = tmp_path / "crime_detect.yaml"
    file.write_text(FILE.format(video=video))
    editor = ConfigEditor(file)
    service = Service(editor.load(), tmp_path / "data", editor, SystemClock())
    await service.start("127.0.0.1", 0)
    yield Running(service, file, tmp_path / "data" / "models")
    await service.stop()


async def test_only_cameras_whose_model_changes_are_built_anew(running: Running, until: Callable[..., Any]) -> None:
    running.install("mine", labels=["normal", "robbery"])
    drawn, yard = running.lines["drawn"].capture, running.lines["yard"].capture
    await running.control.activate_model("mine", ADMIN)
    assert (running.lines["yard"].spec.name, running.lines["yard"].spec.labels) == ("mine", ("normal", "robbery"))
    assert running.lines["yard"].capture is not yard
    assert running.lines["drawn"].capture is drawn, "drawn scenes keep the model that knows them"
    assert running.control.info()["model"]["name"] == "mine"
    assert running.control.info()["models"] == ["mine", "demo"]
    text = running.file.read_text()
    assert "# the model of the house" in text
    assert "model: {name: mine}  # as delivered" in text
    await until(lambda: running.lines["yard"].scored)
    assert running.service._status.health()[0]


async def test_the_way_back_is_the_model_before(running: Running) -> None:
    running.install("mine")
    await running.control.activate_model("mine", ADMIN)
    with pytest.raises(InvalidInputError, match="demo is not active; mine is"):
        await running.control.roll_back_model("demo", ADMIN)
    assert await running.control.roll_back_model("mine", ADMIN) == "demo"
    assert running.lines["yard"].spec.name == "demo"
    with pytest.raises(ConfigError, match="nobody remembers"):
        await running.control.roll_back_model("demo", ADMIN)
    audit = await running.service._store.audit.list()
    assert [(one.action, one.target, one.details["before"]) for one in audit if one.action.startswith("model_")] == [
        ("model_rollback", "demo", "mine"), ("model_activate", "mine", "demo"),
    ]  # fmt: skip


async def test_a_model_that_is_missing_or_altered_is_refused_and_nothing_changes(running: Running) -> None:
    (running.install("altered") / "weights.safetensors").write_bytes(b"other")
    line, text = running.lines["yard"], running.file.read_text()
    with pytest.raises(NotFoundError, match=r"no model 'absent'; models here: .*demo"):
        await running.control.activate_model("absent", ADMIN)
    with pytest.raises(CheckpointError, match="altered"):
        await running.control.activate_model("altered", ADMIN)
    assert running.lines["yard"] is line
    assert running.file.read_text() == text


async def test_a_model_that_cannot_be_loaded_leaves_file_and_cameras(running: Running) -> None:
    folder = running.install("broken")
    spec = read_checkpoint(folder).spec
    (folder / "openvino" / "cnn.xml").write_text("<net/>")
    write_checkpoint(folder, spec)
    line, text = running.lines["yard"], running.file.read_text()
    with pytest.raises((BackendError, CheckpointError), match="broken"):
        await running.control.activate_model("broken", ADMIN)
    assert running.lines["yard"] is line
    assert running.file.read_text() == text
    running.file.write_text(text.replace("name: demo", "name: broken"))
    await running.follower.follow()
    assert running.lines["yard"] is line
    assert any("model broken is not used" in one and "demo goes on" in one for one in running.service._notes())


async def test_the_file_decides_too_and_a_wrong_name_there_is_said(running: Running) -> None:
    running.install("mine")
    text = running.file.read_text()
    running.file.write_text(text.replace("name: demo", "name: mine"))
    await running.follower.follow()
    assert running.lines["yard"].spec.name == "mine"
    line = running.lines["yard"]
    running.file.write_text(text.replace("name: demo", "name: gone") + "retention: {incidents: 9d}\n")
    await running.follower.follow()
    assert running.lines["yard"] is line
    assert running.service.config.retention.incidents_s == 9 * 86400, "the rest of the file is in force"
    assert any("gone is not used: no model 'gone'" in note for note in running.service._notes())
    await running.control.set_threshold("yard", 0.55, ADMIN)
    assert line.rules.threshold == 0.55, "a model that is refused does not hold up anything else"
    running.file.write_text(text)
    await running.follower.follow()
    assert not [note for note in running.service._notes() if "is not used" in note]
    await running.control.roll_back_model("demo", ADMIN)
    assert running.lines["yard"].spec.name == "mine", "a change by hand is remembered too"


async def test_a_model_trained_again_under_its_name_takes_its_own_place(running: Running) -> None:
    running.install("mine")
    await running.control.activate_model("mine", ADMIN)
    line = running.lines["yard"]
    running.file.write_text(running.file.read_text())
    await running.follower.follow()
    assert running.lines["yard"] is line, "the same model stays where it is"
    running.install("mine", version="2")
    await running.control.activate_model("mine", ADMIN)
    assert running.lines["yard"] is not line
    assert running.control.info()["model"]["version"] == "2"


async def test_the_list_says_what_each_model_knows_and_reads(running: Running) -> None:
    running.install("mine", labels=["normal", "robbery"])
    (running.install("altered") / "weights.safetensors").write_bytes(b"other")
    found = {one["name"]: one for one in await running.control.models()}
    assert (found["demo"]["active"], found["demo"]["cameras"]) == (True, ["drawn", "yard"])
    assert (found["mine"]["labels"], found["mine"]["active"]) == (["normal", "robbery"], False)
    assert (found["altered"]["usable"], "altered" in found["altered"]["error"]) == (False, True)
