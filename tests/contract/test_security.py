"""Secrets of cameras stay in the configuration, and no address makes anything but a stream of it."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import av
import pytest
from aiohttp import ClientSession, WSMsgType
from crime_detect_engine.analysis import analyze_file
from crime_detect_engine.app import Service
from crime_detect_engine.config import ConfigEditor, InvalidConfig, from_arguments, load_config, parse_config
from crime_detect_engine.doctor import examine
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import CrimeDetectError, SourceError
from crime_detect_engine.sources import build_source
from crime_detect_engine.vision.classifier import load_classifier

from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener, free_port

SECRET = "hemmelig"
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


# --- credentials of cameras ---------------------------------------------------------------------------------------


async def answer_with(reply: bytes) -> asyncio.Server:
    """A server that says `reply`, whatever it is asked; `{SEQ}` becomes the request's number."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.read(4096):
                number = next((line for line in request.split(b"\r\n") if line.lower().startswith(b"cseq")), b"CSeq: 1")
                writer.write(reply.replace(b"{SEQ}", number))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


REPLIES = {
    "unauthorized": b'RTSP/1.0 401 Unauthorized\r\n{SEQ}\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n',
    "redirecting": b"RTSP/1.0 302 Found\r\n{SEQ}\r\nLocation: rtsp://u:hemmelig-9@169.254.169.254/hemmelig\r\n\r\n",
    "missing": b"RTSP/1.0 404 Not Found\r\n{SEQ}\r\n\r\n",
    "nonsense": b"hello, rtsp://u:hemmelig-8@h/\r\n\r\n",
}


@pytest.fixture
async def addresses() -> AsyncIterator[dict[str, str]]:
    """Cameras that fail in every way that a password can meet, by name."""
    servers = {name: await answer_with(reply) for name, reply in REPLIES.items()}
    ports = {name: server.sockets[0].getsockname()[1] for name, server in servers.items()}
    found = {name: f"rtsp://admin:hemmelig-1@127.0.0.1:{port}/s?token=hemmelig-2" for name, port in ports.items()}
    found["refused"] = f"rtsp://admin:hemmelig%403@127.0.0.1:{free_port()}/sub"
    found["unknown"] = "rtsp://admin:hemmelig-4@no-such-host.invalid/sub"
    found["web"] = f"http://admin:hemmelig-5@127.0.0.1:{ports['missing']}/video?pwd=hemmelig-6"
    found["pushed"] = f"rtmp://admin:hemmelig-7@127.0.0.1:{free_port()}/live?key=hemmelig-7"
    yield found
    for server in servers.values():
        server.close()


async def read_everything(port: int, token: str) -> dict[str, str]:
    """Every text that the engine gives away over HTTP and WebSocket."""
    paths = ["/health", "/metrics", "/", "/incidents", "/api/v1/info", "/api/v1/cameras", "/api/v1/openapi.json"]
    paths += ["/api/v1/cameras/refused", "/api/v1/cameras/refused/live.jpg", "/api/v1/incidents"]
    paths += ["/api/v1/cameras/refused/objects", "/cameras/refused/zones", "/cameras/refused/masks"]
    said: dict[str, str] = {}
    headers = {"Authorization": f"Bearer {token}"}
    async with ClientSession(f"http://127.0.0.1:{port}", headers=headers) as client:
        for path in paths:
            async with client.get(path) as response:
                said[path] = await response.text()
        async with client.ws_connect("/api/v1/events") as socket:
            message = await socket.receive(timeout=60)
            assert message.type is WSMsgType.TEXT
            said["/api/v1/events"] = message.data
    return said


