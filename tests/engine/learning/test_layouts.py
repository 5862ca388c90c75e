"""Owns the proof that published sets are read as their makers meant: classes, official splits, spans and sources."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.learning.datasets import assign_folds, list_clips
from crime_detect_engine.learning.layouts.listing import ClipFile
from crime_detect_engine.learning.recipe import DataFolder

TWO = ("normal", "fighting")
FIVE = ("normal", "abuse", "burglary", "fighting", "road_accident")


def touch(base: Path, names: Iterable[str]) -> None:
    for name in names:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).touch()


def listed(root: Path, layout: str, labels: tuple[str, ...], **options: object) -> dict[str, ClipFile]:
    folder = DataFolder(layout=layout, **options)  # type: ignore[arg-type]
    return {clip.path: clip for clip in list_clips(root, folder, labels)}


UCF_VIDEOS = (
    "Anomaly-Videos-Part-1/Abuse/Abuse001_x264.mp4",
    "Anomaly-Videos-Part-1/Abuse/Abuse028_x264.mp4",
    "Anomaly-Videos-Part-2/Arson/Arson018A_x264.mp4",
    "Anomaly-Videos-Part-3/RoadAccidents/RoadAccidents002_x264.mp4",
    "Training-Normal-Videos-Part-1/Normal_Videos001_x264.mp4",
    "Testing_Normal_Videos/Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4",
    "Normal_Videos_for_Event_Recognition/Normal_Videos001_x264.mp4",
)


@pytest.fixture
def ucf(tmp_path: Path) -> Path:
    """UCF-Crime as its archives unpack."""
    touch(tmp_path, UCF_VIDEOS)
    splits = tmp_path / "UCF_Crimes-Train-Test-Split" / "Anomaly_Detection_splits"
    splits.mkdir(parents=True)
    (splits / "Anomaly_Train.txt").write_text(
        "Abuse/Abuse001_x264.mp4\nArson/Arson018A_x264.mp4 \nTraining_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4\n"
    )
    (splits / "Anomaly_Test.txt").write_text(
        "Abuse/Abuse028_x264.mp4\nRoadAccidents/RoadAccidents002_x264.mp4\n"
        "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4\n"
    )
    (tmp_path / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").write_text(
        "Abuse028_x264.mp4  Abuse  165  240  -1  -1  \n"
        "RoadAccidents002_x264.mp4  RoadAccidents  10  20  40  61  \n"
        "Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1  \n"
    )
    return tmp_path


def test_ucf_crime_keeps_its_official_split_and_the_spans_of_its_test_incidents(ucf: Path) -> None:
    clips = listed(ucf, "ucf-crime", FIVE)
    assert {Path(path).name: (c.label, c.split, c.spans) for path, c in clips.items()} == {
        "Abuse001_x264.mp4": ("abuse", "train", None),
        "Normal_Videos001_x264.mp4": ("normal", "train", None),
        "Abuse028_x264.mp4": ("abuse", "test", ((165, 240),)),
        "RoadAccidents002_x264.mp4": ("road_accident", "test", ((10, 20), (40, 61))),
        "Normal_Videos_003_x264.mp4": ("normal", "test", None),
    }
    assert UCF_VIDEOS[-1] not in clips, "the normal videos of the other experiment are not listed"


def test_a_recipe_may_map_classes_of_ucf_crime_onto_one_of_ours(ucf: Path) -> None:
    clips = listed(ucf, "ucf-crime", TWO, classes={"Abuse": "fighting", "Arson": "fighting"})
    assert [(c.label, c.group) for c in clips.values() if c.label != "normal"] == [
        ("fighting", "Abuse001"),
        ("fighting", "Arson018"),
        ("fighting", "Abuse028"),
    ]
    with pytest.raises(InvalidInputError, match="no class 'Figthing'"):
        listed(ucf, "ucf-crime", TWO, classes={"Figthing": "fighting"})


def test_a_part_of_ucf_crime_is_used_only_if_the_recipe_says_so(ucf: Path) -> None:
    (ucf / UCF_VIDEOS[0]).unlink()
    with pytest.raises(InvalidInputError, match=r"Anomaly_Train\.txt, line 1: Abuse/Abuse001_x264\.mp4 is not below"):
        listed(ucf, "ucf-crime", FIVE)
    assert len(listed(ucf, "ucf-crime", FIVE, partial=True)) == 4


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("Anomaly_Train.txt", "Abuse/Abuse028_x264.mp4", r"Test\.txt, line 1: Abuse028_x264 is listed before, in .*Tr"),
        ("Anomaly_Train.txt", "Abuse/notes", r"Train\.txt, line 4: 'Abuse/notes' is not of the form"),
        ("Anomaly_Test.txt", "Riot/Riot001_x264.mp4", r"Test\.txt, line 4: unknown class 'Riot'"),
        ("Temporal*", "Abuse028_x264.mp4 Abuse 165", r"Videos\.txt, line 4: .* is not of the form NAME CLASS"),
        ("Temporal*", "Abuse028_x264.mp4 Abuse 9 x 1 2", r"Videos\.txt, line 4: frame numbers are whole numbers"),
        ("Temporal*", "Abuse028_x264.mp4 Abuse 240 165", r"Videos\.txt, line 4: the span ends at frame 165, before"),
        ("Temporal*", "Abuse028_x264.mp4 Abuse 1 2 3", r"Videos\.txt, line 4: spans are pairs"),
        ("Temporal*", "Abuse028_x264.mp4 Abuse -1 -1", r"Videos\.txt, line 4: a video of Abuse without an incident"),
    ],
)
def test_a_wrong_line_of_ucf_crime_is_named(ucf: Path, file: str, line: str, message: str) -> None:
    path = next(ucf.rglob(file))
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(InvalidInputError, match=message):
        listed(ucf, "ucf-crime", FIVE)


def test_ucf_crime_without_its_lists_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, UCF_VIDEOS)
    with pytest.raises(InvalidInputError, match=r"no Anomaly_Train\.txt below"):
        listed(tmp_path, "ucf-crime", FIVE)


def test_rwf_2000_holds_val_back_and_groups_by_source_video(tmp_path: Path) -> None:
    names = ("train/Fight/-1l5631l3fg_0.avi", "train/Fight/-1l5631l3fg_1.avi", "train/NonFight/a_b_12.avi")
    touch(tmp_path, (*names, "val/Fight/0Ow4cotKOuw_0.avi", "val/NonFight/10uSOcwS_0.avi"))
    clips = listed(tmp_path, "rwf-2000", TWO)
    assert [(c.label, c.group, c.split) for c in clips.values()] == [
        ("normal", "a_b", "train"),
        ("fighting", "-1l5631l3fg", "train"),
        ("fighting", "-1l5631l3fg", "train"),
        ("normal", "10uSOcwS", "test"),
        ("fighting", "0Ow4cotKOuw", "test"),
    ]
    (tmp_path / "val").rename(tmp_path / "validation")
    with pytest.raises(InvalidInputError, match=r"RWF-2000 has train\|val"):
        listed(tmp_path, "rwf-2000", TWO)


XD_VIDEOS = (
    "1-1004/Bad.Boys.1995__#01-11-55_01-12-40_label_B1-B2-0.mp4",
    "1-1004/Bad.Boys.1995__#00-01-00_00-02-00_label_A.mp4",
    "1-1004/v=abc_DEF-1__#1_label_B4-0-0.mp4",
    "videos/Deadpool.2016__#0-04-46_0-05-01_label_B1-0-0.mp4",
    "videos/v=wVey5JDRf_g__#00-04-09_00-05-06_label_B6-0-0.mp4",
    "videos/v=wQrV75N2BrI__#1_label_A.mp4",
)


@pytest.fixture
def xd(tmp_path: Path) -> Path:
    touch(tmp_path, XD_VIDEOS)
    (tmp_path / "annotations.txt").write_text(
        "Deadpool.2016__#0-04-46_0-05-01_label_B1-0-0 20 772\n"
        "v=wVey5JDRf_g__#00-04-09_00-05-06_label_B6-0-0.mp4 85 200 352 438\n"
    )
    return tmp_path


def test_xd_violence_reads_classes_from_names_and_spans_from_its_list(xd: Path) -> None:
    clips = listed(xd, "xd-violence", FIVE)
    assert [(c.label, c.group, c.split, c.spans) for c in clips.values()] == [
        ("normal", "Bad.Boys.1995", "train", None),
        ("fighting", "Bad.Boys.1995", "train", None),
        ("fighting", "Deadpool.2016", "test", ((20, 772),)),
        ("normal", "v=wQrV75N2BrI", "test", None),
        ("road_accident", "v=wVey5JDRf_g", "test", ((85, 200), (352, 438))),
    ]
    riot = listed(xd, "xd-violence", FIVE, classes={"B4": "fighting"})[XD_VIDEOS[2]]
    assert (riot.label, riot.group) == ("fighting", "v=abc_DEF-1")


def test_a_wrong_name_or_line_of_xd_violence_is_named(xd: Path) -> None:
    (xd / "annotations.txt").write_text("absent_label_B1-0-0 1 2\n")
    with pytest.raises(InvalidInputError, match=r"annotations\.txt, line 1: absent_label_B1-0-0 is not below"):
        listed(xd, "xd-violence", FIVE)
    touch(xd, ["videos/trailer.mp4"])
    with pytest.raises(InvalidInputError, match=r"trailer\.mp4: the name does not end in _label_"):
        listed(xd, "xd-violence", FIVE)


def test_airtlab_keeps_both_views_of_an_action_on_one_side(tmp_path: Path) -> None:
    places = [f"{name}/{camera}" for name in ("violent", "non-violent") for camera in ("cam1", "cam2")]
    touch(tmp_path / "violence-detection-dataset", [f"{place}/{n}.mp4" for place in places for n in (1, 2, 3)])
    clips = list(listed(tmp_path, "airtlab", TWO).values())
    assert len(clips) == 12
    folds: dict[str, set[int]] = {}
    for clip, fold in zip(clips, assign_folds(clips, 2), strict=True):
        folds.setdefault(f"{clip.label}/{Path(clip.path).stem}", set()).add(fold)
    assert {len(own) for own in folds.values()} == {1}
    assert {c.label for c in clips if "/non-violent/" in c.path} == {"normal"}
    with pytest.raises(InvalidInputError, match=r"AIRTLab has violent\|non-violent"):
        listed(tmp_path / "violence-detection-dataset", "airtlab", TWO, folder="violent")


def test_plain_folders_may_be_called_otherwise(tmp_path: Path) -> None:
    touch(tmp_path, ["Brawl/x_1.mp4", "normal/y_1.mp4"])
    clips = listed(tmp_path, "folders", TWO, classes={"Brawl": "fighting"})
    assert {path: clip.label for path, clip in clips.items()} == {
        "normal/y_1.mp4": "normal",
        "Brawl/x_1.mp4": "fighting",
    }


def test_a_layout_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="known are folders, ucf-crime"):
        listed(tmp_path, "hockey", TWO)
