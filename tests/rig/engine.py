"""Owns a real engine process for end-to-end tests: `crime-detect run` with a configuration, and what it says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.rig.certificates import Authority
from tests.rig.mosquitto import free_port

READY_S = 60.0


class EngineProcess:
    """Starts and ends its own process only. `folder` holds configuration, data and log."""

    def __init__(
        self, folder: Path, config: str | None = None, *arguments: str, authority: Authority | None = None
    ) -> None:
        """With `authority` it speaks TLS, by a certificate signed there."""
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.address = f"http{'s' if authority else ''}://127.0.0.1:{self.port}"
        self._trust = authority and authority.trusting()
        self._arguments = list(arguments)
        folder.mkdir(parents=True, exist_ok=True)
        if authority is not None:
            certificate, key = authority.sign("engine")
            config = f"{config or ''}\ntls: {{certificate: {certificate}, key: {key}}}\n"
        if config is not None:
            file = folder / "crime_detect.yaml"
            file.write_text(config)
            self._arguments += ["--config", str(file)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when the page answers."""
        command = [sys.executable, "-m", "crime_detect_engine.cli", "run", "--data", str(self.data)]
        command += ["--port", str(self.port), *self._arguments]
        environment = {**os.environ, "TZ": "Europe/Amsterdam", "OPENBLAS_NUM_THREADS": "1"}
        with (self.folder / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_until(lambda: self._answers(), READY_S, lambda: f"the engine did not start:\n{self.log()}")

    def _answers(self) -> bool:
        import urllib.error
        import urllib.request

        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"the engine ended with {self._process and self._process.returncode}:\n{self.log()}")
        try:
            urllib.request.urlopen(f"{self.address}/health", timeout=2, context=self._trust).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def log(self) -> str:
        return (self.folder / "engine.log").read_text(errors="replace")[-6000:]

    @property
    def token(self) -> str:
        return (self.data / "admin-token").read_text().strip()

    def make_token(self, role: str) -> str:
        """By the command line, as a person does."""
        command = [sys.executable, "-m", "crime_detect_engine.cli", "token", "create", "--role", role]
        made = subprocess.run(
            [*command, "--data", str(self.data)], capture_output=True, text=True, timeout=60, check=True
        )
        return made.stdout.split()[-1]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As a power cut."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(60)

    @contextlib.contextmanager
    def halted(self) -> Iterator[None]:
        """It does nothing at all for as long, as on a machine that sleeps."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def terminate(self) -> tuple[int, float]:
        """SIGTERM; exit code and seconds it took."""
        assert self._process is not None
        began_s = time.monotonic()
        self._process.terminate()
        code = self._process.wait(30)
        return code, time.monotonic() - began_s

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(60)

    def get(self, path: str) -> Any:
        """JSON of an API path, `/cameras` for `/api/v1/cameras`."""
        return asyncio.run(self._get(path))

    def session(self, headers: dict[str, str] | None = None) -> aiohttp.ClientSession:
        """A client of its own, in the running loop."""
        connector = aiohttp.TCPConnector(ssl=self._trust or True)
        return aiohttp.ClientSession(headers=headers or self.headers, connector=connector)

    async def _get(self, path: str) -> Any:
        async with (
            self.session() as session,
            session.get(f"{self.address}/api/v1{path}") as answer,
        ):
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.json()

    def download(self, address: str, headers: dict[str, str] | None = None) -> tuple[int, str, bytes]:
        """Status, content type and body of an address as incidents name it (`/api/v1/…`)."""

        async def run() -> tuple[int, str, bytes]:
            async with (
                self.session(headers) as session,
                session.get(f"{self.address}{address}") as answer,
            ):
                return answer.status, answer.content_type, await answer.read()

        return asyncio.run(run())

    def state(self, camera: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/cameras/{camera}")
        return found.get("state", found)


class EventListener:
    """A client of the event feed in a thread of its own; keeps every message."""

    def __init__(self, engine: EngineProcess, query: str = "") -> None:
        import threading

        self.messages: list[dict[str, Any]] = []
        self._engine = engine
        self._query = query
        self._loop = asyncio.new_event_loop()
        self._connected = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._connected.wait(60), "the event feed did not open"

    def incidents(self) -> list[dict[str, Any]]:
        """`data` of the incident messages in order."""
        return [message["data"] for message in list(self.messages) if message["kind"] == "incident"]

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._listen())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        async with (
            self._engine.session() as session,
            session.ws_connect(f"{self._engine.address}/api/v1/events{self._query}") as socket,
        ):
            self._connected.set()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.messages.append(json.loads(message.data))


def wait_until(condition: Callable[[], Any], timeout_s: float, otherwise: Callable[[], str] | str) -> Any:
    """The first true answer of `condition`, asked ten times a second."""
    end_s = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end_s:
            raise AssertionError(otherwise if isinstance(otherwise, str) else otherwise())
        time.sleep(0.1)
