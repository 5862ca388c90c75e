"""Owns the test of the app's image: the real Dockerfile, built on the Debian that Home Assistant's base is, and started
by the service's own line. Only s6-overlay is missing there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.rig.engine import wait_until
from tests.rig.mosquitto import free_port
from tests.rig.supervisor import FakeSupervisor
from tests.rig.videos import scene, write_video

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "scripts" / "build-image"
RUN = ROOT / "addon/rootfs/etc/s6-overlay/s6-rc.d/crime-detect/run"
NOT_HERE = 77
LIMIT_BYTES = 1_200_000_000
pytestmark = [
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.platform != "linux", reason="images are built on Linux only"),
]


def buildah(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BUILD, "buildah", *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
    )


class Container:
    """A container of the image with /data and /config, on this machine's network."""

    def __init__(self, folder: Path) -> None:
        made = buildah("from", "--pull-never", "localhost/crime-detect")
        assert made.returncode == 0, made.stderr
        self.name = made.stdout.split()[-1]
        self.data, self.config = folder / "data", folder / "config"
        self.log = folder / "log"
        for one in (self.data, self.config):
            one.mkdir()
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def _run(self, *command: str, environment: dict[str, str] | None = None) -> list[str]:
        told = [word for key, value in (environment or {}).items() for word in ("--env", f"{key}={value}")]
        volumes = ["--volume", f"{self.data}:/data", "--volume", f"{self.config}:/config"]
        arguments = ["run", "--isolation", "chroot", "--network", "host", *volumes, *told, self.name, "--"]
        return [str(BUILD), "buildah", *arguments, *command]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._run(*command), capture_output=True, text=True, timeout=120, check=False)

    def start(self, environment: dict[str, str]) -> None:
        """By the service's line; only the port is a free one."""
        line = RUN.read_text().splitlines()[-1]
        command = f"echo $$ >/data/pid; {line} --port {self.port}"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._run("sh", "-c", command, environment=environment), stdout=log, stderr=log
            )
        began_s = time.monotonic()
        wait_until(self._answers, 60, lambda: f"no answer:\n{self.log.read_text()}")
        self.started_s = time.monotonic() - began_s

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            return self.get("/health")[0] == 200
        except aiohttp.ClientError:
            return False

    def get(self, path: str, token: str = "") -> tuple[int, str]:
        async def ask() -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
            ):
                return answer.status, await answer.text()

        return asyncio.run(ask())

    def stop(self) -> int:
        """SIGTERM to the engine, as s6 sends it; its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(int((self.data / "pid").read_text()), signal.SIGTERM)
        return self._process.wait(30)

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
        buildah("rm", self.name)


@pytest.fixture(scope="module")
def image() -> str:
    """What the build said: the report of sizes."""
    began_s = time.monotonic()
    done = subprocess.run([BUILD, "--keep-report"], capture_output=True, text=True, timeout=1100, check=False)
    if done.returncode == NOT_HERE:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    print(f"\nbuilt in {time.monotonic() - began_s:.0f} s\n{done.stdout}")
    return done.stdout


@pytest.fixture(scope="module")
def container(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    made = Container(tmp_path_factory.mktemp("image"))
    yield made
    made.close()


def total_mb(report: str) -> int:
    found = re.search(r"\*\*together\*\*.*\*\*(\d+)\*\*", report)
    assert found, report
    return int(found[1])


def test_it_is_small_and_the_report_in_the_documentation_is_of_it(image: str) -> None:
    assert total_mb(image) * 1e6 <= LIMIT_BYTES
    written = total_mb((ROOT / "docs" / "image-size.md").read_text())
    assert abs(total_mb(image) - written) <= 0.1 * written, "run ./scripts/build-image, which writes docs/image-size.md"


def test_its_configuration_is_what_docker_and_the_supervisor_read(image: str) -> None:
    told = json.loads(buildah("inspect", "--type", "image", "localhost/crime-detect").stdout)["Docker"]["config"]
    assert told["Labels"]["io.hass.type"] == "app"
    assert told["Labels"]["io.hass.arch"] == "amd64"
    assert re.fullmatch(r"\d+\.\d+\.\d+", told["Labels"]["io.hass.version"])
    assert "CRIME_DETECT_CONTAINER=1" in told["Env"]
    assert told["Healthcheck"]["Test"][0] == "CMD"
    assert "8099/tcp" in told["ExposedPorts"]
    for entry in told["Env"]:
        assert not entry.startswith("PIP_"), "nothing of the machine that built it"


def test_torch_is_not_in_it_and_nothing_of_the_build_is(container: Container) -> None:
    assert container.run("python3", "-c", "import torch").returncode != 0
    assert container.run("python3", "-c", "import openvino, cv2, av").returncode == 0
    looked = container.run("sh", "-c", "command -v pip gcc; ls -d /src; cat /etc/pip.conf /run/build-ca.crt")
    assert looked.stdout == ""


def test_the_doctor_is_content_with_it(container: Container) -> None:
    done = container.run("crime-detect", "doctor", "--json")
    findings = json.loads(done.stdout)["findings"]
    assert done.returncode == 0, findings
    assert {one["status"] for one in findings} <= {"ok", "absent"}, findings
    absent = {one["what"] for one in findings if one["status"] == "absent"}
    assert absent <= {"torch", "configuration", "broker", "storage", "detector", "blurring"}
    (inference,) = (one for one in findings if one["what"] == "inference")
    assert inference["detail"].rpartition(" on ")[2] in ("cpu in fp32", "cpu in bf16", "cpu in int8")


def test_a_film_is_read_judged_and_drawn_in_it(container: Container) -> None:
    """Nothing that the build takes out of libraries is missed."""
    write_video(container.data / "scene.mp4", [scene(n, 320, 192, noise=4) for n in range(75)])
    done = container.run("crime-detect", "analyze", "/data/scene.mp4", "--json", "--overlay", "/data/drawn.mp4")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert sum(told["probabilities"].values()) == pytest.approx(1, abs=0.01)
    assert len(told["windows"]) > 1
    assert (container.data / "drawn.mp4").stat().st_size > 1000
    (container.data / "scene.mp4").unlink()


def test_people_and_an_encrypted_database_are_kept_in_it(container: Container) -> None:
    """SQLCipher's library is stripped, and argon2 comes as a library of its own."""
    (container.data / "c.yaml").write_text("privacy: {encrypt_media: true, encrypt_database: true}")
    (container.data / "password").write_text("a horse of another colour")
    where = ("--config", "/data/c.yaml", "--data", "/data/kept")
    added = container.run(
        "crime-detect", "user", "add", "anna", "--role", "viewer", "--password-file", "/data/password", *where
    )
    assert added.returncode == 0, added.stderr
    assert "anna" in container.run("crime-detect", "user", "list", *where).stdout
    assert not (container.data / "kept" / "crime_detect.db").read_bytes().startswith(b"SQLite format 3")
    shutil.rmtree(container.data / "kept")
    (container.data / "c.yaml").unlink()


