from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.ports import Packet, StreamFormat
from crime_detect_engine.sources.rtsp import PushSource, RtspSource

from tests.rig.rtsp import RtspServer

Serve = Callable[..., RtspServer]


def source(url: str) -> RtspSource:
    return RtspSource(url, SystemClock())


def failure(url: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        next(source(url).frames(None))
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_frames_and_packets_come_until_interrupted(serve: Serve, video: Path) -> None:
    camera = source(serve({"yard": [video]}).url("yard"))
    packets: list[tuple[StreamFormat, Packet]] = []
    frames = []
    for frame in camera.frames(lambda form, packet: packets.append((form, packet))):
        frames.append(frame)
        if len(frames) == 60:
            camera.interrupt()
    assert len(frames) == 60
    assert [frame.cut for frame in frames] == [True] + [False] * 59
    spacing_s = [b.stream_s - a.stream_s for a, b in pairwise(frames[2:])]
    assert sum(spacing_s) / len(spacing_s) == pytest.approx(0.04, abs=0.004)
    assert packets[0][1].keyframe
    assert (packets[0][0].codec, packets[0][0].width) == ("h264", 160)
    assert (camera.corrupt, camera.dropped) == (0, 0)


def test_a_killed_server_ends_the_stream_without_an_exception_and_it_comes_back(serve: Serve, video: Path) -> None:
    server = serve({"yard": [video]})
    camera = source(server.url("yard"))
    frames = camera.frames(None)
    next(frames)
    server.kill()
    assert sum(1 for _ in frames) < 60
    assert "refused" in str(failure(server.url("yard")))
    server.start()
    assert next(camera.frames(None)).cut


def test_a_server_that_hangs_with_its_socket_open_is_an_error_in_time(serve: Serve, video: Path) -> None:
    server = serve({"yard": [video]})
    frames = source(server.url("yard")).frames(None)
    next(frames)
    server.stall()
    with pytest.raises(SourceError, match="no answer in time"):
        list(frames)


def test_interrupting_ends_a_hanging_read_at_once(serve: Serve, video: Path) -> None:
    server = serve({"yard": [video]})
    camera = source(server.url("yard"))
    frames = camera.frames(None)
    next(frames)
    server.stall()
    threading.Timer(0.2, camera.interrupt).start()
    assert sum(1 for _ in frames) < 60


def test_the_resolution_may_change_in_the_middle(serve: Serve, video: Path, other_size: Path) -> None:
    camera = source(serve({"yard": [video, other_size]}).url("yard"))
    widths = []
    for frame in camera.frames(None):
        widths.append(frame.width)
        assert frame.rgb(64, 64, "bilinear").shape == (64, 64, 3)
        if set(widths) == {160, 320}:
            camera.interrupt()
    assert set(widths) == {160, 320}


def test_a_login_is_used_and_a_wrong_one_is_told_without_it(serve: Serve, video: Path) -> None:
    server = serve({"yard": [video]}, user="eye", password="s3cret")
    assert next(source(server.url("yard", "eye:s3cret")).frames(None)).width == 160
    assert "user name or password refused" in str(failure(server.url("yard", "eye:s3cretly")))
    assert "user name or password refused" in str(failure(server.url("yard")))


def test_unknown_streams_hosts_and_ports(serve: Serve, video: Path) -> None:
    server = serve({"yard": [video]})
    assert "404" in str(failure(server.url("garden")))
    assert "cannot be resolved" in str(failure("rtsp://eye:s3cret@no-such-host.invalid/x"))
    assert not failure("rtsp://127.0.0.1:1/x").permanent


@contextmanager
def replying(replies: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives the n-th connection the n-th reply to whatever it asks."""
    asked: list[bytes] = []

    def answer() -> None:
        for reply in replies:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(reply)
                connection.settimeout(5)
                connection.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        yield listener.getsockname()[1], asked
        listener.shutdown(socket.SHUT_RDWR)


def moved(location: str, status: int = 302) -> bytes:
    return f"RTSP/1.0 {status} Moved\r\nCSeq: 1\r\nLocation: {location}\r\n\r\n".encode()


@pytest.mark.parametrize("status", [301, 302, 303, 305, 399])
def test_a_redirect_to_this_machine_is_refused_before_anything_is_connected(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    real = socket.getaddrinfo
    # The camera stands elsewhere as far as the rules are concerned, and is reached on loopback.
    monkeypatch.setattr("crime_detect_engine.sources.rtsp.resolve", lambda host, port: ["127.0.0.1"])
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: real("192.0.2.1" if host == "cam.example" else host, *rest, **more),
    )
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.5)
        target = f"rtsp://127.0.0.1:{inside.getsockname()[1]}/secret"
        with replying([moved(target, status)]) as (port, asked):
            error = failure(f"rtsp://eye:s3cret@cam.example:{port}/x")
        assert "refused" in str(error)
        assert len(asked) == 1
        with pytest.raises(TimeoutError):
            inside.accept()


def test_a_redirect_between_allowed_hosts_is_followed_and_credentials_stay_behind(serve: Serve, video: Path) -> None:
    target = serve({"yard": [video]}).url("yard").replace("127.0.0.1", "localhost")
    with replying([moved(target)]) as (port, asked):
        frame = next(source(f"rtsp://eye:s3cret@127.0.0.1:{port}/x").frames(None))
    assert frame.width == 160
    assert len(asked) == 1


@pytest.mark.parametrize("location", ["http://127.0.0.1/x", "file:///etc/passwd", "", "exec:ls"])
def test_a_redirect_to_anything_but_rtsp_is_refused(location: str) -> None:
    with replying([moved(location)]) as (port, _):
        failure(f"rtsp://127.0.0.1:{port}/x")


def test_redirects_in_a_circle_end() -> None:
    with replying([moved("/again")] * 9) as (port, asked):
        assert "more than 3 times" in str(failure(f"rtsp://127.0.0.1:{port}/x"))
    assert len(asked) == 4


def test_a_web_server_is_not_an_rtsp_server() -> None:
    with replying([b"RTSP/1.0 OK\r\n\r\n"]) as (port, _):
        assert "not an RTSP server" in str(failure(f"rtsp://127.0.0.1:{port}/x"))


@pytest.mark.parametrize("url", ["rtmp://127.0.0.1:1/live/x?token=s3cret", "rtmps://127.0.0.1:1/live/x"])
def test_rtmp_that_is_not_there(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        next(PushSource(url, SystemClock()).frames(None))
    assert "s3cret" not in str(caught.value)
    assert not caught.value.permanent
