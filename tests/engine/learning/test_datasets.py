"""Owns the proof that clips keep their class, source and fold, and that a source never stands on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.learning.cache import CachedFootage
from crime_detect_engine.learning.cutting import SampledFrame
from crime_detect_engine.learning.datasets import assign_folds, list_clips, load_samples
from crime_detect_engine.learning.recipe import DataFolder, parse_recipe
from crime_detect_engine.training import ServingFootage

LABELS = ("normal", "fighting")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("normal/street_1.mp4", "normal/street_2.mkv", "fighting/bar_1.mp4", "fighting/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_classes_are_folders_and_sources_come_from_names_without_a_list(root: Path) -> None:
    found = {clip.path: (clip.label, clip.group) for clip in list_clips(root, DataFolder(), LABELS)}
    assert found == {
        "normal/street_1.mp4": ("normal", "street"),
        "normal/street_2.mkv": ("normal", "street"),
        "fighting/bar_1.mp4": ("fighting", "bar"),
    }


def test_a_list_gives_groups_and_folds_and_leaves_out_what_it_does_not_name(root: Path) -> None:
    (root / "clips.csv").write_text("path,group,fold\nnormal/street_1.mp4,a,3\nfighting/bar_1.mp4,b,\n")
    clips = list_clips(root, DataFolder(groups="clips.csv"), LABELS)
    assert [(clip.path, clip.group, clip.fold) for clip in clips] == [
        ("normal/street_1.mp4", "a", 3),
        ("fighting/bar_1.mp4", "b", None),
    ]


def test_what_a_list_does_not_call_the_incident_is_left_out(root: Path, recipe_text: str) -> None:
    """Nobody said that what came before and after is normal."""
    spec = parse_recipe(recipe_text).spec
    (root / "clips.csv").write_text("path,group,first,last\nnormal/street_1.mp4,a,,\nfighting/bar_1.mp4,b,30,59\n")

    class Numbered(ServingFootage):
        def frames(self, path: Path) -> Iterator[SampledFrame]:
            for number in range(90):
                yield SampledFrame(number, np.full((4, 4, 3), number, np.uint8), number == 0)

    samples, _ = load_samples(root, DataFolder(groups="clips.csv"), spec, 4, Numbered(spec))
    shown = {label: [int(image[0, 0, 0]) for s in samples if s.label == label for image in s.clip] for label in (0, 1)}
    assert (shown[0], shown[1]) == (list(range(90)), list(range(30, 60)))


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [("30", "", "line 2: spans are pairs"), ("9", "3", "before it begins"), ("a", "9", "whole numbers")],
)
def test_a_span_that_makes_no_sense_is_refused_with_its_line(root: Path, first: str, last: str, message: str) -> None:
    (root / "clips.csv").write_text(f"path,group,first,last\nfighting/bar_1.mp4,b,{first},{last}\n")
    with pytest.raises(InvalidInputError, match=message):
        list_clips(root, DataFolder(groups="clips.csv"), LABELS)


def test_sources_without_a_fold_are_dealt_out_whole(root: Path) -> None:
    clips = list_clips(root, DataFolder(), LABELS)
    folds: dict[str, set[int]] = {}
    for clip, fold in zip(clips, assign_folds(clips, 4), strict=True):
        folds.setdefault(clip.group, set()).add(fold)
    assert folds == {"bar": {0}, "street": {1}}


@pytest.mark.parametrize(
    ("text", "message"), [("file,source\na,b\n", "needs the columns path and group"), (None, "No such file")]
)
def test_a_wrong_list_is_refused(root: Path, text: str | None, message: str) -> None:
    if text:
        (root / "clips.csv").write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        list_clips(root, DataFolder(groups="clips.csv"), LABELS)


def test_an_empty_or_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no video of the classes"):
        list_clips(tmp_path, DataFolder(), LABELS)
    with pytest.raises(InvalidInputError, match="is not a folder"):
        list_clips(tmp_path, DataFolder(folder="absent"), LABELS)


def test_long_videos_become_parts_and_a_folder_of_one_label_is_extra(root: Path, recipe_text: str) -> None:
    spec = parse_recipe(recipe_text).spec

    class Blank(ServingFootage):
        def frames(self, path: Path) -> Iterator[SampledFrame]:
            for number in range(103):
                yield SampledFrame(number, np.zeros((4, 4, 3), np.uint8), number in (0, 100))

    samples, files = load_samples(root, DataFolder(folder="normal", label="normal"), spec, 4, Blank(spec))
    assert len(files) == 2
    assert {(s.label, s.extra, s.group, s.origin) for s in samples} == {(0, True, "street", "normal")}
    # 100 frames are parts of two windows; 3 frames are too few to teach anything.
    assert [len(s.clip) for s in samples if s.path.endswith("1.mp4")] == [33, 33, 33]


def test_the_folds_of_the_fight_clips_keep_sources_whole(clips: Path) -> None:
    folder = DataFolder(folder="surveillance_fight", groups="clips.csv")
    listed = list_clips(clips, folder, LABELS)
    assert len(listed) == 241
    folds: dict[str, set[int]] = {}
    for clip, fold in zip(listed, assign_folds(listed, 4), strict=True):
        folds.setdefault(clip.group, set()).add(fold)
    assert {len(own) for own in folds.values()} == {1}


def draw_video(path: Path, frames: int) -> None:
    """30 frames a second; frame n shows a white square whose left edge is at n."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 160, 64, "yuv420p"
        for number in range(frames):
            image = np.full((64, 160, 3), 40, np.uint8)
            image[24:40, number : number + 8] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def ucf(tmp_path: Path) -> Path:
    """A stand-in with the layout of UCF-Crime: one video of each class in either part."""
    names = ("Abuse/Abuse001", "Normal/Normal_Videos001", "Abuse/Abuse028", "Normal/Normal_Videos_003")
    for name in names:
        draw_video(tmp_path / f"{name}_x264.mp4", 150)
    lines = [f"{name}_x264.mp4\n" for name in names]
    (tmp_path / "Anomaly_Train.txt").write_text("".join(lines[:2]))
    (tmp_path / "Anomaly_Test.txt").write_text("".join(lines[2:]))
    (tmp_path / "Temporal_Anomaly_Annotation.txt").write_text("Abuse028_x264.mp4  Abuse  60  119  -1  -1\n")
    return tmp_path


