"""A folder of somebody's own clips becomes a recipe that trains; what it lacks is said before hours are spent."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.learning.draft import draft_recipe
from crime_detect_engine.learning.recipe import parse_recipe


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_the_recipe_knows_exactly_the_classes_that_have_clips(tmp_path: Path) -> None:
    names = [f"{label}/{source}_{n}.mp4" for label in ("robbery", "normal") for source in "abc" for n in range(2)]
    (tmp_path / "shooting").mkdir()
    draft = draft_recipe(put(tmp_path, *names), "shop")
    recipe = parse_recipe(draft.text)
    assert (recipe.name, recipe.spec.labels) == ("shop", ("normal", "robbery"))
    assert (recipe.data[0].folder, recipe.data[0].layout, recipe.training.supervision) == (".", "folders", "clip")
    assert recipe.training.folds == 3, "no more folds than a class has sources"
    assert "#   robbery: 6 videos of 3 sources" in draft.text
    assert "normal (3), robbery (3)" in draft.warnings[0]


def test_a_list_of_groups_is_used_where_there_is_one(tmp_path: Path) -> None:
    put(tmp_path, "normal/a.mp4", "normal/b.mp4", "fighting/c.mp4")
    rows = ["path,group", "normal/a.mp4,one", "normal/b.mp4,one", "fighting/c.mp4,two"]
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    recipe = parse_recipe(draft_recipe(tmp_path, "m").text)
    assert recipe.data[0].groups == "clips.csv"
    assert recipe.training.folds == 0, "one source a class: there is nothing to measure with"


def test_ucf_crime_is_recognised_and_its_labels_hold_for_whole_videos(tmp_path: Path) -> None:
    put(
        tmp_path, "Robbery/Robbery001_x264.mp4", "Robbery/Robbery002_x264.mp4", "Robbery/Robbery003_x264.mp4",
        "Training/Normal_Videos001_x264.mp4", "Training/Normal_Videos002_x264.mp4",
    )  # fmt: skip
    lists = tmp_path / "Anomaly_Detection_splits"
    put(lists, "Temporal_Anomaly_Annotation_for_Testing_Videos.txt")
    listed = [f"Robbery/Robbery00{n}_x264.mp4" for n in (1, 2)] + [f"T/Normal_Videos00{n}_x264.mp4" for n in (1, 2)]
    (lists / "Anomaly_Train.txt").write_text("\n".join(listed))
    (lists / "Anomaly_Test.txt").write_text("Robbery/Robbery003_x264.mp4\nAbuse/Abuse001_x264.mp4")
    draft = draft_recipe(tmp_path, "ucf")
    recipe = parse_recipe(draft.text)
    assert recipe.spec.labels == ("normal", "robbery"), "what was not fetched is not promised"
    assert (recipe.data[0].layout, recipe.data[0].partial) == ("ucf-crime", True)
    assert (recipe.training.supervision, recipe.training.folds) == ("video", 2)
    assert "#   robbery: 2 videos" in draft.text, "the test list never trains"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("normal/a.mp4", "robberies/b.mp4"), "did you mean robbery"),
        (("robbery/b.mp4",), "ordinary hours of the same cameras"),
        (("normal/a.mp4",), "at least one other class"),
        ((), "no video of the classes"),
    ],
)
def test_what_a_folder_lacks_is_said(names: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=said):
        draft_recipe(put(tmp_path, *names), "m")
    with pytest.raises(InvalidInputError, match="is not a folder"):
        draft_recipe(tmp_path / "nowhere", "m")
