"""Owns what the tests of the sources share: small videos and the real RTSP server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.rig.rtsp import RtspServer
from tests.rig.videos import scene, write_video


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 25 fps, 160x96, H.264."""
    return write_video(tmp_path_factory.mktemp("videos") / "two_seconds.mp4", [scene(n) for n in range(50)])


@pytest.fixture(scope="session")
def other_size(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = [scene(n, 320, 192, seed=2) for n in range(50)]
    return write_video(tmp_path_factory.mktemp("videos") / "larger.mp4", pictures)


@pytest.fixture
def serve() -> Iterator[Callable[..., RtspServer]]:
    """Starts RTSP servers that are killed after the test."""
    if missing := RtspServer.missing():
        pytest.skip(missing)
    running: list[RtspServer] = []

    def start(streams: dict[str, list[Path]], **login: str) -> RtspServer:
        server = RtspServer(streams, **login)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.kill()