@pytest.mark.parametrize("kept_on_disk", [False, True])
def test_the_test_part_is_held_back_and_its_incidents_are_cut_out_of_normal_time(
    ucf: Path, recipe_text: str, *, kept_on_disk: bool
) -> None:
    spec = replace(parse_recipe(recipe_text).spec, labels=("normal", "abuse"))
    folder = DataFolder(layout="ucf-crime")
    decoder = ServingFootage(spec)
    footage = CachedFootage(decoder, spec, ucf / "cache", 10**9) if kept_on_disk else decoder
    learned, files = load_samples(ucf, folder, spec, 2, footage)
    assert {(s.path[:5], s.label, s.split) for s in learned} == {("Abuse", 1, "train"), ("Norma", 0, "train")}
    assert len(files) == 2
    held_back, _ = load_samples(ucf, folder, spec, 2, footage, "test")
    assert {(s.path[:5], s.label, s.split) for s in held_back} == {
        ("Abuse", 1, "test"), ("Abuse", 0, "test"), ("Norma", 0, "test"),
    }  # fmt: skip
    for sample in (one for one in held_back if one.path.startswith("Abuse")):
        shown = [frame[16, :, 0].astype(float).argmax() * 160 / 32 for frame in sample.clip]
        inside = [55 <= edge <= 130 for edge in shown]
        assert all(inside) == (sample.label == 1), (sample.path, shown)
