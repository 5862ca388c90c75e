from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources.web_stream import WebSource

from tests.rig.videos import scene, write_video

Answer = tuple[int, dict[str, str], bytes]
BASIC = "Basic ZXllOnMzY3JldA=="


@pytest.fixture
def site() -> Iterator[Callable[..., str]]:
    """Serves pages by path on loopback: `site({"/x": (200, {}, b"…")}, login=…)` is its address; `.asked` the paths."""
    servers: list[ThreadingHTTPServer] = []

    def start(pages: dict[str, Answer], login: str = "") -> str:
        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wrong = login and not self.headers.get("Authorization", "").startswith(login)
                status, headers, body = pages.get(self.path, (404, {}, b""))
                if wrong:
                    scheme = 'Digest realm="c", nonce="n1", qop="auth"' if login == "Digest" else 'Basic realm="c"'
                    status, headers, body = 401, {"WWW-Authenticate": scheme}, b""
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("http")
    jpeg = write_video(folder / "a.jpg", [scene(1)], 1, "mjpeg", "yuvj420p").read_bytes()
    block = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"
    ts = write_video(folder / "a.ts", [scene(n) for n in range(50)]).read_bytes()
    return {"mjpeg": block * 40, "ts": ts}


MJPEG = {"Content-Type": "multipart/x-mixed-replace; boundary=frame"}


def count(url: str) -> int:
    return sum(1 for _ in WebSource(url, SystemClock()).frames(None))


def failure(url: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        count(url)
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_mjpeg_and_transport_streams(site: Callable[..., str], parts: dict[str, bytes]) -> None:
    base = site({"/m": (200, MJPEG, parts["mjpeg"]), "/t": (200, {}, parts["ts"])})
    assert count(f"{base}/m") == 40
    assert count(f"{base}/t") == 50


@pytest.mark.parametrize("login", [BASIC, "Digest"])
def test_basic_and_digest_logins(site: Callable[..., str], parts: dict[str, bytes], login: str) -> None:
    base = site({"/m": (200, MJPEG, parts["mjpeg"])}, login)
    assert count(base.replace("//", "//eye:s3cret@") + "/m") == 40
    assert "refused" in str(failure(f"{base}/m"))


def test_a_playlist_is_read_with_its_parts(site: Callable[..., str], parts: dict[str, bytes]) -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\nt.ts\n#EXT-X-ENDLIST\n"
    base = site({"/l.m3u8": (200, {}, playlist), "/t.ts": (200, {}, parts["ts"])})
    assert count(f"{base}/l.m3u8") == 50


@pytest.mark.parametrize(
    "target", ["file:///etc/hostname", "exec:ls", "concat:a|b", "/etc/hostname", "subfile:,,:/etc/hostname"]
)
def test_a_playlist_cannot_reach_anything_but_http(site: Callable[..., str], target: str) -> None:
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{target}\n#EXT-X-ENDLIST\n".encode()
    base = site({"/l.m3u8": (200, {}, playlist)})
    failure(f"{base}/l.m3u8")


def test_a_redirect_within_the_allowed_is_followed(site: Callable[..., str], parts: dict[str, bytes]) -> None:
    base = site({"/m": (200, MJPEG, parts["mjpeg"]), "/old": (302, {"Location": "/m"}, b"")})
    assert count(f"{base}/old") == 40


def test_a_redirect_or_playlist_to_this_machine_is_refused(
    site: Callable[..., str], parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = site({"/m.ts": (200, {}, parts["ts"])})
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2.0,\n{inside}/m.ts\n#EXT-X-ENDLIST\n".encode()
    outside = site({"/r": (302, {"Location": f"{inside}/m.ts"}, b""), "/l.m3u8": (200, {}, playlist)})
    # The camera stands elsewhere as far as the rules are concerned, and is reached on loopback.
    monkeypatch.setattr("crime_detect_engine.sources.web_stream.resolve", lambda host, port: ["127.0.0.1"])
    known = {"cam.example": ["192.0.2.1"]}
    monkeypatch.setattr("crime_detect_engine.sources.address.resolve", lambda host, port: known.get(host, [host]))
    camera = outside.replace("127.0.0.1", "cam.example")
    assert "refused" in str(failure(f"{camera}/r"))
    assert "refused" in str(failure(f"{camera}/l.m3u8"))


def test_what_is_not_there_or_no_video(site: Callable[..., str]) -> None:
    base = site({"/text": (200, {}, b"hello " * 1000), "/loop": (302, {"Location": "/loop"}, b"")})
    assert "404" in str(failure(f"{base}/none"))
    assert "not a video stream" in str(failure(f"{base}/text"))
    assert "more than" in str(failure(f"{base}/loop"))
    assert "connection refused" in str(failure("http://127.0.0.1:1/x?token=s3cret"))


def test_the_path_of_a_disk_is_never_an_http_stream(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        WebSource("http:///etc/passwd", SystemClock())
