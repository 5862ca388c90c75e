"""Owns the tests of the doctor: what works, what does not, what to do, and no secrets."""

from __future__ import annotations

import asyncio
import json
import socket
from argparse import Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.doctor import ABSENT, BAD, GOOD, WARNING, doctor_command, examine
from crime_detect_engine.vision.detectors import DEFAULT_NAME
from crime_detect_engine.vision.detectors.weights import WEIGHTS

from tests.rig.certificates import Authority
from tests.rig.frigate import FakeFrigate
from tests.rig.oidc import Provider as IdentityProvider
from tests.rig.postgres import Postgres


def found(data: Path, config: Path | None = None) -> dict[str, Any]:
    return {one.what: one for one in examine(data, config)}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = tmp_path / "c.yaml"
    file.write_text(
        f"timezone: UTC\nmqtt: {{host: 127.0.0.1, port: {port}, username: me, password: p4ss}}\n"
        f"frigate: {{url: 'http://127.0.0.1:{port}'}}\n"
        f"cameras:\n  gone: {{source: 'rtsp://u:p4ss@127.0.0.1:{port}/s'}}\n  lost: {{source: {tmp_path}/none.mp4}}\n"
    )
    return file


def test_a_machine_without_anything_is_looked_at_and_left_as_it_was(tmp_path: Path) -> None:
    data = tmp_path / "data"
    findings = found(data)
    assert findings["storage"].status == ABSENT
    assert findings["configuration"].status == ABSENT
    assert not data.exists(), "looking makes no database"


def test_everything_that_does_not_answer_is_named_with_advice(tmp_path: Path, config: Path) -> None:
    findings = found(tmp_path / "data", config)
    for what in ("broker", "frigate", "camera gone", "camera lost"):
        assert findings[what].status == BAD, what
        assert findings[what].advice, what
    assert findings["configuration"].status == GOOD


def test_certificates_are_looked_at_before_anybody_is_refused(tmp_path: Path) -> None:
    authority, now = Authority(tmp_path), datetime.now(UTC)
    (good, good_key), (late, late_key) = authority.sign("good"), authority.sign("late", ends=now - timedelta(days=1))
    file = tmp_path / "c.yaml"
    for tls, status, said in (
        ((good, good_key), GOOD, "is valid until"),
        ((late, late_key), WARNING, "expired at"),
        ((good, late_key), BAD, "is the key of another certificate"),
        ((tmp_path / "none", good_key), BAD, "cannot be read"),
    ):
        client = f"mqtt: {{host: 127.0.0.1, port: 1, tls: {{cert: {tls[0]}, key: {tls[1]}}}}}"
        file.write_text(f"timezone: UTC\ntls: {{certificate: {tls[0]}, key: {tls[1]}}}\n{client}\n")
        findings = found(tmp_path / "data", file)
        assert findings["certificate"].status == status
        assert said in findings["certificate"].detail
        assert ("broker's TLS" in findings) is (status != GOOD)


