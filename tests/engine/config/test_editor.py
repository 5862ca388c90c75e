"""Changes by the program: comments stay, nothing invalid is written, nobody's change is lost, no secret is shown."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.config import ConfigEditor, load_config
from crime_detect_engine.config.display import hide
from crime_detect_engine.domain.errors import ConfigError, NotFoundError
from hypothesis import given, settings
from hypothesis import strategies as st

Write = Callable[..., Path]


@pytest.fixture
def path(write: Write, contract: str) -> Path:
    return write(contract)


@pytest.fixture
def editor(path: Path) -> ConfigEditor:
    editor = ConfigEditor(path, {})
    editor.load()
    return editor


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines that only the old text has, and those that only the new one has."""
    old, new = before.splitlines(), after.splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def test_slider_changes_one_number(editor: ConfigEditor, path: Path, contract: str) -> None:
    config = editor.set_threshold("front_door", 0.85)
    assert config.cameras["front_door"].rules.threshold == 0.85
    (old,), (new,) = changed_lines(contract, path.read_text())
    assert new == old.replace("threshold: 0.8,", "threshold: 0.85,")
    assert load_config(path, {}) == config


def test_several_keys_change_in_one_step(write: Write) -> None:
    path = write("cameras:\n  yard:\n    source: a.mp4   # here\n    name: Yard\n    detection:\n")
    editor = ConfigEditor(path, {})
    changes = {("name",): None, ("schedule",): None, ("detection", "per_class"): {"fighting": 0.7}}
    editor.change(("cameras", "yard"), changes)
    wanted = "cameras:\n  yard:\n    source: a.mp4   # here\n    detection:\n      per_class:\n        fighting: 0.7\n"
    assert path.read_text() == wanted
    with pytest.raises(ConfigError, match="schedule"):
        editor.change(("cameras", "yard"), {("name",): "Yard", ("schedule",): "never"})
    assert path.read_text() == wanted, "all or nothing"


def test_threshold_of_a_camera_that_had_none(editor: ConfigEditor, path: Path, contract: str) -> None:
    assert editor.set_threshold("yard", 0.66666).cameras["yard"].rules.threshold == 0.6667
    gone, added = changed_lines(contract, path.read_text())
    assert (gone, added) == ([], ["    detection:", "      threshold: 0.6667"])


@pytest.mark.parametrize("text", [
    "cameras:\n    yard:\n        source: a.mp4   # here\n        masks:\n        - [[0, 0], [1, 0], [1, 1]]\n# end\n",
    "cameras:\n  yard:\n    source: a.mp4\n    schedule:\n      - days: mon\n      # and\n      - days: tue\n",
    "cameras: {yard: {source: 'a.mp4', detection: {threshold: 0.8}}} # all in one\n",
    "\n# first\n\ncameras:\n  yard:   # the yard\n    source: \"a.mp4\"\n    detection:\n",
])  # fmt: skip
def test_layout_stays(write: Write, text: str) -> None:
    path = write(text)
    editor = ConfigEditor(path, {})
    editor.set_threshold("yard", 0.7)
    editor.set(("instance",), "barn")
    editor.remove(("instance",))
    gone, _ = changed_lines(text, path.read_text())
    assert [line for line in gone if "threshold" not in line] == []
    assert load_config(path, {}).cameras["yard"].rules.threshold == 0.7


@pytest.mark.parametrize("text", ["", "# only\n# comments\n", "cameras:\n", "cameras: {}\n", "instance: barn"])
def test_first_camera(write: Write, text: str) -> None:
    path = write(text)
    config = ConfigEditor(path, {}).add_camera("yard", {"source": "!secret yard_source", "name": "Yard: 1"})
    assert (config.cameras["yard"].name, config.cameras["yard"].source[:7]) == ("Yard: 1", "rtsp://")
    assert "source: !secret yard_source" in path.read_text()
    assert path.read_text().startswith(text.split(" {")[0].rstrip("\n"))


def test_cameras_come_and_go(editor: ConfigEditor, path: Path, contract: str) -> None:
    assert list(editor.add_camera("gate", {"source": "rtsp://h/s"}).cameras) == ["front_door", "yard", "gate"]
    with pytest.raises(ConfigError, match="already"):
        editor.add_camera("gate", {"source": "rtsp://h/s"})
    assert list(editor.remove_camera("gate").cameras) == ["front_door", "yard"]
    assert path.read_text() == contract
    for act in (lambda: editor.remove_camera("gate"), lambda: editor.set_threshold("gate", 0.5)):
        with pytest.raises(NotFoundError, match="gate"):
            act()


