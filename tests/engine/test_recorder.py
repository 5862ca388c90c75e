"""Owns the tests of what one camera remembers: pictures, and clips without gap or repeat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction

import cv2
import numpy as np
import pytest
from crime_detect_engine.domain.ports import Packet, StreamFormat
from crime_detect_engine.recorder import MAX_CLIP_BYTES, MAX_CLIP_S, PRE_ROLL_S, Recorder
from crime_detect_engine.sources.ring import PacketRing, RingLimits
from crime_detect_engine.store.pictures import encode_jpeg
from crime_detect_engine.store.privacy import Blur

from tests.fakes import NOON, told_frame

H264 = StreamFormat("h264", 640, 360, Fraction(1, 90_000), None)
HEVC = replace(H264, codec="hevc")
HIDDEN = Blur(faces=True)


@dataclass
class Camera:
    """Packets every 0.1 s, a keyframe a second, into the real ring."""

    ring: PacketRing
    tick_s: float = 0.0
    dts: int = 0
    size: int = 100

    def play(self, until_s: float, form: StreamFormat = H264) -> None:
        while self.tick_s < until_s - 1e-9:
            self.tick_s = round(self.tick_s + 0.1, 3)
            self.dts += 9000
            keyframe = round(self.tick_s * 10) % 10 == 1
            at = NOON + timedelta(seconds=self.tick_s)
            self.ring.add(form, Packet(at, self.tick_s, b"x" * self.size, self.dts, self.dts, keyframe))

    def reconnect(self) -> None:
        self.ring.break_off()
        self.dts = 0


@pytest.fixture
def camera() -> Camera:
    return Camera(PacketRing(RingLimits(30.0, 32_000_000)))


@pytest.fixture
def recorder(camera: Camera) -> Recorder:
    return Recorder(encode_jpeg, camera.ring.span)


def watch(camera: Camera, recorder: Recorder, until_s: float, form: StreamFormat = H264) -> None:
    """Plays on and looks twice a second, as the pipeline does."""
    while camera.tick_s < until_s - 1e-9:
        camera.play(min(until_s, camera.tick_s + 0.5), form)
        recorder.extend(camera.tick_s)


def ticks(material) -> list[float]:
    return [packet.tick_s for packet in material.span.packets]


def test_a_clip_has_its_pre_roll_and_every_packet_once(camera, recorder):
    watch(camera, recorder, 20.0)
    recorder.begin("a", 18.0)
    watch(camera, recorder, 60.0)
    material = recorder.finish("a", 60.0)
    found = ticks(material)
    assert material.span.packets[0].keyframe
    assert found[0] <= 18.0 - PRE_ROLL_S < found[0] + 1.0, "from the keyframe before the pre-roll"
    assert np.allclose(np.diff(found), 0.1), "longer than the ring, no gap, no repeat"
    assert found[-1] == 60.0
    assert material.bytes == 100 * len(found)


def test_finishing_twice_gives_nothing_the_second_time(camera, recorder):
    watch(camera, recorder, 10.0)
    recorder.begin("a", 8.0)
    assert recorder.finish("a", 10.0) is not None
    assert recorder.finish("a", 10.0) is None
    assert recorder.finish("never begun", 10.0) is None


def test_two_incidents_at_once_have_their_own_clips(camera, recorder):
    watch(camera, recorder, 20.0)
    recorder.begin("a", 18.0)
    watch(camera, recorder, 30.0)
    recorder.begin("b", 29.0)
    watch(camera, recorder, 32.0)
    a, b = ticks(recorder.finish("a", 32.0)), ticks(recorder.finish("b", 32.0))
    assert a[-1] == b[-1] == 32.0
    assert a[0] < b[0] <= 24.0


def test_a_reconnect_with_another_format_keeps_the_longer_part(camera, recorder):
    watch(camera, recorder, 20.0)
    recorder.begin("a", 18.0)
    watch(camera, recorder, 24.0)
    camera.reconnect()
    watch(camera, recorder, 26.0, HEVC)
    material = recorder.finish("a", 26.0)
    assert material.span.format == H264
    assert ticks(material)[-1] == 24.0


def test_a_reconnect_that_starts_its_time_anew_is_another_file(camera, recorder):
    """Packets whose time goes back cannot be in one file: they would be dropped, or play in the wrong order."""
    watch(camera, recorder, 20.0)
    recorder.begin("a", 19.0)
    watch(camera, recorder, 21.0)
    camera.reconnect()
    watch(camera, recorder, 40.0)
    material = recorder.finish("a", 40.0)
    decode_times = [packet.dts for packet in material.span.packets]
    assert decode_times == sorted(set(decode_times))
    assert ticks(material)[-1] == 40.0, "the part after the reconnect is the longer one"
    assert material.span.packets[0].keyframe


def test_a_clip_stops_at_five_minutes(camera, recorder):
    watch(camera, recorder, 10.0)
    recorder.begin("a", 10.0)
    watch(camera, recorder, 400.0)
    found = ticks(recorder.finish("a", 400.0))
    assert MAX_CLIP_S - 1.0 <= found[-1] - found[0] <= MAX_CLIP_S + 1.5


def test_a_clip_stops_at_its_size(camera, recorder):
    camera.size = 250_000
    watch(camera, recorder, 10.0)
    recorder.begin("a", 10.0)
    watch(camera, recorder, 60.0)
    material = recorder.finish("a", 60.0)
    assert MAX_CLIP_BYTES < material.bytes <= MAX_CLIP_BYTES * 1.25


def test_a_camera_that_is_gone_leaves_what_it_had(camera, recorder):
    watch(camera, recorder, 20.0)
    recorder.begin("a", 19.0)
    camera.ring.clear()
    assert recorder.finish("a", 25.0) is None


# --- who is hidden -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_clip_hides_whom_the_camera_hid_at_any_time_of_it(camera, moment):
    blur = [HIDDEN if moment == "before" else Blur()]
    recorder = Recorder(encode_jpeg, camera.ring.span, lambda: blur[0])
    watch(camera, recorder, 20.0)
    recorder.add(told_frame("yard", 20.0, 0.1))
    blur[0] = Blur()
    recorder.begin("a", 24.0)
    if moment == "during":
        blur[0] = HIDDEN
        watch(camera, recorder, 26.0)
        blur[0] = Blur()
    watch(camera, recorder, 28.0)
    assert recorder.finish("a", 28.0).blur == HIDDEN


def test_what_was_kept_while_somebody_was_hidden_is_forgotten_when_the_camera_shows_more(camera):
    blur = [HIDDEN]
    recorder = Recorder(encode_jpeg, camera.ring.span, lambda: blur[0])
    recorder.add(told_frame("yard", 1.0, 0.1, seq=1))
    blur[0] = Blur()
    recorder.add(told_frame("yard", 1.5, 0.1, seq=2))
    assert recorder.picture_at(1.0)._step == 2
    watch(camera, recorder, 60.0)
    recorder.add(told_frame("yard", 60.0, 0.1, seq=3))
    recorder.begin("a", 59.0)
    watch(camera, recorder, 61.0)
    assert recorder.finish("a", 61.0).blur == Blur()


# --- cameras whose packets may not be kept -------------------------------------------------------------------------


@pytest.fixture
def masked() -> Recorder:
    return Recorder(encode_jpeg, None)


def test_a_masked_camera_keeps_its_masked_pictures_once_each(masked):
    for n in range(400):
        masked.add(told_frame("yard", n / 8, 0.1, seq=n))
        if n == 160:
            masked.begin("a", 18.0)
        if n % 4 == 0:
            masked.extend(n / 8)
    material = masked.finish("a", 399 / 8)
    found = [frame.tick_s for frame in material.frames]
    assert material.span is None
    assert 18.0 - PRE_ROLL_S < found[0] <= 18.0 - PRE_ROLL_S + 0.25
    assert np.allclose(np.diff(found), 0.125)
    assert found[-1] == 399 / 8
    picture = cv2.imdecode(np.frombuffer(material.frames[0].jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (36, 64, 3)


def test_nothing_is_kept_for_longer_than_the_ring(masked):
    for n in range(400):
        masked.add(told_frame("yard", n / 8, 0.1))
    masked.begin("a", 0.0)
    assert masked.finish("a", 50.0).frames[0].tick_s >= 399 / 8 - 20.0


def test_the_picture_nearest_to_a_moment_is_shown(masked):
    for n in range(32):
        masked.add(told_frame("yard", n / 8, 0.1, seq=n))
    wanted = masked.picture_at(3.0)
    assert abs(wanted._step / 8 - 3.0) <= 0.25
    assert masked.newest()._step >= 28
    assert Recorder(encode_jpeg, None).picture_at(3.0) is None


def test_privacy_forgets_pictures_until_it_ends(masked):
    masked.add(told_frame("yard", 1.0, 0.1))
    masked.begin("a", 1.0)
    masked.close()
    assert masked.newest() is None
    masked.add(told_frame("yard", 2.0, 0.1))
    assert masked.newest() is None
    assert masked.finish("a", 2.0) is None
    masked.open()
    masked.add(told_frame("yard", 3.0, 0.1))
    assert masked.newest() is not None
