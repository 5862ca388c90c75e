from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.types import Frame, ModelSpec
from crime_detect_engine.sampling.sampler import MAX_GAP_STEPS, FixedRateSampler
from crime_detect_engine.sources.file import FileSource
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rig.videos import scene, write_video

Draw = Callable[..., Any]
STEP_S = 1 / 8


def sampled(spec: ModelSpec, raws: list[Any], **more: Any) -> list[Frame]:
    sampler = FixedRateSampler("yard", spec, **more)
    return [frame for raw in raws if (frame := sampler.offer(raw)) is not None]


@pytest.mark.parametrize("fps", [8, 9, 10, 12, 12.5, 15, 20, 23.976, 25, 29.97, 30, 50, 60])
def test_any_source_gives_eight_frames_a_second_near_their_times(spec: ModelSpec, drawn: Draw, fps: float) -> None:
    raws = [drawn(n / fps) for n in range(int(fps * 20))]
    frames = sampled(spec, raws)
    assert len(frames) == pytest.approx(160, abs=2)
    for number, frame in enumerate(frames):
        assert abs(frame.tick_s - number * STEP_S) <= 0.5 / fps + 0.01
    assert sum(raw.conversions for raw in raws) == len(frames)


@pytest.mark.parametrize("fps", [4, 5, 7])
def test_a_slower_source_is_taken_whole_with_its_differences(spec: ModelSpec, drawn: Draw, fps: int) -> None:
    frames = sampled(spec, [drawn(n / fps) for n in range(20)])
    assert len(frames) == 20
    assert all(frame.previous is before.image for before, frame in pairwise(frames))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0.0, 0.6), st.booleans()), min_size=1, max_size=120))
def test_laws_of_sampling(spec: ModelSpec, drawn: Draw, pauses: list[tuple[float, bool]]) -> None:
    times = np.cumsum([pause_s for pause_s, _ in pauses])
    raws = [drawn(float(t), cut=cut and n % 7 == 0) for n, (t, (_, cut)) in enumerate(zip(times, pauses, strict=True))]
    frames = sampled(spec, raws)
    assert frames[0].cut
    assert [frame.seq for frame in frames] == list(range(len(frames)))
    assert sum(frame.cut for frame in frames) >= sum(raw.cut for raw in raws[1:])
    for before, frame in pairwise(frames):
        step_s = frame.tick_s - before.tick_s
        assert (frame.previous is None) == frame.cut
        if frame.cut:
            continue
        assert frame.previous is before.image
        assert 0 <= step_s <= MAX_GAP_STEPS * STEP_S + 1e-9
    span_s = frames[-1].tick_s - frames[0].tick_s
    assert len(frames) <= span_s / STEP_S + 2 + sum(frame.cut for frame in frames)


def test_one_lost_frame_is_bridged_and_a_longer_gap_is_a_cut(spec: ModelSpec, drawn: Draw) -> None:
    times = [n / 8 for n in range(20) if n not in (5, 10, 11)]
    frames = sampled(spec, [drawn(t) for t in times])
    assert [frame.tick_s for frame in frames if frame.cut] == [0.0, 12 / 8]
    assert frames[5].previous is frames[4].image


def test_a_cut_between_two_samples_is_not_lost(spec: ModelSpec, drawn: Draw) -> None:
    frames = sampled(spec, [drawn(n / 30, cut=n == 10) for n in range(30)])
    assert [round(frame.tick_s * 30) for frame in frames if frame.cut] == [0, 10]


def test_a_splice_that_the_source_does_not_know_is_found(spec: ModelSpec, drawn: Draw) -> None:
    frames = sampled(spec, [drawn(n / 8, step=n, seed=1 if n < 10 else 2) for n in range(20)])
    assert [frame.seq for frame in frames if frame.cut] == [0, 10]
    assert frames[10].previous is None
    assert not any(f.cut for f in sampled(spec, [drawn(n / 8, seed=n) for n in range(9)], find_cuts=False)[1:])


def test_the_gate_stays_open_for_a_whole_window(spec: ModelSpec, drawn: Draw) -> None:
    raws = [drawn(n / 8, step=5 if n == 40 else 0) for n in range(100)]
    moving = [frame.moving for frame in sampled(spec, raws)]
    assert moving[:17] == [True] * 17
    assert not any(moving[22:40])
    assert all(moving[40:57])
    assert not any(moving[64:])