@pytest.mark.parametrize(
    "change",
    [
        lambda editor: editor.set_threshold("yard", 1.5),
        lambda editor: editor.set_threshold("yard", float("nan")),
        lambda editor: editor.add_camera("info", {"source": "a.mp4"}),
        lambda editor: editor.add_camera("gate", {"source": "exec:ls"}),
        lambda editor: editor.add_camera("gate", {"source": "!secret nowhere"}),
        lambda editor: editor.set(("privacy", "blur_faces"), "soon"),
        lambda editor: editor.set(("cameras", "yard", "name", "deeper"), 1),
        lambda editor: editor.set(("alerts", "webhook", 7, "name"), "x"),
        lambda editor: editor.set(("alerts", "webhook", "first", "name"), "x"),
        lambda editor: editor.set(("instance",), object()),
        lambda editor: editor.remove(("cameras", "yard", "source")),
        lambda editor: editor.remove(("nothing", "here")),
        lambda editor: editor.put_settings({"instance": "A B"}),
        lambda editor: editor.put_settings({"mqtt": {"host": "h", "username": "u", "password": "***"}}),
    ],
)
def test_what_is_not_valid_is_not_written(
    editor: ConfigEditor, path: Path, contract: str, change: Callable[[ConfigEditor], Any]
) -> None:
    with pytest.raises((ConfigError, NotFoundError)) as caught:
        change(editor)
    assert path.read_text() == contract
    assert "hemmelig" not in str(caught.value)
    assert sorted(one.name for one in path.parent.iterdir()) == ["crime_detect.yaml", "secrets.yaml"]


def test_change_by_somebody_else_is_not_lost(editor: ConfigEditor, path: Path, contract: str) -> None:
    theirs = contract + "# theirs\n"
    path.write_text(theirs)
    with pytest.raises(ConfigError, match="was changed"):
        editor.set_threshold("yard", 0.5)
    assert path.read_text() == theirs
    editor.load()
    editor.set_threshold("yard", 0.5)
    assert path.read_text().endswith("# theirs\n")


def test_shared_settings_are_not_changed_behind_ones_back(write: Write) -> None:
    text = "cameras:\n  a: &a\n    source: a.mp4\n    detection: {threshold: 0.8}\n  b:\n    <<: *a\n  c: *a\n"
    path = write(text)
    for camera in ("a", "b", "c"):
        with pytest.raises(ConfigError, match="anchor"):
            ConfigEditor(path, {}).set_threshold(camera, 0.5)
    assert path.read_text() == text


