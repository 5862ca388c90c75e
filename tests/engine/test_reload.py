"""A changed configuration file takes effect while running; a wrong one changes nothing and is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.app import Service
from crime_detect_engine.config.editor import ConfigEditor
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.line import Line
from crime_detect_engine.reload import ConfigFollower

from tests.rig.mosquitto import Mosquitto, MqttListener, mosquitto_missing
from tests.rig.videos import scene, write_video

ADMIN = Actor("owner", "admin")
FILE = """\
# our cameras
timezone: Europe/Amsterdam
cameras:
  yard: {{source: 'loop:{video}', detection: {{threshold: 0.8}}}}  # the back
"""


class Running:
    def __init__(self, service: Service, file: Path, video: Path) -> None:
        self.service = service
        self.file = file
        self.video = video
        assert service._editor is not None
        self.follower = ConfigFollower(service._editor, service._apply)

    async def write(self, text: str) -> None:
        self.file.write_text(text)
        await self.follower.follow()

    @property
    def lines(self) -> dict[str, Line]:
        return self.service._pipeline.lines


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    video = tmp_path / "scene.mp4"
    write_video(video, [scene(step) for step in range(25)])
    file = tmp_path / "crime_detect.yaml"
    file.write_text(FILE.format(video=video))
    editor = ConfigEditor(file)
    service = Service(editor.load(), tmp_path / "data", editor, SystemClock())
    await service.start("127.0.0.1", 0)
    yield Running(service, file, video)
    await service.stop()


async def test_rules_are_swapped_while_the_stream_goes_on(running: Running) -> None:
    capture = running.lines["yard"].capture
    await running.write(running.file.read_text().replace("0.8", "0.55"))
    assert running.lines["yard"].rules.threshold == 0.55
    assert running.lines["yard"].capture is capture


async def test_who_is_hidden_changes_while_the_stream_goes_on(running: Running) -> None:
    line, text = running.lines["yard"], running.file.read_text()
    assert not line.recorder.blur().on
    await running.write(text + "privacy: {blur_faces: true}\n")
    assert line.recorder.blur().faces
    assert "restart" not in str(running.service._notes())
    await running.write(text.replace("detection", "privacy: {blur_persons: true}, detection"))
    assert (line.recorder.blur().faces, line.recorder.blur().persons) == (True, True)
    assert running.lines["yard"] is line
    view = running.service._control.camera("yard")
    assert view.settings["blurring"] == {"faces": True, "persons": True}
    await running.write(text)
    assert not line.recorder.blur().on


async def test_cameras_come_go_and_are_rebuilt(running: Running) -> None:
    capture = running.lines["yard"].capture
    text = running.file.read_text()
    await running.write(text + f"  gate: {{source: 'loop:{running.video}'}}\n")
    assert set(running.lines) == {"yard", "gate"}
    assert running.lines["yard"].capture is capture
    gate = running.lines["gate"].capture
    await running.write(
        text.replace("detection", "masks: [[[0, 0], [1, 0], [1, 0.1]]], detection")
        + f"  gate: {{source: 'loop:{running.video}'}}\n"
    )
    assert running.lines["yard"].capture is not capture, "masks are burned in before anything else: a new line"
    assert running.lines["gate"].capture is gate, "the other camera goes on"
    await running.write(text)
    assert set(running.lines) == {"yard"}


async def test_a_file_that_is_not_valid_changes_nothing(running: Running) -> None:
    await running.write("cameras: {yard: {sauce: nowhere}}\n")
    assert running.lines["yard"].rules.threshold == 0.8
    assert running.follower.problem is not None
    assert "sauce" in running.follower.problem
    await running.write(FILE.format(video=running.video))
    assert running.follower.problem is None


async def test_sections_that_need_a_restart_are_said(running: Running) -> None:
    await running.write(running.file.read_text() + "mqtt: {host: 127.0.0.1}\n")
    assert any("mqtt" in note and "restart" in note for note in running.service._notes())
    assert running.service.config.mqtt is None


async def test_reports_are_in_force_at_once(running: Running) -> None:
    email = "alerts: {email: {host: 127.0.0.1, from: a@example.org, to: [b@example.org]}}\n"
    daily = "reports: {daily: {at: '07:00', to: [anna@example.org]}}\n"
    await running.write(running.file.read_text() + email + daily)
    assert running.follower.problem is None
    assert running.service.config.reports.daily is not None


async def test_a_threshold_set_by_a_person_lands_in_the_file_with_its_comments(running: Running) -> None:
    capture = running.lines["yard"].capture
    await running.service._control.set_threshold("yard", 0.7, ADMIN)
    assert running.lines["yard"].rules.threshold == 0.7
    assert running.lines["yard"].capture is capture
    text = running.file.read_text()
    assert "# our cameras" in text
    assert "# the back" in text
    assert "0.7" in text


# --- set-up over the API ------------------------------------------------------------------------------------------


async def test_a_camera_added_over_the_api_is_watched_and_one_removed_is_not(running: Running) -> None:
    control, capture = running.service._control, running.lines["yard"].capture
    view = await control.add_camera(None, f"loop:{running.video}", "Back gate", ADMIN)
    assert (view.id, view.name, view.settings["schedule"]) == ("back_gate", "Back gate", None)
    await control.change_camera("back_gate", {"name": "Gate", "per_class": {"fighting": 0.6}}, ADMIN)
    assert control.camera("back_gate").settings["per_class"] == {"fighting": 0.6}
    assert [camera["name"] for camera in control.info()["cameras"]] == ["Yard", "Gate"]
    gate = running.lines["back_gate"].capture
    await control.change_camera("back_gate", {"source": "synthetic:street"}, ADMIN)
    assert running.lines["back_gate"].capture is not gate, "another source is another line"
    assert running.lines["yard"].capture is capture
    await control.remove_camera("back_gate", ADMIN)
    await running.follower.follow()
    assert set(running.lines) == {"yard"}
    assert running.file.read_text() == FILE.format(video=running.video)


async def test_a_mask_set_over_the_api_hides_from_the_first_picture_after_it(running: Running, until: Any) -> None:
    control = running.service._control
    await until(lambda: control.live_picture("yard"))
    left = [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]]
    await control.change_camera("yard", {"masks": left}, ADMIN)
    assert (control.camera("yard").masked, control.camera("yard").settings["masks"]) == (True, left)
    await until(lambda: control.live_picture("yard"))
    picture = control.live_picture("yard")
    assert picture is not None
    image = picture.rgb(360)
    assert not image[:, : image.shape[1] // 2].any()
    assert image[:, image.shape[1] // 2 + 4 :].any()


async def test_retention_set_over_the_api_is_in_force(running: Running) -> None:
    await running.service._control.set_retention({"incidents": "60d"}, ADMIN)
    assert running.service._store.retention.options.incidents_s == 60 * 86400


async def test_discovery_alone_is_switched_while_running(tmp_path: Path, until: Any) -> None:
    if reason := mosquitto_missing():
        pytest.skip(reason)
    topic = "homeassistant/device/crime_detect_home_yard/config"
    with Mosquitto(tmp_path / "broker") as broker:
        file = tmp_path / "crime_detect.yaml"
        mqtt = f"mqtt: {{host: 127.0.0.1, port: {broker.port}, ha_discovery: true}} # for now\n"
        file.write_text(f"timezone: UTC\ncameras: {{yard: {{source: 'synthetic:street'}}}}\n{mqtt}")
        editor = ConfigEditor(file)
        service = Service(editor.load(), tmp_path / "data", editor, SystemClock())
        listener = MqttListener(broker, "#")
        try:
            await service.start("127.0.0.1", 0)
            await until(lambda: listener.payloads(topic))
            assert service._control.info()["mqtt_discovery"] is True
            rebuilt = service._pipeline.lines["yard"].capture
            await service._control.change_camera("yard", {"source": "synthetic:shop"}, ADMIN)
            assert service._pipeline.lines["yard"].capture is not rebuilt
            await service._control.end_mqtt_discovery(ADMIN)
            await until(lambda: listener.payloads(topic)[-1] == b"")
            assert listener.payloads(topic).count(b"") == 1, "a camera that was rebuilt was not forgotten"
            assert service._control.info()["mqtt_discovery"] is False
            assert "ha_discovery: false} # for now" in file.read_text()
            assert not [note for note in service._notes() if "restart" in note]
        finally:
            listener.close()
            await service.stop()
