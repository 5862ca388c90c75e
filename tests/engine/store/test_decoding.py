"""Owns the proof that pictures come back out of a ring: at their time, not too many, not too large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Packet, PacketSpan, StreamFormat
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.store.decoding import decode_jpegs, decode_packets
from crime_detect_engine.store.pictures import encode_jpeg

from tests.rig.videos import scene, write_video


def span_of(path: Path) -> PacketSpan:
    packets: list[Packet] = []
    forms: list[StreamFormat] = []
    for _ in FileSource(path).frames(lambda form, packet: (forms.append(form), packets.append(packet))):  # type: ignore[func-returns-value]
        pass
    return PacketSpan(forms[0], packets)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mjpeg"])
def test_packets_become_the_pictures_that_they_were_made_of(tmp_path: Path, codec: str) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    pictures = [scene(n, 320, 192) for n in range(50)]
    span = span_of(write_video(tmp_path / "v.mkv", pictures, codec=codec, pixels=pixels))
    found = list(decode_packets(span, 10.0, 720))
    times = [at_s for at_s, _ in found]
    assert min(np.diff(times)) >= 0.095
    assert 15 <= len(found) <= 20
    number = round((times[5] - times[0]) * 25)
    apart = [np.abs(found[5][1].astype(int) - picture).mean() for picture in pictures]
    assert int(np.argmin(apart)) == number


def test_large_pictures_come_smaller_and_even(tmp_path: Path) -> None:
    span = span_of(write_video(tmp_path / "v.mp4", [scene(n, 1024, 768) for n in range(3)]))
    assert next(decode_packets(span, 10.0, 301))[1].shape == (300, 400, 3)


def test_what_is_broken_is_left_out_and_an_unknown_codec_is_said(tmp_path: Path) -> None:
    span = span_of(write_video(tmp_path / "v.mp4", [scene(n, 320, 192) for n in range(50)]))
    packets = [
        replace(one, data=b"\0\0\0\1\x65garbage" if 10 < n < 20 else one.data) for n, one in enumerate(span.packets)
    ]
    assert 1 <= len(list(decode_packets(PacketSpan(span.format, packets), 10.0, 720))) <= 20
    with pytest.raises(StoreError, match="no decoder"):
        list(decode_packets(PacketSpan(replace(span.format, codec="nothing"), packets), 10.0, 720))


def test_jpegs_become_pictures() -> None:
    jpegs = [(n / 25, encode_jpeg(scene(n, 320, 192))) for n in range(50)]
    found = list(decode_jpegs([*jpegs, (9.0, b"no picture")], 10.0, 96))
    assert 15 <= len(found) <= 20
    assert found[0][1].shape == (96, 160, 3)
