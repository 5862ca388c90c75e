"""TLS towards a real broker that wants to know who we are, and what is wrong with files before anybody is asked."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_tls import MqttTls

from tests.rig.certificates import Authority
from tests.rig.mosquitto import Mosquitto, mosquitto_missing

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def shown(authority: Authority, pair: tuple[Path, Path]) -> MqttTls:
    return MqttTls(ca=str(authority.certificate), cert=str(pair[0]), key=str(pair[1]))


@pytest.mark.skipif(mosquitto_missing() is not None, reason=str(mosquitto_missing()))
async def test_a_broker_that_asks_for_certificates_gets_ours_and_faults_of_it_are_said(
    tmp_path: Path, authority: Authority, mqtt: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    ours = authority.sign("ours", client=True)
    old = authority.sign("old", client=True, ends=datetime.now(UTC) - timedelta(days=2))
    (tmp_path / "elsewhere").mkdir()
    foreign = Authority(tmp_path / "elsewhere", "elsewhere").sign("foreign", client=True)
    with Mosquitto(tmp_path / "broker", tls=authority.sign("broker"), clients_of=authority.certificate) as broker:
        output = mqtt(broker, tls=shown(authority, ours))
        await eventually(lambda: output.status().state == "connected")
        assert output.status().commands, "who shows a certificate is known"
        await output.stop()
        for tls, said in (
            (MqttTls(ca=str(authority.certificate)), "set mqtt.tls.cert and mqtt.tls.key"),
            (shown(authority, old), f"our certificate {old[0]} expired at "),
            (shown(authority, foreign), f"not know the authority of our certificate {foreign[0]}"),
        ):
            refused = mqtt(broker, tls=tls)
            await eventually(lambda one=refused, said=said: said in (one.status().error or ""))  # type: ignore[misc]
            await refused.stop()


def test_faults_of_files_name_the_file(tmp_path: Path, authority: Authority) -> None:
    (ours, key), (_, other_key) = authority.sign("ours", client=True), authority.sign("other", client=True)
    text = tmp_path / "text"
    text.write_text("hello")
    for tls, said in (
        (MqttTls(ca="/nowhere/ca.pem"), "ca: /nowhere/ca.pem cannot be read: No such file"),
        (MqttTls(ca=str(text)), f"ca: {text} holds no certificate"),
        (MqttTls(ca=str(tmp_path)), f"ca: {tmp_path} cannot be read: Is a directory"),
        (MqttTls(cert="/nowhere/c.pem"), "cert: /nowhere/c.pem cannot be read"),
        (MqttTls(cert=str(text), key=str(key)), f"cert: {text} is no certificate"),
        (MqttTls(cert=str(ours), key=str(text)), f"key: {text} is no private key"),
        (MqttTls(cert=str(ours)), f"key: {ours} is no private key"),
        (MqttTls(cert=str(ours), key=str(other_key)), f"key: {other_key} is the key of another certificate"),
    ):
        with pytest.raises(OSError) as refused:
            tls.context()
        assert said in str(refused.value)


def test_versions_before_1_2_are_not_spoken_and_the_name_is_checked(authority: Authority) -> None:
    context = MqttTls(ca=str(authority.certificate)).context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