async def test_passwords_of_failing_cameras_are_told_nowhere(
    addresses: dict[str, str],
    broker: Mosquitto,
    listener: MqttListener,
    tmp_path: Path,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    login = f"username: {USERNAME}, password: {PASSWORD}"
    cameras = "".join(f"  {name}: {{source: {json.dumps(address)}}}\n" for name, address in addresses.items())
    text = f"instance: home\ncameras:\n{cameras}mqtt: {{host: 127.0.0.1, port: {broker.port}, {login}}}\n"
    config = parse_config(text, tmp_path / "crime_detect.yaml", {})
    service = Service(config, tmp_path / "data", None, SystemClock())
    server = await service.start("127.0.0.1", 0)
    try:
        lines = service._pipeline.lines
        await eventually(lambda: all(line.capture.status().last_error for line in lines.values()))
        await eventually(lambda: len(listener.heard) > len(addresses))
        assert service.admin_token is not None
        said = await read_everything(server.port, service.admin_token.read_text().strip())
        said["errors"] = " ".join(str(line.capture.status().last_error) for line in lines.values())
        said["repr"] = f"{config!r} {[line.capture.status() for line in lines.values()]!r}"
    finally:
        await service.stop()
    said["log"] = caplog.text
    said["console"] = "".join(capfd.readouterr())
    said["mqtt"] = " ".join(f"{message.topic} {message.payload!r}" for message in listener.heard)
    assert all(name in said["mqtt"] for name in addresses)
    assert all(name in said["/api/v1/cameras"] for name in addresses)
    leaks = {where: text[max(0, text.find(SECRET) - 80) :][:200] for where, text in said.items() if SECRET in text}
    assert not leaks
    assert PASSWORD not in " ".join(said.values()).replace(login, "")


WRONG = (
    "rtsp://admin:hemm/elig@10.0.0.5/s", "rtsp://admin:hemm?elig@10.0.0.5/s", "rtsp://admin:hemm#elig@10.0.0.5/s",
    "rtsp://admin:hemm[elig@10.0.0.5/s", "rtsp://admin:hemm℀elig@10.0.0.5/s", "rtsp://admin:hemmelig@10.0.0.5:99999/s",
    "rtsp://admin:hemm|elig@10.0.0.5/s", "http://admin:hemm/elig@10.0.0.5/s", "rtmp://admin:hemm/elig@10.0.0.5/s",
)  # fmt: skip


@pytest.mark.parametrize("address", WRONG)
async def test_an_address_that_cannot_be_read_is_refused_without_its_password(address: str, tmp_path: Path) -> None:
    """Python's own error about it quotes what it takes for a port: the password up to its first odd sign."""
    with pytest.raises(SourceError) as refused:
        source = build_source(address)
        next(source.frames(None))
    assert not [part for part in ("hemm", "elig", "admin") if part in str(refused.value)]
    error = refused.value
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__, "a traceback must not show it either"


@pytest.mark.parametrize("address", WRONG)
def test_the_doctor_tells_no_password(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crime_detect_engine.doctor.CONNECT_S", 0.01)
    file = tmp_path / "crime_detect.yaml"
    login = "username: eye, password: hemmelig"
    file.write_text(
        f"cameras: {{yard: {{source: {json.dumps(address)}}}}}\n"
        f"mqtt: {{host: 127.0.0.1, port: {free_port()}, {login}}}\n"
        f"frigate: {{url: 'http://127.0.0.1:{free_port()}', {login}}}\n"
    )
    findings = list(examine(tmp_path / "data", file))
    assert [one for one in findings if one.status == "bad"]
    text = " ".join(f"{one.what} {one.detail} {one.advice}" for one in findings)
    assert not [part for part in ("hemm", "elig") if part in text]


def test_shown_settings_and_their_errors_hold_no_password(tmp_path: Path) -> None:
    file = tmp_path / "crime_detect.yaml"
    sources = [f"  c{number}: {{source: {json.dumps(address)}}}" for number, address in enumerate(WRONG[:4])]
    file.write_text("cameras:\n" + "\n".join(sources) + "\nfrigate: {url: http://f, username: a, password: hemmelig}\n")
    shown = json.dumps(ConfigEditor(file, {}).settings())
    assert not [part for part in ("hemm", "elig") if part in shown]
    file.write_text(file.read_text() + "colour: red\n")
    with pytest.raises(InvalidConfig) as refused:
        load_config(file, {})
    assert not [part for part in ("hemm", "elig") if part in str(refused.value)]


# --- addresses that do more than stream ----------------------------------------------------------------------------

PROTOCOLS = (
    "exec:id", "exec://id", "file:/etc/passwd", "file:///etc/passwd", "concat:/etc/passwd|/etc/hostname", "pipe:0",
    "pipe:", "subfile:,,start,0,end,9,,:/etc/passwd", "data:video/mp4;base64,AA", "tee:a|b", "cache:rtsp://h/s",
    "async:rtsp://h/s", "crypto:/etc/passwd", "unix:/run/x", "tcp://h:22", "udp://h:1", "gopher://h/", "ftp://h/x",
    "EXEC:id", "rtsp+exec://h/s", "javascript:1",
)  # fmt: skip
NESTED = (
    "rtsp://h/s|exec:id", "rtsp://h/s\nexec:id", "http://h/s|concat:/etc/passwd", "rtmp://h/live playpath=exec:id",
    "rtsp:exec:id", "http:file:///etc/passwd", "srt:pipe:0",
)  # fmt: skip


@pytest.mark.parametrize("address", [*PROTOCOLS, *NESTED])
def test_a_camera_is_never_a_command_or_a_file_protocol(address: str, tmp_path: Path) -> None:
    with pytest.raises(CrimeDetectError):
        parse_config(f"cameras: {{yard: {{source: {json.dumps(address)}}}}}\n", tmp_path / "c.yaml", {})
    with pytest.raises(CrimeDetectError):
        from_arguments({"yard": address}, environment={})
    with pytest.raises(SourceError):
        build_source(address)


@pytest.mark.parametrize("outer", ["loop:{}", "frigate:{}", "webcam:{}", "synthetic:{}"])
@pytest.mark.parametrize(
    "inner", ["exec:touch {}", "concat:{}|{}", "file:{}", "pipe:0", "subfile:,,start,0,end,0,,:{}"]
)
def test_an_address_within_an_address_is_not_one(
    outer: str, inner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the name of a file, a camera or a scene, and there is none of that name; the file meant is not read."""
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "target"
    address = outer.format(inner.replace("{}", str(target)))
    with pytest.raises(SourceError):
        next(build_source(address).frames(None))
    assert not target.exists()


@pytest.mark.parametrize("address", [*PROTOCOLS, "//h/x", "h"])
@pytest.mark.parametrize(
    "section",
    [
        "frigate: {{url: {}}}",
        "alerts: {{webhook: [{{url: {}, name: w}}]}}",
        "url: {}",
        'alerts: {{sms: {{account_sid: a, auth_token: b, from: "+15005550006", to: ["+31612345678"], api_base: {}}}}}',
    ],
)
def test_other_addresses_are_http_only(address: str, section: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig):
        parse_config(section.format(json.dumps(address)) + "\n", tmp_path / "c.yaml", {})


@pytest.mark.parametrize("address", ["concat:a.mp4|b.mp4", "pipe:0", "file:a.mp4", "exec:id", "subfile:,,:a.mp4"])
def test_a_file_to_analyse_is_only_a_file(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    from crime_detect_engine.cli import main

    assert main(["analyze", "--json", address]) == 3
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert answer["error"] == "no such file"


# --- files that unpack to more than they are ----------------------------------------------------------------------


def png_bomb(side: int) -> bytes:
    """A white square; black and white rows pack to nearly nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed, row = zlib.compressobj(9), b"\0" * (1 + 3 * side)
    rows = b"".join(packed.compress(row) for _ in range(side)) + packed.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_picture_bomb_is_refused_before_it_unfolds(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_bomb(12_000))
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="64 megapixels"):
        next(build_source(str(bomb)).frames(None))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 100_000
    bomb.write_bytes(png_bomb(200))
    assert next(build_source(str(bomb)).frames(None)).width == 200


def test_a_video_that_never_ends_is_given_up_when_it_is_too_long(tmp_path: Path) -> None:
    video = tmp_path / "long.mp4"
    with av.open(str(video), "w") as output:
        stream = output.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        stream.width = stream.height = 64
        for _ in range(100):
            output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    classifier, _ = load_classifier("default", "cpu")
    with pytest.raises(SourceError, match="longer than 1 minutes"):
        analyze_file(video, classifier, longest_s=60)
    assert analyze_file(video, classifier, longest_s=200)["duration_s"] == 100
