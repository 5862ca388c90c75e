"""Changes of the set-up: the file keeps its comments, what is wrong is said by its key, secrets stay in the file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crime_detect_engine.config import Config
from crime_detect_engine.config.editor import ConfigEditor
from crime_detect_engine.configuring import Configuring, settings_json
from crime_detect_engine.domain.errors import ConfigError, InvalidInputError, NotFoundError, SourceError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.sources.frigate import FrigateCamera, FrigateDiscovery, FrigateOptions
from crime_detect_engine.store.privacy import BlurChoice
from crime_detect_engine.store.store import Store

from tests.rig.videos import scene, write_video

ANNA = Actor("integration for Anna", "integration")
CONFIG = """\
# my house
timezone: Europe/Paris
cameras:
  yard:
    source: rtsp://u:p4ss@10.0.0.5/s   # the old one
    detection: {threshold: 0.8}
retention:
  incidents: 30d   # ask the lawyer
  clips: 5d
mqtt: {host: 127.0.0.1, ha_discovery: true}
frigate: {url: "http://127.0.0.1:9", cameras: [door]}
"""


@pytest.fixture
async def house(tmp_path: Path, make_flow: Any) -> AsyncIterator[SimpleNamespace]:
    """A real file and store; `config` is what is in force."""
    flow = make_flow()
    store = await Store.open(tmp_path / "data", flow.clock, reserve_bytes=0)
    file = tmp_path / "crime_detect.yaml"
    file.write_text(CONFIG)
    editor = ConfigEditor(file, {})
    here = SimpleNamespace(flow=flow, store=store, file=file, editor=editor, lines=flow.pipeline.lines, broken=None)
    here.discovery = FrigateDiscovery(FrigateOptions("http://127.0.0.1:9"))

    async def apply(config: Config) -> None:
        here.config = config
        for camera in set(here.lines) - set(config.cameras) - set(here.discovery.cameras):
            await flow.pipeline.remove(camera)
        for camera, wanted in config.cameras.items():
            if camera == here.broken:
                raise ConfigError(f"camera {camera}: it cannot be read")
            if camera not in here.lines:
                flow.add(camera)
            flow.pipeline.set_config(camera, wanted)

    await apply(editor.load())
    here.configuring = Configuring(
        editor, apply, flow.pipeline, store.audit, flow.clock,
        retention=lambda: here.config.retention, discovery=lambda: here.discovery, extra=frozenset({"desk"}),
    )  # fmt: skip
    yield here
    await store.close()


def changed(*pairs: tuple[str, str]) -> str:
    text = CONFIG
    for before, after in pairs:
        assert before in text
        text = text.replace(before, after)
    return text


async def audited(house: SimpleNamespace) -> list[tuple[str, str, str]]:
    return [(entry.actor, entry.action, entry.target) for entry in await house.store.audit.list()]


# --- cameras ------------------------------------------------------------------------------------------------------


async def test_a_camera_is_written_below_the_others_and_watched(house):
    added = await house.configuring.add_camera(None, "rtsp://u:n3w@10.0.0.9/s", "Entrée: côté jardin", ANNA)
    assert added == "entree_cote_jardin"
    assert house.lines[added].config.name == "Entrée: côté jardin"
    assert house.lines[added].config.source == "rtsp://u:n3w@10.0.0.9/s"
    lines = house.file.read_text().splitlines()
    assert [line for line in lines if line in CONFIG.splitlines()] == CONFIG.splitlines(), "all else stays"
    (entry,) = await house.store.audit.list()
    assert (entry.actor, entry.action, entry.target) == ("integration for Anna", "camera_add", added)
    assert "n3w" not in repr(entry)


async def test_names_that_meet_get_numbers_and_unknown_scripts_a_word(house):
    ids = [await house.configuring.add_camera(None, "webcam:0", name, ANNA) for name in ("Yard", "YARD!", "庭", "info")]
    assert ids == ["yard_2", "yard_3", "camera", "info_2"]


@pytest.mark.parametrize(
    ("camera", "source", "name", "key"),
    [
        (None, "exec:sh", "X", "source"), ("Front Door", "webcam:0", None, "id"), ("info", "webcam:0", None, "id"),
        (None, "rtsp://***@10.0.0.5/s", "X", "source"), (None, "synthetic:moon", "X", "source"),
        (None, "webcam:0", "a\nb", "name"),
    ],
)  # fmt: skip
async def test_a_camera_that_makes_no_sense_is_refused_by_its_key(house, camera, source, name, key):
    with pytest.raises(InvalidInputError) as refused:
        await house.configuring.add_camera(camera, source, name, ANNA)
    assert list(refused.value.details) == [key]
    assert house.file.read_text() == CONFIG


async def test_a_taken_id_and_a_reference_to_a_secret_are_refused(house):
    with pytest.raises(ConfigError, match="there is a camera yard already"):
        await house.configuring.add_camera("yard", "webcam:0", None, ANNA)
    for source, name in (("!secret camera", "X"), ("webcam:0", "!secret camera"), ("webcam:0", "!env_var HOME")):
        with pytest.raises(InvalidInputError, match="may not begin with !"):
            await house.configuring.add_camera(None, source, name, ANNA)
    assert house.file.read_text() == CONFIG


async def test_a_camera_that_cannot_be_built_leaves_no_trace_in_the_file(house):
    house.broken = "gate"
    with pytest.raises(ConfigError, match="gate: it cannot be read"):
        await house.configuring.add_camera("gate", "webcam:0", None, ANNA)
    assert house.file.read_text() == CONFIG
    assert await audited(house) == []


async def test_two_at_once_are_both_there(house):
    names = ["North", "South", "East", "West"]
    await asyncio.gather(*(house.configuring.add_camera(None, "webcam:0", name, ANNA) for name in names))
    assert {"north", "south", "east", "west"} <= house.lines.keys()
    assert {"north", "south", "east", "west"} <= house.editor.settings()["cameras"].keys()


async def test_a_camera_is_removed_from_the_file_and_from_watching(house):
    await house.configuring.remove_camera("yard", ANNA)
    assert "yard" not in house.lines
    assert "10.0.0.5" not in house.file.read_text()
    assert "# ask the lawyer" in house.file.read_text()
    assert await audited(house) == [("integration for Anna", "camera_remove", "yard")]
    with pytest.raises(NotFoundError):
        await house.configuring.remove_camera("yard", ANNA)


async def test_settings_change_in_one_step_and_only_where_they_stand(house):
    line = house.lines["yard"]
    schedule = [{"days": ["mon", "fri"], "from": "22:00", "to": "06:00"}]
    changes = {"name": "Shed", "per_class": {"fighting": 0.7}, "schedule": schedule}
    await house.configuring.change_camera("yard", changes, ANNA)
    await house.configuring.set_threshold("yard", 0.65)
    assert house.lines["yard"] is line, "the stream goes on"
    shown = settings_json(line.config)
    assert (line.config.name, shown["threshold"], shown["per_class"], shown["schedule"]) == (
        "Shed", 0.65, {"fighting": 0.7}, schedule,
    )  # fmt: skip
    assert "# the old one" in house.file.read_text()
    await house.configuring.change_camera("yard", {"name": None, "per_class": None, "schedule": []}, ANNA)
    assert house.file.read_text() == changed(("0.8", "0.65")), "the defaults are not written"
    assert house.editor.load().cameras["yard"].name == "Yard"


async def test_masks_are_written_shown_audited_and_gone_again(house):
    triangle = [[0.0, 0.0], [0.5, 0.0], [0.5, 0.25]]
    await house.configuring.change_camera("yard", {"masks": [triangle]}, ANNA)
    assert settings_json(house.lines["yard"].config)["masks"] == [triangle]
    assert "    masks:\n      - [[0.0, 0.0], [0.5, 0.0], [0.5, 0.25]]\nretention:" in house.file.read_text()
    with pytest.raises(InvalidInputError) as refused:
        await house.configuring.change_camera("yard", {"masks": [triangle, [[0, 0], [0.5, 0.5], [1, 1]]]}, ANNA)
    assert refused.value.details == {"masks.1": "these points enclose nothing"}
    await house.configuring.change_camera("yard", {"masks": []}, ANNA)
    assert house.file.read_text() == CONFIG
    assert [entry.details for entry in await house.store.audit.list()] == [{"masks": []}, {"masks": [triangle]}]


async def test_who_is_hidden_is_written_also_where_it_is_nobody(house):
    line = house.lines["yard"]
    for wanted in (True, False):
        await house.configuring.change_camera("yard", {"blur_faces": wanted}, ANNA)
        assert house.editor.settings()["cameras"]["yard"]["privacy"] == {"blur_faces": wanted}
        assert settings_json(line.config)["blur_faces"] is wanted
    assert house.lines["yard"] is line, "the stream goes on"
    await house.configuring.change_camera("yard", {"blur_faces": None}, ANNA)
    assert house.editor.load().cameras["yard"].privacy == BlurChoice()
    assert settings_json(line.config)["blur_faces"] is None


async def test_zones_are_written_where_they_differ_and_comments_stay(house):
    zones = {
        "lawn": {
            "polygon": [[0.1, 0.4], [0.9, 0.4], [0.9, 1]],
            "objects": ["person"],
            "intrusion": "2s",
            "crowd": False,
        },
        "path": {"polygon": [[0, 0], [0.2, 0], [0.2, 0.3]]},
    }
    lines = {"gate": {"from": [0.2, 0.8], "to": [0.8, 0.8], "direction": "left_to_right"}}
    await house.configuring.change_camera("yard", {"zones": zones, "lines": lines, "detector": "on"}, ANNA)
    shown = settings_json(house.lines["yard"].config)
    assert (list(shown["zones"]), shown["zones"]["lawn"]["intrusion"]) == (["lawn", "path"], "2s")
    assert (shown["lines"]["gate"]["direction"], shown["detector"]) == ("left_to_right", "on")
    assert "crowd" not in house.file.read_text()
    house.file.write_text(
        house.file.read_text()
        .replace("      lawn:", "      # behind the house\n      lawn: # mown on Fridays")
        .replace("intrusion: 2s", "intrusion: 2s # at once")
    )
    house.editor.load()
    kept = {"lawn": {**shown["zones"]["lawn"], "loitering": "1m", "polygon": [[0.1, 0.5], [0.9, 0.4], [0.9, 1]]}}
    await house.configuring.change_camera("yard", {"zones": kept}, ANNA)
    text = house.file.read_text()
    for line in ("# behind the house", "lawn: # mown on Fridays", "intrusion: 2s # at once", "loitering: 1m"):
        assert line in text
    assert "path" not in text
    with pytest.raises(InvalidInputError) as refused:
        await house.configuring.change_camera("yard", {"zones": {"lawn": {**kept["lawn"], "crowd": 1}}}, ANNA)
    assert refused.value.details == {"zones.lawn.crowd": "expected a whole number from 2 to 100, or false"}
    await house.configuring.change_camera("yard", {"zones": {}, "lines": None, "detector": None}, ANNA)
    assert house.editor.load().cameras["yard"].zones == ()
    assert "zones" not in house.file.read_text()


async def test_where_nothing_can_be_kept_it_is_said_before(house):
    assert house.configuring.why_fixed("yard") is None
    assert "--camera" in house.configuring.why_fixed("desk")


async def test_what_is_wrong_is_said_by_its_key(house):
    wrong = {"per_class": {"dancing": 0.5}, "schedule": [{"days": "someday"}], "name": "X"}
    with pytest.raises(InvalidInputError) as refused:
        await house.configuring.change_camera("yard", wrong, ANNA)
    assert sorted(refused.value.details) == ["per_class.dancing", "schedule.0.days"]
    assert "mon-fri" in refused.value.details["schedule.0.days"]
    assert house.file.read_text() == CONFIG


async def test_a_password_is_repaired_and_a_hidden_one_kept(house):
    await house.configuring.change_camera("yard", {"source": "rtsp://***@10.0.0.5/s", "name": "Shed"}, ANNA)
    assert house.config.cameras["yard"].source == "rtsp://u:p4ss@10.0.0.5/s"
    with pytest.raises(InvalidInputError, match="hidden"):
        await house.configuring.change_camera("yard", {"source": "rtsp://***@10.0.0.6/s"}, ANNA)
    await house.configuring.change_camera("yard", {"source": "rtsp://u:right@10.0.0.5/s"}, ANNA)
    for wrong in ("synthetic:moon", "exec:sh", None, ""):
        with pytest.raises(InvalidInputError) as refused:
            await house.configuring.change_camera("yard", {"source": wrong}, ANNA)
        assert list(refused.value.details) == ["source"]
    assert house.config.cameras["yard"].source == "rtsp://u:right@10.0.0.5/s"
    assert "right" not in repr(await house.store.audit.list())


async def test_a_file_that_a_person_is_editing_is_left_to_them(house):
    house.file.write_text(CONFIG + "# half a thought\n")
    with pytest.raises(ConfigError, match="was changed since it was read"):
        await house.configuring.set_threshold("yard", 0.5)
    assert house.file.read_text().endswith("# half a thought\n")


async def test_a_camera_of_the_command_line_is_not_in_the_file(house):
    house.flow.add("desk")
    for asked in (house.configuring.set_threshold("desk", 0.5), house.configuring.remove_camera("desk", ANNA)):
        with pytest.raises(ConfigError, match="command line"):
            await asked


async def test_without_a_file_it_is_said_what_to_do(house):
    bare = Configuring(None, house.configuring._apply, house.flow.pipeline, house.store.audit, house.flow.clock)
    for asked in (
        bare.add_camera(None, "webcam:0", "X", ANNA), bare.remove_camera("yard", ANNA), bare.set_threshold("yard", 0.5),
        bare.change_camera("yard", {"name": "X"}, ANNA), bare.set_retention({"incidents": "1d"}, ANNA),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=r"without a configuration file.*--config FILE"):
            await asked
    await bare.end_mqtt_discovery(ANNA)
    assert bare.retention()["incidents"] == "30d"


# --- Frigate ------------------------------------------------------------------------------------------------------


def frigate_has(house: SimpleNamespace, *names: str, watched: tuple[str, ...] = ()) -> None:
    house.discovery.offered = {name: FrigateCamera(name, f"rtsp://127.0.0.1/{name}") for name in names}
    house.discovery.cameras = {name: one for name, one in house.discovery.offered.items() if name in watched}


async def test_frigates_cameras_are_offered_until_they_are_watched(house):
    assert house.configuring.frigate_cameras() == []
    frigate_has(house, "door", "back_yard")
    assert house.configuring.frigate_cameras() == [("frigate:back_yard", "Back yard"), ("frigate:door", "Door")]
    await house.configuring.add_camera(None, "frigate:back_yard", "Back yard", ANNA)
    assert house.configuring.frigate_cameras() == [("frigate:door", "Door")]
    await house.configuring.remove_camera("back_yard", ANNA)


async def test_a_camera_that_frigate_brought_is_named_in_the_file_when_it_is_set_up(house):
    frigate_has(house, "door", watched=("door",))
    house.flow.add("door")
    house.flow.pipeline.set_config("door", house.lines["yard"].config.__class__("door", "frigate:door", "Door"))
    await house.configuring.set_threshold("door", 0.6)
    camera = house.editor.load().cameras["door"]
    assert (camera.source, camera.name, camera.rules.threshold) == ("frigate:door", "Door", 0.6)
    with pytest.raises(ConfigError, match="Frigate brings this camera"):
        await house.configuring.remove_camera("door", ANNA)


# --- sources ------------------------------------------------------------------------------------------------------


async def test_a_source_is_tried_and_shrunk_to_720_lines(house, tmp_path):
    video = write_video(tmp_path / "large.mp4", [scene(n, 1920, 1080) for n in range(3)])
    picture = await house.configuring.try_source(str(video))
    assert picture.shape == (720, 1280, 3)


@pytest.mark.parametrize(
    "source",
    [
        "exec:sh -c id", "file:///etc/passwd", "concat:/etc/passwd", "pipe:0", "/etc/passwd", "frigate:nowhere", "",
        "rtsp://u:s3cret@127.0.0.1:1/s?token=s3cret", "http://u:s3cret@127.0.0.1:1/s", "!secret x",
    ],
)  # fmt: skip
async def test_what_cannot_be_read_or_is_refused_to_a_camera_is_said_without_its_secret(house, source):
    with pytest.raises(SourceError) as refused:
        await house.configuring.try_source(source)
    assert "s3cret" not in str(refused.value)


# --- the rest of the file -----------------------------------------------------------------------------------------


async def test_retention_changes_what_is_sent_and_keeps_the_rest(house):
    assert (before := house.configuring.retention()) == {
        "incidents": "30d", "below_threshold": "7d", "per_class": {}, "per_verdict": {}, "snapshots": None,
        "clips": "5d", "originals": None, "trends": "1825d", "media_quota": "20GB", "archive": None,
    }  # fmt: skip
    wanted = {"incidents": "60d", "per_class": {"fighting": "90d"}, "media_quota": "1.5TB"}
    answered = await house.configuring.set_retention(wanted, ANNA)
    assert answered == before | wanted | {"media_quota": "1500GB"}
    assert "incidents: 60d   # ask the lawyer" in house.file.read_text()
    assert house.config.retention.clips_s == 5 * 86400
    await house.configuring.set_retention({"incidents": None, "per_class": {}, "media_quota": None}, ANNA)
    assert house.configuring.retention()["incidents"] == "30d"
    assert [action for _, action, _ in await audited(house)] == ["retention", "retention"]


@pytest.mark.parametrize(
    ("wanted", "key"),
    [({"incidents": "soon"}, "incidents"), ({"media_quota": "much"}, "media_quota"),
     ({"per_class": {"dancing": "1d"}}, "per_class"), ({"below_threshold": "1m"}, "below_threshold")],
)  # fmt: skip
async def test_a_retention_that_makes_no_sense_is_refused_by_its_key(house, wanted, key):
    with pytest.raises(InvalidInputError) as refused:
        await house.configuring.set_retention(wanted, ANNA)
    assert list(refused.value.details) == [key]
    assert house.file.read_text() == CONFIG


async def test_discovery_over_mqtt_ends_in_the_file_and_is_said_once(house):
    for _ in range(2):
        await house.configuring.end_mqtt_discovery(ANNA)
    assert house.file.read_text() == changed(("ha_discovery: true", "ha_discovery: false"))
    assert house.config.mqtt.ha_discovery is False
    assert await audited(house) == [("integration for Anna", "mqtt_discovery", "mqtt")]