def test_masks_are_black_in_the_image_and_in_the_picture(spec: ModelSpec, drawn: Draw) -> None:
    masks = [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]
    (frame,) = sampled(spec, [drawn(0.0)], masks=masks)
    for image in (frame.image, frame.picture.rgb(), frame.picture.rgb(48)):
        assert image[:, : image.shape[1] // 2].max() == 0
        assert image[:, image.shape[1] // 2 + 2 :].min() > 0
    assert not frame.image.flags.writeable


def test_a_file_gives_the_same_frames_at_any_pace(spec: ModelSpec, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [scene(n) for n in range(30)], 30)
    fast = sampled(spec, list(FileSource(path).frames()))
    paced = sampled(spec, list(FileSource(path, realtime=True).frames()))
    assert len(fast) == 8
    assert all(np.array_equal(a.image, b.image) for a, b in zip(fast, paced, strict=True))


@pytest.mark.clips
def test_real_clips_spliced_are_cut_at_the_splice_and_fights_are_not(spec: ModelSpec, clips: Path) -> None:
    folder = clips / "surveillance_fight" / "fighting"
    paths = random.Random(3).sample(sorted(folder.glob("*.mp4")), 40)
    ends, false_cuts = [], 0
    for path in paths:
        frames = sampled(spec, list(FileSource(path).frames()))
        ends.append((frames[0].picture, frames[-1].picture))
        false_cuts += any(frame.cut for frame in frames[1:])
    assert false_cuts <= 1
    found = 0
    for (_, last), (first, _) in pairwise(ends):
        raws = [Still(0.0, last), Still(STEP_S, first)]
        found += sampled(spec, raws)[1].cut
    # Neighbours in the sample may be of one source, with one background: then there is no visual cut.
    assert found >= 0.9 * (len(ends) - 1)


class Still:
    """One picture as a raw frame."""

    def __init__(self, stream_s: float, picture: Any) -> None:
        raw = picture._raw
        self.stream_s = self.tick_s = stream_s
        self.at, self.cut, self.width, self.height = raw.at, False, raw.width, raw.height
        self.luma, self.rgb = raw.luma, raw.rgb


def test_every_nth_frame_is_taken_once_the_rate_of_the_source_is_known(spec: ModelSpec, drawn: Draw) -> None:
    """Every third of 30 is 10 a second, within a quarter of the model's 8: it starts like a cut, and frames say so."""
    sampler = FixedRateSampler("yard", spec, frame_skip=3)
    assert "waits" in sampler.note
    raws = [drawn(n / 30, cut=n == 0) for n in range(300)]
    frames = [frame for raw in raws if (frame := sampler.offer(raw)) is not None]
    assert sampler.note is None
    cuts = [frame for frame in frames if frame.cut]
    assert [frame.fps for frame in cuts] == [None, 10.0]
    assert cuts[1].tick_s == pytest.approx(2.0, abs=0.1)
    after = [frame.tick_s for frame in frames if frame.fps]
    assert np.diff(after) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(("skip", "said"), [(1, "30 frames a second"), (10, "frame_skip 4 would be nearest")])
def test_a_skip_that_the_model_never_learned_is_said_and_not_followed(
    spec: ModelSpec, drawn: Draw, skip: int, said: str
) -> None:
    sampler = FixedRateSampler("yard", spec, frame_skip=skip)
    frames = [frame for n in range(150) if (frame := sampler.offer(drawn(n / 30, cut=n == 0))) is not None]
    assert said in sampler.note
    assert {frame.fps for frame in frames} == {None}
    assert len([frame for frame in frames if frame.cut]) == 1


def test_a_camera_that_comes_back_at_another_rate_is_measured_anew(spec: ModelSpec, drawn: Draw) -> None:
    sampler = FixedRateSampler("yard", spec, frame_skip=3)
    for n in range(150):
        sampler.offer(drawn(n / 30, cut=n == 0))
    last = None
    for n in range(100):
        last = sampler.offer(drawn(10 + n / 21, cut=n == 0)) or last
    assert last is not None
    assert last.fps == pytest.approx(7.0)
