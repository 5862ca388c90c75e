"""The contract's example of a configuration file: what is here is taken, what comes later is refused by its name."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.config import InvalidConfig, load_config
from crime_detect_engine.domain.types import Severity

# As the contract has it, its ellipses filled in.
EXAMPLE = """\
instance: home                    # [a-z0-9_]{1,32}, in topics; default "home"
timezone: Europe/Amsterdam        # schedules, quiet hours, reports; default TZ, else UTC with a warning
cameras:
  front_door:                     # [a-z0-9_]{1,32}; reserved: available info stats incident media replay
    source: rtsp://user:pass@10.0.0.5:554/sub        # rtsp(s)://, http(s):// stream, file path, webcam:0, frigate:NAME
    name: Front door
    location: {latitude: 52.1, longitude: 4.3}
    detection:
      mode: threshold
      threshold: 0.8
      per_class: {fighting: 0.7}
      profile: home
      frame_skip: null
      sequence_length: null
      votes: 3
      window: 5
      cooldown: 60s
      false_alarm_budget: 1/week
      shadow: 7d
    schedule: [{days: mon-fri, from: "22:00", to: "06:00"}]
    masks: [[[0, 0], [0.2, 0], [0.2, 0.3]]]          # polygons, relative; never seen, never stored
    zones: {yard: {polygon: [[0, 0], [1, 0], [1, 1]], intrusion: true, loitering: 60s}}
frigate:
  url: http://frigate:5000
  username:
  password:
  cameras: all
  write_back: true
mqtt: {host: core-mosquitto, port: 1883, username: , password: , tls: false, prefix: crime_detect, \
ha_discovery: false, media: auto, commands: auto}
model: {name: default, device: auto}                 # auto | cuda | openvino | cpu
severity: {fighting: critical}                       # class → alert | critical
alerts:
  sms: {account_sid: !secret sid, auth_token: !secret token, from: "+15005550006", to: ["+31612345678"]}
  email: {}
  webhook: []
  push: []
retention:
  incidents: 30d
  below_threshold: 7d
  per_class: {fighting: 90d}
  media_quota: 20GB
  archive: {path: , after: 30d}
privacy:
  blur_faces: true
  encrypt_originals: true
database: sqlite                                     # or postgresql+psycopg://…
"""
LATER = {
    "cameras.front_door.detection.false_alarm_budget": "      false_alarm_budget: 1/week\n",
    "cameras.front_door.detection.shadow": "      shadow: 7d\n",
    "frigate.write_back": "  write_back: true\n",
}
"""Keys that this version refuses, with their line in the example."""


def write(folder: Path, text: str) -> Path:
    (folder / "secrets.yaml").write_text("sid: AC-secret-1\ntoken: hemmelig-2\n")
    path = folder / "crime_detect.yaml"
    path.write_text(text)
    return path


def without(*keys: str) -> str:
    text = EXAMPLE
    for key in keys:
        assert text.count(LATER[key]) == 1, key
        text = text.replace(LATER[key], "")
    return text


def test_what_comes_later_is_refused_by_exactly_its_keys(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load_config(write(tmp_path, EXAMPLE), {})
    assert {problem.key for problem in refused.value.problems} == set(LATER)
    assert all("not in this version" in problem.text for problem in refused.value.problems)
    assert all(problem.line for problem in refused.value.problems)


@pytest.mark.parametrize("key", LATER)
def test_each_is_refused_alone(key: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load_config(write(tmp_path, without(*(other for other in LATER if other != key))), {})
    assert [problem.key for problem in refused.value.problems] == [key]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("mode: threshold", "mode: budget", "cameras.front_door.detection.mode"),
        ("push: []", "push: [{name: phone}]", "alerts.push"),
    ],
)
def test_values_that_come_later_are_refused_too(old: str, new: str, key: str, tmp_path: Path) -> None:
    text = without(*LATER)
    assert text.count(old) == 1
    with pytest.raises(InvalidConfig) as refused:
        load_config(write(tmp_path, text.replace(old, new)), {})
    assert [problem.key for problem in refused.value.problems] == [key]
    assert "not in this version" in refused.value.problems[0].text


def test_the_rest_loads_with_its_meaning(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, without(*LATER)), {})
    camera = config.cameras["front_door"]
    assert (config.instance, str(config.timezone), config.warnings) == ("home", "Europe/Amsterdam", ())
    assert (camera.rules.threshold, camera.rules.per_class["fighting"]) == (0.8, 0.7)
    assert (camera.rules.votes, camera.rules.window, camera.rules.cooldown_s) == (3, 5, 60.0)
    assert camera.rules.severity["fighting"] is Severity.CRITICAL
    assert (len(camera.schedule), camera.masks) == (1, (((0.0, 0.0), (0.2, 0.0), (0.2, 0.3)),))
    assert config.frigate is not None
    assert (config.frigate.url, config.frigate.cameras, config.frigate.username) == ("http://frigate:5000", None, None)
    assert config.mqtt is not None
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.username) == ("core-mosquitto", 1883, None)
    assert config.alerts.sms is not None
    assert config.retention.media_quota == 20 * 10**9
    assert config.retention.archive is None, "one without a path is none"


@pytest.mark.parametrize("name", ["available", "info", "stats", "incident", "media", "replay", "Yard", "a" * 33, "a-b"])
def test_names_that_topics_need_are_no_cameras(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=name):
        load_config(write(tmp_path, f"cameras: {{{name}: {{source: clip.mp4}}}}\n"), {})