def test_mode_and_link_are_kept(editor: ConfigEditor, path: Path, tmp_path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    ConfigEditor(link, {}).set_threshold("yard", 0.5)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert load_config(path, {}).cameras["yard"].rules.threshold == 0.5


def test_folder_that_refuses_is_an_error(editor: ConfigEditor, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "fsync", refuse)
    before = path.read_text()
    with pytest.raises(ConfigError, match="cannot be written: Read-only file system"):
        editor.set_threshold("yard", 0.5)
    assert path.read_text() == before
    assert len(list(path.parent.iterdir())) == 2


def test_changes_from_many_threads_all_arrive(editor: ConfigEditor, path: Path) -> None:
    names = [f"camera_{index}" for index in range(8)]
    threads = [threading.Thread(target=editor.add_camera, args=(name, {"source": "a.mp4"})) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(names) <= set(load_config(path, {}).cameras)


# --- settings as people see and send them --------------------------------------------------------------------------


def test_shown_settings_hold_no_secret(editor: ConfigEditor) -> None:
    shown = editor.settings()
    text = json.dumps(shown)
    assert "hemmelig" not in text
    assert "user:pass" not in text
    assert shown["cameras"]["front_door"]["source"] == "rtsp://***@10.0.0.5:554/sub"
    assert shown["cameras"]["yard"]["source"] == "!secret yard_source"
    assert shown["alerts"]["sms"]["auth_token"] == "***"
    assert shown["alerts"]["sms"]["account_sid"] == "!secret sid"
    assert shown["alerts"]["webhook"][0] == {"url": "https://hooks.example.org/***", "name": "guard", "secret": "***"}


def test_default_of_a_variable_is_not_shown(write: Write) -> None:
    editor = ConfigEditor(write("mqtt: {host: h, username: u, password: !env_var PW hemmelig}\n"), {})
    shown = editor.settings()
    assert shown["mqtt"]["password"] == "!env_var PW ***"
    shown["mqtt"]["host"] = "other"
    config = editor.put_settings(shown)
    assert config.mqtt is not None
    assert (config.mqtt.host, config.mqtt.password) == ("other", "hemmelig")


def test_a_database_is_shown_without_its_password(write: Write) -> None:
    editor = ConfigEditor(write("database: postgresql+psycopg://u:hemmelig@db/crime?sslmode=require\n"), {})
    shown = editor.settings()
    assert shown["database"] == "postgresql+psycopg://***@db/crime?sslmode=***"
    shown["instance"] = "shop"
    config = editor.put_settings(shown)
    assert "u:hemmelig@db" in str(config.database.url)
    assert "hemmelig" not in repr(config)
    assert hide({"database": "postgres:u:hemmelig@h"}) == {"database": "***"}


def test_sending_back_what_was_shown_changes_nothing(editor: ConfigEditor, path: Path, contract: str) -> None:
    editor.put_settings(json.loads(json.dumps(editor.settings())))
    assert path.read_text() == contract


def test_hidden_values_are_kept_around_a_change(editor: ConfigEditor, path: Path, contract: str) -> None:
    shown = json.loads(json.dumps(editor.settings()))
    shown["cameras"]["front_door"]["name"] = "Voordeur"
    shown["alerts"]["sms"]["to"].append("+31600000002")
    del shown["retention"]
    config = editor.put_settings(shown)
    assert config.cameras["front_door"].source == "rtsp://user:pass@10.0.0.5:554/sub"
    assert config.alerts.sms is not None
    assert (config.alerts.sms.auth_token, len(config.alerts.sms.to)) == ("hemmelig-1", 2)
    gone, _ = changed_lines(contract, path.read_text())
    assert len(gone) == 3
    assert "# the one at the street" in path.read_text()


def test_secret_stays_with_its_own_webhook(editor: ConfigEditor) -> None:
    """Removing the first of two must not give the second one its key."""
    shown = json.loads(json.dumps(editor.settings()))
    del shown["alerts"]["webhook"][0]
    (hook,) = editor.put_settings(shown).alerts.webhook
    assert (hook.name, hook.url, hook.secret) == ("log", "https://other.example.org/hemmelig-4", None)


def test_hidden_value_cannot_move(editor: ConfigEditor, path: Path, contract: str) -> None:
    shown = json.loads(json.dumps(editor.settings()))
    shown["cameras"]["front_door"]["source"] = "rtsp://***@evil.example.org/"
    shown["cameras"]["gate"] = {"source": "rtsp://***@10.0.0.5:554/sub"}
    with pytest.raises(ConfigError, match=r"front_door\.source: \*\*\* stands for") as caught:
        editor.put_settings(shown)
    assert "cameras.gate.source" in str(caught.value)
    assert path.read_text() == contract


def test_new_secret_replaces_the_hidden_one(editor: ConfigEditor) -> None:
    shown = json.loads(json.dumps(editor.settings()))
    shown["alerts"]["sms"]["auth_token"] = "neu"
    shown["cameras"]["yard"]["source"] = "rtsp://new:one@h/s"
    config = editor.put_settings(shown)
    assert config.alerts.sms is not None
    assert (config.alerts.sms.auth_token, config.cameras["yard"].source) == ("neu", "rtsp://new:one@h/s")


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20
).filter(str.strip)


@settings(max_examples=25, deadline=None)
@given(name=NAMES, threshold=st.floats(0.01, 1.0))
def test_any_name_and_threshold_survive_the_file(
    tmp_path_factory: pytest.TempPathFactory, name: str, threshold: float
) -> None:
    path = tmp_path_factory.mktemp("any") / "c.yaml"
    path.write_text("cameras:\n  yard: {source: a.mp4}  # keep\n")
    editor = ConfigEditor(path, {})
    if name.startswith(("!secret ", "!env_var ")):
        return
    editor.set(("cameras", "yard", "name"), name)
    camera = editor.set_threshold("yard", threshold).cameras["yard"]
    assert (camera.name, camera.rules.threshold) == (name.strip(), round(threshold, 4))
    assert "# keep" in path.read_text()