def test_it_starts_answers_tells_home_assistant_and_stops(container: Container) -> None:
    asyncio.run(_as_an_app(container))


async def _as_an_app(container: Container) -> None:
    (container.data / "options.json").write_text('{"log_level": "info"}')
    async with FakeSupervisor() as home:
        environment = {"SUPERVISOR_TOKEN": home.token, "SUPERVISOR_API": home.url, "TZ": "Europe/Amsterdam"}
        await asyncio.to_thread(container.start, environment)
        assert "explains itself" in container.log.read_text()
        assert (container.config / "crime_detect.yaml").stat().st_mode & 0o777 == 0o600
        while not home.announced:  # noqa: ASYNC110 - bounded by the test's own limit
            await asyncio.sleep(0.1)
        (told,) = home.announced
        assert told["port"] == container.port

        def ask(*arguments: Any) -> Any:
            return asyncio.to_thread(container.get, *arguments)

        status, info = await ask("/api/v1/info", told["token"])
        assert status == 200
        assert json.loads(info)["uuid"] == told["uuid"]
        status, page = await ask("/login")
        assert (status, "crime_detect" in page) == (200, True)
        health = await asyncio.to_thread(container.run, *_health_check(container.port))
        assert health.returncode == 0, health.stderr
    assert await asyncio.to_thread(container.stop) == 0, container.log.read_text()
    print(f"it answered {container.started_s:.1f} s after its start")
    dead = await asyncio.to_thread(container.run, *_health_check(container.port))
    assert dead.returncode != 0


def _health_check(port: int) -> list[str]:
    """The image's own, on the port of this test."""
    told = json.loads(buildah("inspect", "--type", "image", "localhost/crime-detect").stdout)["Docker"]["config"]
    return [word.replace("8099", str(port)) for word in told["Healthcheck"]["Test"][1:]]


def test_a_detector_runs_in_it(container: Container, clips: Path) -> None:
    """The image leaves out what OpenVINO does not need; the weights of detectors are ONNX."""
    folder = container.data / "models" / "detectors"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("nanodet_m", "yolox_nano"):
        shutil.copy(clips / "detectors" / f"{name}.onnx", folder)
        look = (
            "import numpy; from pathlib import Path; from crime_detect_engine.vision.detectors import load_detector; "
            f"found = load_detector('{name}', 'cpu', [Path('/data/models/detectors')]); "
            "print(len(found.detect([numpy.zeros((216, 384, 3), numpy.uint8)])))"
        )
        done = container.run("python3", "-c", look)
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.strip() == "1"
