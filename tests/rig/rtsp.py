"""Owns starting, stalling and killing the RTSP test server from tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("rtsp_server.py")


class RtspServer:
    """`with RtspServer({"yard": [Path("a.mp4")]}) as server: server.url("yard")`. Only its own process is touched."""

    def __init__(self, streams: Mapping[str, Sequence[Path]], *, user: str = "", password: str = "") -> None:
        self._arguments = [f"{name}={','.join(map(str, paths))}" for name, paths in streams.items()]
        if user:
            self._arguments = ["--user", user, "--password", password, *self._arguments]
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @staticmethod
    def missing() -> str | None:
        """Why the server cannot run on this machine, for `pytest.skip`."""
        check = "import gi; gi.require_version('GstRtspServer', '1.0')"
        if not Path(PYTHON).exists() or (not shutil.which("gst-inspect-1.0") and not _succeeds([PYTHON, "-c", check])):
            return "the RTSP test server needs gir1.2-gst-rtsp-server-1.0 and python3-gi"
        return None if _succeeds([PYTHON, "-c", check]) else "the RTSP test server needs gir1.2-gst-rtsp-server-1.0"

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, timeout_s: float = 60.0) -> None:
        """Listens when this returns; a second start takes the port of the first."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("VIRTUAL_ENV", "PYTHON"))}
        self._process = subprocess.Popen(
            [PYTHON, str(SCRIPT), "--port", str(self.port), *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            self._process.kill()
            raise RuntimeError(f"the RTSP server did not start: {self._process.communicate(timeout=timeout_s)[1]}")
        self.port = int(line)

    def url(self, name: str, login: str = "") -> str:
        return f"rtsp://{login + '@' if login else ''}127.0.0.1:{self.port}/{name}"

    def kill(self) -> None:
        """Dies at once: its sockets are reset or closed by the kernel."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.communicate()
            self._process = None

    def stall(self) -> None:
        """Stops sending with all sockets open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)


def wait_for(condition: object, timeout_s: float = 60.0, what: str = "the condition") -> None:
    """Polls a callable until it is true."""
    assert callable(condition)
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {timeout_s} s")
        time.sleep(0.02)


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0
