"""Owns a real MQTT broker for tests: mosquitto on a free port with or without password and TLS, and a listener."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

USERNAME, PASSWORD = "engine", "correct horse"
_READY_S = 60.0
_BINARY = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def mosquitto_missing() -> str | None:
    """Why there is no broker to test with, or None."""
    return None if _BINARY else "mosquitto is not installed (apt install mosquitto)"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(folder: Path, *, expired: bool = False, host: str = "localhost") -> tuple[Path, Path]:
    """A self-signed certificate for `host` and 127.0.0.1, which is its own authority: (certificate, key)."""
    certificate, key, request = folder / "broker.crt", folder / "broker.key", folder / "broker.csr"
    extensions, settings, index = folder / "broker.ext", folder / "ca.conf", folder / "index.txt"
    extensions.write_text(f"subjectAltName=DNS:{host},IP:127.0.0.1\nbasicConstraints=CA:TRUE\n")
    settings.write_text(
        f"[ca]\ndefault_ca=a\n[a]\ndatabase={index}\nnew_certs_dir={folder}\nserial={folder}/serial\n"
        "default_md=sha256\nrand_serial=yes\npolicy=p\n[p]\ncommonName=supplied\n"
    )
    index.write_text("")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    _run("openssl", "req", "-new", *new_key, "-subj", f"/CN={host}", "-out", str(request))
    dates = ("20200101000000Z", "20200102000000Z") if expired else ("20200101000000Z", "20491231000000Z")
    _run(
        "openssl", "ca", "-batch", "-notext", "-selfsign", "-config", str(settings), "-keyfile", str(key),
        "-startdate", dates[0], "-enddate", dates[1], "-extfile", str(extensions),
        "-in", str(request), "-out", str(certificate),
    )  # fmt: skip
    return certificate, key


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)


class Mosquitto:
    """`with Mosquitto(tmp_path) as broker:`. One port over all restarts; retained data survives `stop`, not `kill`."""

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        password: bool = False,
        tls: tuple[Path, Path] | None = None,
        clients_of: Path | None = None,
        extra: str = "",
    ) -> None:
        """`clients_of`: only clients with a certificate of this authority come in. `extra`: further lines of
        mosquitto's configuration. Makes its files in `folder`."""
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} {self.host}", "user root", "persistence true",
            f"persistence_location {folder}/",
            f"allow_anonymous {str(not password).lower()}",
        ]  # fmt: skip
        if password:
            passwords = folder / "passwords"
            passwords.touch(mode=0o600)
            _run("mosquitto_passwd", "-b", str(passwords), USERNAME, PASSWORD)
            lines.append(f"password_file {passwords}")
        if tls:
            lines += [f"certfile {tls[0]}", f"keyfile {tls[1]}", f"cafile {clients_of or tls[0]}"]
        if clients_of:
            lines.append("require_certificate true")
        self._config = folder / "mosquitto.conf"
        self._config.write_text("\n".join([*lines, extra, ""]))

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Returns when it accepts connections."""
        assert _BINARY, mosquitto_missing()
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen([_BINARY, "-c", str(self._config), "-v"], stdout=log, stderr=log)
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"mosquitto did not start: {(self.folder / 'mosquitto.log').read_text()[-2000:]}")

    def stop(self) -> None:
        """SIGTERM, as a service manager does."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def kill(self) -> None:
        """As a power cut: sessions and connections are gone without a word."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Mosquitto:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Heard(NamedTuple):
    topic: str
    payload: bytes
    retain: bool
    qos: int
    """As published, since the listener asks for 1 and nobody publishes 2."""


class MqttListener:
    """Another program on the broker: hears everything below `filter`, over restarts of the broker, and may publish."""

    def __init__(self, broker: Mosquitto, topics: str = "#", credentials: tuple[str, str] | None = None) -> None:
        self.heard: list[Heard] = []
        self._changed = threading.Condition()
        self._listening = 0
        client = Client(CallbackAPIVersion.VERSION2)
        if credentials is not None:
            client.username_pw_set(*credentials)
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda *_: client.subscribe(topics, qos=1)
        client.on_subscribe = lambda *_: self._note_subscription()
        client.on_message = lambda _client, _data, message: self._note(message)
        client.connect(broker.host, broker.port)
        client.loop_start()
        self.client = client
        with self._changed:
            assert self._changed.wait_for(lambda: self._listening > 0, 60)

    @property
    def listening(self) -> int:
        """How often it has subscribed: grows when it is back after a restart of the broker."""
        return self._listening

    def wait_for(self, wanted: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Blocks until `wanted()`, looked at after every message; run it in a thread beside an event loop."""
        with self._changed:
            assert self._changed.wait_for(wanted, timeout_s), f"heard only {self.heard[-20:]}"

    def payloads(self, topic: str) -> list[bytes]:
        return [message.payload for message in self.heard if message.topic == topic]

    def publish(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Returns when the broker has it."""
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(60)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _note(self, message: MQTTMessage) -> None:
        with self._changed:
            self.heard.append(Heard(message.topic, bytes(message.payload), bool(message.retain), message.qos))
            self._changed.notify_all()

    def _note_subscription(self) -> None:
        with self._changed:
            self._listening += 1
            self._changed.notify_all()
