"""From a file to settings: what is read, what is refused, and what people are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.config import Config, InvalidConfig, from_arguments, load_config, parse_config
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.domain.types import Location, Rules, Severity

Write = Callable[..., Path]


def refused(text: str, path: Path = Path("crime_detect.yaml")) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, path, {})
    return str(caught.value)


def camera(detection: str) -> str:
    return f"cameras:\n  yard:\n    source: yard.mp4\n    detection: {detection}\n"


def rules(detection: str, rest: str = "") -> Rules:
    return parse_config(camera(detection) + rest, Path("c.yaml"), {}).cameras["yard"].rules


def test_the_contracts_file(write: Write, contract: str) -> None:
    config = load_config(write(contract), {})
    door, yard = config.cameras["front_door"], config.cameras["yard"]
    assert (config.instance, config.timezone) == ("home", ZoneInfo("Europe/Amsterdam"))
    assert door.source == "rtsp://user:pass@10.0.0.5:554/sub"
    assert door.location == Location(52.1, 4.3)
    assert door.rules == Rules(per_class={"fighting": 0.7}, severity={"fighting": Severity.CRITICAL})
    assert (door.schedule[0].start, door.schedule[0].end) == (22 * 60, 6 * 60)
    assert door.masks == (((0.0, 0.0), (0.2, 0.0), (0.2, 0.3)),)
    assert (yard.name, yard.source) == ("Yard", "rtsp://owner:hemmelig-5@10.0.0.6/sub")
    assert config.mqtt is not None
    assert config.mqtt.host == "core-mosquitto"
    assert config.alerts.sms is not None
    assert (config.alerts.sms.account_sid, config.alerts.sms.to) == ("AC-hemmelig-6", ("+31600000001",))
    assert config.alerts.email is None
    assert [hook.name for hook in config.alerts.webhook] == ["guard", "log"]
    assert config.retention.per_class_s == {"fighting": 90 * 86400.0}
    assert config.warnings == ()


def test_secrets_are_in_no_repr(write: Write, contract: str) -> None:
    shown = repr(load_config(write(contract), {}))
    assert "user:pass" not in shown
    assert not [number for number in (1, 2, 3, 4, 5) if f"hemmelig-{number}" in shown]


def test_empty_file_is_the_defaults() -> None:
    for text in ("", "# nothing yet\n", "cameras:\nmqtt:\nalerts:\nprivacy:\n"):
        config = parse_config(text, Path("c.yaml"), {"TZ": "Europe/Paris"})
        assert config == Config(timezone=ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("instance: Home!", 1, ["instance", "a-z, 0-9"]),
        ("timezone: Europe/Amstrdam", 1, ["timezone", "did you mean Europe/Amsterdam"]),
        ("timezone: ../../etc/passwd", 1, ["timezone"]),
        ("modle: {}", 1, ["modle: unknown key", "did you mean model", "Allowed:"]),
        ("model: {device: gpu}", 1, ["model.device", "auto, cuda, openvino, cpu"]),
        ("model: default", 1, ["model", "device, name"]),
        ("severity: {fighting: high}", 1, ["severity.fighting", "alert or critical"]),
        ("severity: {figthing: alert}", 1, ["did you mean fighting"]),
        ("severity: {anomlay: alert}", 1, ["did you mean anomaly"]),
        ("cameras: {info: {source: a.mp4}}", 1, ["cameras.info", "reserved"]),
        ("cameras: {Front-Door: {source: a.mp4}}", 1, ["cameras.Front-Door", "a-z, 0-9"]),
        ("cameras: {yard: {}}", 1, ["cameras.yard.source", "required"]),
        ("cameras:\n  yard:\n    name: x", 2, ["cameras.yard.source", "required"]),
        ("cameras: [yard]", 1, ["cameras"]),
        ("a: 1\nretention: {incidents: 5 years}", 2, ["retention.incidents", "30d"]),
        ("retention: {per_class: {figthing: 9d}}", 1, ["retention.per_class", "did you mean fighting"]),
        ("- a\n- b", 1, ["expected keys"]),
        ("just text", 1, ["expected keys"]),
        (camera("{treshold: 0.8}"), 4, ["cameras.yard.detection.treshold", "did you mean threshold"]),
        (camera("{threshold: high}"), 4, ["threshold", "above 0 up to 1"]),
        (camera("{threshold: true}"), 4, ["threshold", "above 0 up to 1"]),
        (camera("{threshold: .nan}"), 4, ["threshold", "above 0 up to 1"]),
        (camera("{threshold: 80}"), 4, ["threshold", "above 0 up to 1"]),
        (camera("{per_class: {normal: 0.5}}"), 4, ["per_class.normal"]),
        (camera("{per_class: {anomaly: 0.5}}"), 4, ["per_class.anomaly"]),
        (camera("{profile: garden}"), 4, ["profile", "home, shop, bank, park, night"]),
        (camera("{votes: 6, window: 5}"), 4, ["cameras.yard.detection.votes", "do not fit"]),
        (camera("{window: 2}"), 4, ["cameras.yard.detection.window", "do not fit"]),
        (camera("{frame_skip: 0}"), 4, ["frame_skip", "from 1"]),
        (camera("{sequence_length: 51}"), 4, ["sequence_length", "10 to 50"]),
        (camera("{cooldown: -5}"), 4, ["cooldown", "60s"]),
    ],
)
def test_error_names_line_key_and_what_is_allowed(text: str, line: int, words: list[str]) -> None:
    message = refused(text)
    assert f"crime_detect.yaml:{line}: " in message
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    "text",
    [
        "alerts: {push: [{}]}",
        camera("{mode: budget}"),
        camera("{false_alarm_budget: 1/week}"),
        camera("{shadow: 7d}"),
    ],
)
def test_feature_of_a_later_version_is_refused_by_name(text: str) -> None:
    assert "not in this version" in refused(text)


def test_all_problems_are_told_at_once() -> None:
    message = refused("instance: A B\nmodel: {device: gpu}\n" + camera("{threshold: 2, votes: 0}"))
    assert [part in message for part in ("instance", "model.device", "threshold", "votes")] == [True] * 4
    with pytest.raises(InvalidConfig) as caught:
        parse_config("instance: A B\nmodle: 1", Path("c.yaml"), {})
    assert [(one.key, one.line) for one in caught.value.problems] == [("instance", 1), ("modle", 2)]


@pytest.mark.parametrize("text", ["x", ""])
def test_message_stays_readable_when_everything_is_wrong(text: str) -> None:
    message = refused("\n".join(f"{text}k{index}: 1" for index in range(500)))
    assert len(message.splitlines()) == 21
    assert "and 480 more" in message


GOOD_SOURCES = (
    "rtsp://u:p@h/s", "rtsps://h/s", "http://h:81/x.mjpg?a=b", "/media/a b.mp4", "clips/a.mp4", "webcam:0",
    "loop:clips/a.mp4", "rtmp://h/live/a", "synthetic:yard", "synthetic:", "synthetic:yard?seed=3&size=640x360",
)  # fmt: skip
BAD_SOURCES = (
    "", " ", "exec:ls", "file:/etc/passwd", "concat:a|b", "pipe:0", "rtsp:", "rtsp://", "ftp://h/a", "rtsp://h/a\nb",
    "rtsp://h/a|b", "webcam:", "RTSP+exec://h",
)  # fmt: skip


@pytest.mark.parametrize("source", GOOD_SOURCES)
def test_sources(source: str) -> None:
    assert from_arguments({"yard": source}, environment={}).cameras["yard"].source == source


@pytest.mark.parametrize("source", BAD_SOURCES)
def test_source_of_no_allowed_form_is_refused(source: str) -> None:
    with pytest.raises(ConfigError, match=r"cameras\.yard\.source"):
        from_arguments({"yard": source}, environment={})


def test_frigate_and_its_cameras() -> None:
    text = "frigate: {url: http://frigate:5000, cameras: all}\ncameras: {yard: {source: frigate:yard}}\n"
    config = parse_config(text, Path("c.yaml"), {})
    assert config.frigate is not None
    assert (config.frigate.url, config.cameras["yard"].source) == ("http://frigate:5000", "frigate:yard")
    assert "needs the section frigate" in refused("cameras: {yard: {source: frigate:yard}}")
    assert "not in this version" in refused("frigate: {url: http://frigate:5000, write_back: true}")


def test_profile_then_own_settings() -> None:
    shop = rules("{profile: shop}", "severity: {robbery: alert}")
    assert shop.per_class["stealing"] == 0.7
    assert (shop.severity["robbery"], shop.severity["weapon"]) == (Severity.ALERT, Severity.CRITICAL)
    own = rules("{profile: shop, threshold: 0.9, per_class: {fire: 0.5}, cooldown: 2m, votes: 7}")
    assert (own.threshold, own.per_class, own.cooldown_s) == (0.9, {"fire": 0.5}, 120.0)
    assert (own.votes, own.window) == (7, 7)


def test_a_raised_threshold_leaves_no_lower_one_standing() -> None:
    assert rules("{profile: shop, threshold: 0.95}").threshold_of("stealing") == 0.95


def test_camera_without_file() -> None:
    config = from_arguments({"front_door": "rtsp://h/s"}, environment={"TZ": "UTC"})
    assert config.cameras["front_door"].name == "Front door"
    assert config.warnings == ()
    with pytest.raises(ConfigError, match=r"arguments: cameras\.info"):
        from_arguments({"info": "rtsp://h/s"}, environment={})


def test_demo() -> None:
    config = from_arguments({}, demo=True, environment={})
    assert all(one.source.startswith("synthetic:") for one in config.cameras.values())
    assert list(config.cameras) == ["demo_yard", "demo_street"]
    assert config.model.name == "demo"
    with pytest.raises(ConfigError, match="exclude"):
        from_arguments({"a": "b.mp4"}, demo=True, environment={})


@pytest.mark.parametrize("zone", ["Asia/Tokyo", ":Asia/Tokyo"])
def test_timezone_of_the_environment(zone: str) -> None:
    config = from_arguments({}, environment={"TZ": zone})
    assert (config.timezone, config.warnings) == (ZoneInfo("Asia/Tokyo"), ())


@pytest.mark.parametrize(
    "environment", [{}, {"TZ": ""}, {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}, {"TZ": "/etc/localtime"}]
)
def test_no_timezone_is_utc_and_said(environment: dict[str, str]) -> None:
    config = from_arguments({}, environment=environment)
    assert config.timezone == ZoneInfo("UTC")
    assert "UTC" in config.warnings[0]


def test_secret_and_variable(write: Write) -> None:
    text = (
        "instance: !env_var INSTANCE barn\n"
        "mqtt: {host: !env_var BROKER, port: !secret port, username: u, password: !secret digits}\n"
    )
    config = load_config(write(text), {"BROKER": "mqtt.lan"})
    assert config.instance == "barn"
    assert config.mqtt is not None
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.password) == ("mqtt.lan", 1884, "0123")
    assert load_config(write(text), {"BROKER": "b", "INSTANCE": "x"}).instance == "x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("instance: !secret prot", ["crime_detect.yaml:1: instance", "no secret prot", "did you mean port"]),
        ("instance: !secret", ["needs the name"]),
        ("instance: !env_var NOWHERE", ["no variable NOWHERE", "default"]),
        ("instance: !env_var 1=2", ["name of a variable"]),
    ],
)
def test_reference_that_leads_nowhere(write: Write, text: str, words: list[str]) -> None:
    message = refused(text, write(text))
    assert [word for word in words if word not in message] == []


def test_secrets_file_absent_or_broken(write: Write) -> None:
    path = write("instance: !secret a", None)
    assert "cannot be read" in refused(path.read_text(), path)
    path = write("instance: !secret a", "a: hemmelig: b\n")
    message = refused(path.read_text(), path)
    assert "secrets.yaml:1" in message
    assert "hemmelig" not in message
    path = write("instance: !secret a", "a: [hemmelig]\n")
    assert "hemmelig" not in refused(path.read_text(), path)


@pytest.mark.parametrize(
    "text",
    [
        "instance: !secret hidden",
        "timezone: !secret hidden",
        "database: !env_var HIDDEN",
        "cameras: {yard: {source: !secret hidden_url}}",
        "cameras: {yard: {source: 'exec://u:hemmelig@h/'}}",
        "retention: {incidents: !secret hidden}",
        "mqtt: {host: a b, username: u, password: hemmelig}",
        "mqtt: {host: !secret hidden_url}",
        "model: {device: !secret hidden}",
        "alerts: {webhook: [{url: !secret hidden}]}",
        "alerts: {sms: {account_sid: hemmelig, auth_token: hemmelig, from: hemmelig, to: !secret hidden}}",
        camera("{profile: !secret hidden}"),
        camera("{cooldown: !env_var HIDDEN}"),
    ],
)
def test_no_error_shows_a_secret(write: Write, text: str) -> None:
    path = write(text, 'hidden: "hemmelig \'\\" 1"\nhidden_url: exec://u:hemmelig@h/x\n')
    with pytest.raises(ConfigError) as caught:
        load_config(path, {"HIDDEN": "hemmelig 1"})
    assert "hemmelig" not in str(caught.value)


@pytest.mark.parametrize("text", [b"instance: \xff", b"\x00", b"instance: \x01"])
def test_file_that_is_no_text(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError):
        load_config(path, {})


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, {})


def test_mms_needs_an_address_where_twilio_can_fetch_the_picture(tmp_path: Path) -> None:
    sms = (
        "timezone: UTC\nalerts: {sms: {account_sid: AC0123456789abcdef0123456789abcdef, auth_token: secret, "
        "from: '+15005550006', to: ['+31612345678'], mms: true}}\n"
    )
    with pytest.raises(InvalidConfig, match=r"alerts\.sms\.mms.*url"):
        parse_config(sms, tmp_path / "c.yaml", {})
    config = parse_config(sms + "url: https://crime.example.org/\n", tmp_path / "c.yaml", {})
    assert config.base_url == "https://crime.example.org"


@pytest.mark.parametrize(("text", "announced"), [("zeroconf: off", False), ("zeroconf: auto", True), ("", True)])
def test_the_engine_may_be_told_to_keep_quiet(text: str, announced: bool, tmp_path: Path) -> None:
    assert parse_config(f"timezone: UTC\n{text}\n", tmp_path / "c.yaml", {}).zeroconf is announced
