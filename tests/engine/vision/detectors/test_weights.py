"""Owns the proof that weights are used only with the right digest, and fetched once, over https, whole or not."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.vision.detectors import weights
from crime_detect_engine.vision.detectors.weights import DetectorWeights, find_weights, stored_weights

from tests.rig.mosquitto import make_certificate

CONTENT = bytes(range(256)) * 1000
Known = Callable[..., None]
FILE = DetectorWeights("net.onnx", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "MIT", ())


class _Site(BaseHTTPRequestHandler):
    asked: list[str]
    plain: str

    def do_GET(self) -> None:
        self.asked.append(self.path)
        whole = {"/net": CONTENT, "/altered": CONTENT[:-1] + b"?", "/cut": CONTENT, "/endless": CONTENT + CONTENT}
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", f"{self.plain}/net" if self.path == "/to/plain" else "/net")
            self.end_headers()
        elif self.path in whole:
            body = whole[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)
        else:
            self.send_error(404)

    def log_message(self, *arguments: object) -> None: ...


class Sites:
    """A server with TLS and one without, with the same pages."""

    def __init__(self, folder: Path) -> None:
        certificate, key = make_certificate(folder)
        self.certificate = certificate
        self.asked: list[str] = []
        self._plain = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
        self.plain = f"http://127.0.0.1:{self._plain.server_port}"
        handler = type("Handler", (_Site,), {"asked": self.asked, "plain": self.plain})
        self._plain.RequestHandlerClass = handler
        self._tls = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._tls.socket = context.wrap_socket(self._tls.socket, server_side=True)
        self.url = f"https://localhost:{self._tls.server_port}"
        for server in (self._plain, self._tls):
            Thread(target=server.serve_forever, daemon=True).start()

    def close(self) -> None:
        for server in (self._plain, self._tls):
            server.shutdown()
            server.server_close()


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sites]:
    """Trusted as any site on the internet is."""
    folder = tmp_path / "site"
    folder.mkdir()
    sites = Sites(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(sites.certificate))
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    yield sites
    sites.close()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Known:
    """`known(address, …)`: the detector `net` is fetched from there."""

    def set_addresses(*addresses: str) -> None:
        monkeypatch.setattr(weights, "WEIGHTS", {"net": replace(FILE, addresses=addresses)})

    set_addresses()
    return set_addresses


def test_the_real_files_have_the_digests_that_are_asked_for(detectors: Path) -> None:
    for name, wanted in weights.WEIGHTS.items():
        path = stored_weights(name, [detectors])
        assert path == detectors / wanted.file
        assert path.stat().st_size == wanted.size_bytes


def test_every_address_is_https() -> None:
    assert all(one.startswith("https://") for wanted in weights.WEIGHTS.values() for one in wanted.addresses)


def test_the_first_folder_that_has_it_wins_and_nothing_is_fetched(tmp_path: Path, known: Known, sites: Sites) -> None:
    known(f"{sites.url}/net")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.onnx").write_bytes(CONTENT)
    folders = [tmp_path / "absent", tmp_path / "a", tmp_path / "b"]
    assert find_weights("net", folders) == tmp_path / "a" / "net.onnx"
    assert sites.asked == []


def test_an_altered_file_is_refused_and_not_replaced_in_silence(tmp_path: Path, known: Known, sites: Sites) -> None:
    known(f"{sites.url}/net")
    (tmp_path / "net.onnx").write_bytes(b"altered")
    with pytest.raises(CheckpointError, match=r"net\.onnx was altered or cut off: .*remove it"):
        find_weights("net", [tmp_path])
    assert (tmp_path / "net.onnx").read_bytes() == b"altered"
    assert sites.asked == []


@pytest.mark.parametrize("page", ["net", "to/net"])
def test_it_is_fetched_once_into_the_last_folder(tmp_path: Path, known: Known, sites: Sites, page: str) -> None:
    known(f"{sites.url}/{page}")
    folders = [tmp_path / "users", tmp_path / "data" / "detectors"]
    for _ in range(2):
        path = find_weights("net", folders)
        assert path == folders[1] / "net.onnx"
        assert path.read_bytes() == CONTENT
    assert sites.asked.count("/net") == 1
    assert [one.name for one in folders[1].iterdir()] == ["net.onnx"]
    assert not folders[0].exists()


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("altered", "sent another file"),
        ("cut", "sent another file|IncompleteRead"),
        ("endless", "sends more than"),
        ("gone", "Not Found"),
        ("to/plain", "not https"),
    ],
)
def test_a_bad_download_leaves_nothing_and_says_all(
    tmp_path: Path, known: Known, sites: Sites, page: str, reason: str
) -> None:
    known(f"{sites.url}/{page}")
    target = tmp_path / "data"
    with pytest.raises(CheckpointError, match=reason) as caught:
        find_weights("net", [tmp_path / "users", target])
    for told in (f"{tmp_path / 'users'}, {target}", f"put the file into {target}", FILE.sha256, f"{sites.url}/{page}"):
        assert told in str(caught.value)
    assert not target.exists() or list(target.iterdir()) == []


def test_the_next_address_is_tried(tmp_path: Path, known: Known, sites: Sites) -> None:
    known(f"{sites.url}/gone", f"{sites.url}/net")
    assert find_weights("net", [tmp_path]).read_bytes() == CONTENT


def test_nothing_is_sent_without_encryption_or_to_a_stranger(
    tmp_path: Path, known: Known, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(f"{sites.plain}/net")
    with pytest.raises(CheckpointError, match="not an https address"):
        find_weights("net", [tmp_path])
    monkeypatch.delenv("SSL_CERT_FILE")
    known(f"{sites.url}/net")
    with pytest.raises(CheckpointError, match="CERTIFICATE_VERIFY_FAILED"):
        find_weights("net", [tmp_path])
    assert sites.asked == []


def test_offline_it_says_so(tmp_path: Path, known: Known) -> None:
    known("https://localhost:9/net")
    with pytest.raises(CheckpointError, match=r"net\.onnx is not in .* refused.*Connect once to the internet"):
        find_weights("net", [tmp_path])


def test_a_folder_that_nobody_may_write_is_said(tmp_path: Path, known: Known, sites: Sites) -> None:
    known(f"{sites.url}/net")
    (tmp_path / "taken").write_text("a file where the folder should be")
    with pytest.raises(CheckpointError, match=r"fetching failed .*taken"):
        find_weights("net", [tmp_path / "taken"])