async def test_an_identity_provider_is_asked_who_it_is(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    async with IdentityProvider() as provider:
        for issuer, status in ((provider.issuer, GOOD), (f"{provider.issuer}/", BAD), ("http://127.0.0.1:9", BAD)):
            oidc = f"{{issuer: '{issuer}', client_id: a, client_secret: s3cret, default_role: viewer}}"
            file.write_text(f"timezone: UTC\nurl: https://cd.example.org\naccess: {{oidc: {oidc}}}\n")
            findings = await asyncio.to_thread(found, tmp_path / "data", file)
            assert findings["identity provider"].status == status
            assert "s3cret" not in repr(findings)


async def test_it_says_on_which_cameras_frigate_looks_for_persons(tmp_path: Path) -> None:
    zone = "zones: {drive: {polygon: [[0, 0], [1, 0], [1, 1]], intrusion: true}}"
    async with FakeFrigate(["yard", "door", "attic"]) as frigate:
        frigate.blind = ["door"]
        file = tmp_path / "c.yaml"
        file.write_text(
            f"timezone: UTC\nfrigate: {{url: '{frigate.url}'}}\ncameras:\n"
            f"  a: {{source: 'frigate:yard', {zone}}}\n"
            f"  b: {{source: 'frigate:door', {zone}}}\n"
            f"  c: {{source: 'frigate:door', detector: 'on', {zone}}}\n"
            f"  d: {{source: 'frigate:attic'}}\n"
        )
        findings = await asyncio.to_thread(found, tmp_path / "data", file)
    assert {what: one.status for what, one in findings.items() if what.startswith("zones")} == {
        "zones of a": GOOD,
        "zones of b": WARNING,
    }
    assert "detector: on" in str(findings["zones of b"].advice)


def test_json_is_complete_bad_is_exit_code_1_and_no_secret_is_shown(tmp_path: Path, config: Path, capsys: Any) -> None:
    assert doctor_command(Namespace(data=tmp_path / "data", config=config, json=True)) == 1
    text = capsys.readouterr().out
    assert {"what", "status", "detail", "advice"} == set(json.loads(text)["findings"][0])
    assert "p4ss" not in text


def test_it_says_which_database_and_whether_it_answers(tmp_path: Path, postgres: Postgres, capsys: Any) -> None:
    name = postgres.create()
    file = tmp_path / "c.yaml"
    file.write_text(f"timezone: UTC\ndatabase: {postgres.url(name)}\n")
    place = f"at 127.0.0.1:{postgres.port}/{name}"
    absent = found(tmp_path / "data", file)["storage"]
    assert absent.status == ABSENT
    assert "PostgreSQL " in absent.detail
    assert absent.detail.endswith(f"{place} answers")
    (tmp_path / "data").mkdir()
    opened = found(tmp_path / "data", file)["storage"]
    assert opened.status in (GOOD, WARNING), opened
    assert f"{place} opens" in opened.detail
    file.write_text(f"timezone: UTC\ndatabase: {postgres.url(name, password='wr0ng')}\n")
    assert doctor_command(Namespace(data=tmp_path / "data", config=file, json=True)) == 1
    told = capsys.readouterr()
    assert f"{postgres.port}/{name} refuses" in told.out
    assert "password authentication failed" in told.out
    assert "wr0ng" not in told.out + told.err
    postgres.drop(name)


def test_the_model_that_the_file_chooses_is_the_one_that_is_tried(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("timezone: UTC\nmodel: {name: nonsense}\n")
    findings = found(tmp_path / "data", file)
    assert findings["inference"].status == BAD
    assert "nonsense" in findings["inference"].detail


def test_a_bad_file_is_named_and_the_rest_is_still_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("cameras: {yard: {sauce: x}}\n")
    findings = found(tmp_path / "data", file)
    assert findings["configuration"].status == BAD
    assert "sauce" in findings["configuration"].detail
    assert "storage" in findings


def test_in_an_app_the_broker_of_home_assistant_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRIME_DETECT_CONTAINER", "1")
    monkeypatch.setenv("SUPERVISOR_TOKEN", "app-token")
    file = tmp_path / "crime_detect.yaml"
    file.write_text("timezone: UTC\nmqtt: {prefix: cameras}\n")
    findings = found(tmp_path / "data", file)
    assert (findings["configuration"].status, findings["broker"].status) == (GOOD, GOOD)
    assert "Home Assistant" in findings["broker"].detail


def test_the_detector_is_found_missed_where_it_is_wanted_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRIME_DETECT_MODELS", str(tmp_path / "weights"))
    assert found(tmp_path / "data")["detector"].status == ABSENT
    file = tmp_path / "c.yaml"
    file.write_text("timezone: UTC\ncameras: {yard: {source: 'rtsp://127.0.0.1:9/s', detector: on}}\n")
    missing = found(tmp_path / "data", file)["detector"]
    assert missing.status == WARNING
    assert f"{tmp_path / 'weights'}, {tmp_path / 'data' / 'models' / 'detectors'}" in missing.detail
    assert WEIGHTS[DEFAULT_NAME].sha256 in str(missing.advice)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / WEIGHTS[DEFAULT_NAME].file).write_bytes(b"altered")
    assert found(tmp_path / "data", file)["detector"].status == BAD


def test_the_real_weights_are_found(clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRIME_DETECT_MODELS", str(clips / "detectors"))
    assert found(tmp_path / "data")["detector"].status == GOOD


def test_it_says_who_is_hidden_and_when_everything_would_be(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRIME_DETECT_MODELS", str(tmp_path / "weights"))
    assert found(tmp_path / "data")["blurring"].status == ABSENT
    file = tmp_path / "c.yaml"
    camera = "{source: 'rtsp://127.0.0.1:9/s', privacy: {blur_persons: true}}"
    file.write_text(f"timezone: UTC\nprivacy: {{blur_faces: true}}\ncameras: {{yard: {camera}}}\n")
    missing = found(tmp_path / "data", file)["blurring"]
    assert missing.status == WARNING
    assert "hidden whole" in missing.detail
    assert WEIGHTS["rfb_640"].sha256 in str(missing.advice)
    monkeypatch.setenv("CRIME_DETECT_MODELS", str(clips / "detectors"))
    ready = found(tmp_path / "data", file)["blurring"]
    assert (ready.status, "yard (persons)" in ready.detail) == (GOOD, True)
