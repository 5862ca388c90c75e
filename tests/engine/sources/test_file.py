from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources.file import FileSource, probe_duration

from tests.rig.videos import scene, write_video


def test_a_file_is_read_at_once_with_its_own_times(video: Path) -> None:
    frames = list(FileSource(video).frames())
    assert len(frames) == 50
    assert [frame.tick_s for frame in frames] == pytest.approx([n / 25 for n in range(50)])
    assert [frame.cut for frame in frames] == [True] + [False] * 49
    assert probe_duration(video) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("suffix", "codec", "pixels"),
    [
        (".mp4", "libx264", "yuv420p"),
        (".mp4", "libx265", "yuv420p"),
        (".mkv", "libx265", "yuv420p"),
        (".mkv", "mjpeg", "yuvj422p"),
        (".avi", "libx264", "yuv420p"),
        (".avi", "mjpeg", "yuvj422p"),
    ],
)
def test_containers_and_codecs(tmp_path: Path, suffix: str, codec: str, pixels: str) -> None:
    path = write_video(tmp_path / f"a{suffix}", [scene(n) for n in range(20)], 10, codec, pixels)
    frames = list(FileSource(path).frames())
    assert len(frames) == 20
    assert np.abs(frames[7].rgb(160, 96, "bilinear").astype(int) - scene(7)).mean() < 16
    assert probe_duration(path) == pytest.approx(2.0, abs=0.11)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty file"),
        (b"this is a text\n" * 200, "not a video: no known video"),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", "not a video"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "not a video"),
        (os.urandom(40_000), "not a video"),
    ],
)
def test_what_is_no_video_says_so_and_is_not_tried_again(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "renamed.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as caught:
        list(FileSource(path).frames())
    assert caught.value.permanent
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        list(FileSource(tmp_path / "none.mp4").frames())
    with pytest.raises(SourceError, match="a folder"):
        probe_duration(tmp_path)


def test_a_recording_without_its_index(video: Path, tmp_path: Path) -> None:
    content = video.read_bytes()
    path = tmp_path / "cut_off.mp4"
    path.write_bytes(content[: content.index(b"moov") - 4])
    with pytest.raises(SourceError, match=r"^not a video: moov atom not found$"):
        list(FileSource(path).frames())


def test_damaged_packets_are_counted_and_the_rest_is_read(video: Path, tmp_path: Path) -> None:
    content = bytearray(video.read_bytes())
    start = content.index(b"mdat") + 2000
    for position in range(start, start + 3000, 7):
        content[position] ^= 0xFF
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    source = FileSource(path)
    assert 0 < len(list(source.frames())) < 50
    assert source.corrupt > 0


@pytest.mark.parametrize(("suffix", "codec", "pixels"), [(".jpg", "mjpeg", "yuvj420p"), (".png", "png", "rgb24")])
def test_a_photo_is_one_frame(tmp_path: Path, suffix: str, codec: str, pixels: str) -> None:
    path = write_video(tmp_path / f"photo{suffix}", [scene(3)], 1, codec, pixels)
    (frame,) = FileSource(path).frames()
    assert (frame.width, frame.height, frame.luma().shape) == (160, 96, (96, 160))
    assert probe_duration(path) == 0.0


def test_a_loop_starts_with_a_cut_and_goes_on_in_time(video: Path) -> None:
    frames = []
    for frame in (source := FileSource(video, loop=True)).frames():
        frames.append(frame)
        if len(frames) == 120:
            source.interrupt()
    assert [n for n, frame in enumerate(frames) if frame.cut] == [0, 50, 100]
    assert np.diff([frame.stream_s for frame in frames]) == pytest.approx(np.full(119, 0.04))


def test_a_paced_file_takes_its_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(n) for n in range(12)], 20)
    ticks = [(frame.tick_s, time.monotonic()) for frame in FileSource(path, realtime=True).frames()]
    assert ticks[-1][0] - ticks[0][0] == pytest.approx(0.55)
    assert all(now_s >= tick_s - 1e-3 for tick_s, now_s in ticks)
