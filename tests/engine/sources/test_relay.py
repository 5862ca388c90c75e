from __future__ import annotations

import socket
import threading
from itertools import pairwise

import pytest
from crime_detect_engine.sources.relay import ProtocolError, Redirected, Relay, ReplyReader
from hypothesis import given
from hypothesis import strategies as st

OK = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 12\r\n\r\nv=0\r\ns=302\r\n\r\n"
MEDIA = b"$\x00\x00\x10RTSP/1.0 302 No\n"
MOVED = b"RTSP/1.0 302 Moved Temporarily\r\nCSeq: 2\r\nLocation: rtsp://127.0.0.1:9/x\r\n\r\n"


def feed(data: bytes, cuts: list[int]) -> None:
    reader, edges = ReplyReader(), sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        reader.feed(data[start:end])


@given(st.lists(st.integers(0, 400), max_size=12))
def test_ordinary_traffic_passes_however_it_is_cut(cuts: list[int]) -> None:
    feed(OK + MEDIA + b"\r\n" + OK + MEDIA * 3, cuts)


@given(st.lists(st.integers(0, 400), max_size=12))
def test_a_redirect_is_seen_however_it_is_cut_and_whatever_comes_before(cuts: list[int]) -> None:
    with pytest.raises(Redirected) as caught:
        feed(OK + MEDIA + MOVED, cuts)
    assert caught.value.location == "rtsp://127.0.0.1:9/x"


@pytest.mark.parametrize(
    "disguise",
    [
        b" RTSP/1.0 302 x\nLocation: rtsp://h/\n\n",
        b"RTSP/1.0\t302\nlocation:rtsp://h/\n\n",
        b"RT\rSP/1.0 302 x\r\nLocation: rtsp://h/\r\n\r\n",
        b"RTSP/1.0 302\n$\x00\x00\x02xxLocation: rtsp://h/\n\n",
    ],
)
def test_a_redirect_in_disguise_is_seen(disguise: bytes) -> None:
    with pytest.raises(Redirected):
        ReplyReader().feed(disguise)


@pytest.mark.parametrize(
    "junk",
    [
        b"RTSP/1.0 abc\r\n\r\n",
        b"RTSP/1.0 +302 x\r\n\r\n",
        b"A" * 9000,
        b"RTSP/1.0 200 OK\r\nContent-Length: -9\r\n\r\n",
    ],
)
def test_what_ffmpeg_might_read_otherwise_is_refused(junk: bytes) -> None:
    with pytest.raises(ProtocolError):
        ReplyReader().feed(junk)


def test_bytes_pass_both_ways_and_closing_ends_a_waiting_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(["127.0.0.1"], listener.getsockname()[1])
        server, _ = listener.accept()
        with server, socket.create_connection(("127.0.0.1", relay.port)) as client:
            client.sendall(b"DESCRIBE rtsp://127.0.0.1/ RTSP/1.0\r\n\r\n")
            assert server.recv(100).startswith(b"DESCRIBE")
            server.sendall(OK)
            assert client.recv(1000) == OK
            threading.Timer(0.05, relay.close).start()
            client.settimeout(5)
            assert client.recv(10) == b""
    assert relay.error is None


def test_a_second_address_is_tried_when_the_first_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        Relay(["127.0.0.9", "127.0.0.1"], port).close()
        assert listener.accept()
