"""Owns the tests of clips as files: whatever is written must decode again and play in a browser."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Packet, PacketSpan, StreamFormat
from crime_detect_engine.store.mp4 import browser_playable, encode, frame_times, remux, transcode

AT = datetime(2026, 11, 21, tzinfo=UTC)
GOING = threading.Event()


def picture(step: int, width: int = 64, height: int = 48) -> np.ndarray:
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, step % width :] = (200, 120, 60)
    return image


def encoded(codec: str, container: str, frames: int = 30, audio: bool = False) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=10, options={"g": "10", "x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream("aac", rate=8000, layout="mono") if audio else None
        for step in range(frames):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture(step), format="rgb24")))
            if sound is not None:
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.float32), format="fltp", layout="mono")
                silence.sample_rate, silence.pts = 8000, step * 800
                output.mux(sound.encode(silence))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def span_of(data: bytes, extradata: str = "keep", skip: int = 0, offset: int = 0) -> PacketSpan:
    """The video packets as a source hands them over; `mpegts` data has start codes, `mp4` data length fields."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        packets = [
            Packet(AT, 0.0, bytes(one), one.pts + offset, one.dts + offset, one.is_keyframe)
            for one in container.demux(stream)
            if one.dts is not None
        ]
        context = stream.codec_context
        known = context.extradata if extradata == "keep" else None
        form = StreamFormat(context.name, context.width, context.height, stream.time_base, known)
    return PacketSpan(form, packets[skip:])


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        return list(container.decode(video=0))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize(("container", "extradata"), [("mp4", "keep"), ("mpegts", "keep"), ("mpegts", "none")])
def test_packets_of_any_source_become_a_clip_that_plays(codec, container, extradata, tmp_path):
    path = tmp_path / "clip.mp4"
    remux(span_of(encoded(codec, container), extradata, offset=90_000), path, GOING)
    frames = frames_of(path)
    assert len(frames) == 30
    assert frames[0].time == pytest.approx(0.0, abs=0.01)
    assert frames[-1].time - frames[0].time == pytest.approx(2.9, abs=0.05)
    middle = frames[15].to_ndarray(format="rgb24").astype(int)
    assert abs(middle - picture(15)).mean() < 12
    assert browser_playable(path) is (codec == "libx264")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "a browser must be able to start before all is loaded"


def test_sound_is_never_kept(tmp_path):
    remux(span_of(encoded("libx264", "mp4", audio=True)), tmp_path / "clip.mp4", GOING)
    assert len(frames_of(tmp_path / "clip.mp4")) == 30


def test_a_clip_begins_at_a_keyframe_and_survives_a_clock_that_jumps_back(tmp_path):
    span = span_of(encoded("libx264", "mpegts"), skip=4)
    packets = list(span.packets)
    jumped = packets[12]
    packets[12] = Packet(AT, 0.0, jumped.data, jumped.pts - 500_000, jumped.dts - 500_000, jumped.keyframe)
    remux(PacketSpan(span.format, packets), tmp_path / "clip.mp4", GOING)
    assert 15 <= len(frames_of(tmp_path / "clip.mp4")) <= 20


def test_packets_without_a_keyframe_are_no_clip(tmp_path):
    span = span_of(encoded("libx264", "mpegts"))
    with pytest.raises(StoreError, match="no keyframe"):
        remux(PacketSpan(span.format, span.packets[1:5]), tmp_path / "clip.mp4", GOING)


def test_a_damaged_header_is_an_error_and_no_crash(tmp_path):
    span = span_of(encoded("libx264", "mp4"))
    cut = StreamFormat("h264", 64, 48, Fraction(1, 90_000), span.format.extradata[:9])
    with pytest.raises(StoreError, match="parameter sets"):
        remux(PacketSpan(cut, span.packets), tmp_path / "clip.mp4", GOING)


def test_pictures_become_a_small_slow_clip_that_browsers_play(tmp_path):
    path = tmp_path / "clip.mp4"
    encode(((100 + step / 25, picture(step, 1921, 1081)) for step in range(50)), path, GOING)
    frames = frames_of(path)
    assert (frames[0].width, frames[0].height) == (1278, 720)
    assert frames[0].width % 2 == 0
    assert len(frames) <= 21
    assert frames[-1].time == pytest.approx(1.9, abs=0.15)
    assert browser_playable(path)


def test_jpegs_of_changing_size_become_one_clip(tmp_path):
    jpegs = []
    for step in range(6):
        side = (64, 48) if step < 3 else (128, 96)
        jpegs.append((step * 0.2, cv2.imencode(".jpg", picture(step, *side)[..., ::-1])[1].tobytes()))
    encode(jpegs, tmp_path / "clip.mp4", GOING)
    frames = frames_of(tmp_path / "clip.mp4")
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
    red, _, blue = frames[0].to_ndarray(format="rgb24")[24, 60]
    assert red > blue, "colours are swapped"


def test_a_clip_that_browsers_refuse_is_transcoded(tmp_path):
    remux(span_of(encoded("libx265", "mpegts")), tmp_path / "h265.mp4", GOING)
    transcode(tmp_path / "h265.mp4", tmp_path / "h264.mp4", GOING)
    assert browser_playable(tmp_path / "h264.mp4")
    assert len(frames_of(tmp_path / "h264.mp4")) == 30


@pytest.mark.parametrize("content", [b"", b"no video at all" * 50])
def test_a_file_that_is_no_video_is_an_error(content, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(StoreError, match="cannot be read"):
        browser_playable(tmp_path / "clip.mp4")


def test_nothing_to_encode_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="no pictures"):
        encode([], tmp_path / "clip.mp4", GOING)
    with pytest.raises(StoreError, match="no JPEG"):
        encode([(0.0, b"junk")], tmp_path / "clip.mp4", GOING)


def test_when_each_picture_is_shown_in_the_order_of_time(tmp_path):
    """Coded out of order, as cameras with B-frames do, and beginning anywhere."""
    shown = [0.0, 0.1, 0.2, 0.7, 0.8, 1.5]
    encode([(5 + at, picture(step)) for step, at in enumerate(shown)], tmp_path / "clip.mp4", GOING)
    assert frame_times(tmp_path / "clip.mp4") == pytest.approx(shown, abs=0.002)
    assert frame_times(io.BytesIO(encoded("libx264", "mpegts"))) == pytest.approx(
        [n / 10 for n in range(30)], abs=0.002
    )
    with pytest.raises(StoreError, match="cannot be read"):
        frame_times(io.BytesIO(b"no video"))
