from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources import build_source, keeps_packets
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.sources.frigate import FrigateDiscovery, FrigateOptions, FrigateSource
from crime_detect_engine.sources.rtsp import PushSource, RtspSource
from crime_detect_engine.sources.web_stream import WebSource


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("rtsp://cam/1", RtspSource),
        ("RTSPS://cam/1", RtspSource),
        ("rtmp://cam/1", PushSource),
        ("srt://cam:9000", PushSource),
        ("https://cam/x.mjpg", WebSource),
        ("clips/a.mp4", FileSource),
        ("/media/a b.mp4", FileSource),
        ("loop:/media/a.mp4", FileSource),
        ("frigate:yard", FrigateSource),
    ],
)
def test_each_scheme_has_its_source(address: str, kind: type) -> None:
    source = build_source(address, discovery=FrigateDiscovery(FrigateOptions("http://frigate:5000")))
    assert isinstance(source, kind)
    assert keeps_packets(source)


@pytest.mark.parametrize(
    "address",
    ["exec:ls", "exec://ls", "file:///etc/passwd", "concat:a|b", "pipe:0", "rtsp+exec://x", "subfile:,,:/x", "data:,x",
     "tcp://h:1", "ftp://h/x", "crypto:/x", "rtsp://cam/a|b", "", "a\0b"],
)  # fmt: skip
def test_other_schemes_are_refused_for_good(address: str) -> None:
    with pytest.raises(SourceError) as caught:
        build_source(address)
    assert caught.value.permanent


def test_a_path_that_looks_like_ffmpegs_syntax_is_only_a_path(tmp_path: Path) -> None:
    name = tmp_path / "a|concat%03d.mp4"
    with pytest.raises(SourceError, match="no such file"):
        next(build_source(str(name)).frames(None))


def test_a_frigate_camera_needs_the_section() -> None:
    with pytest.raises(SourceError, match="no frigate section"):
        build_source("frigate:yard")
