"""Comments of a file whose keys come, change and go: they stay in front of what they speak of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.config.editor import ConfigEditor

MASKS = [[[0, 0], [0.5, 0], [0.5, 0.25]], [[0.9, 0.9], [1, 0.9], [1, 1]]]
DRAWN = "    masks:\n      - [[0, 0], [0.5, 0], [0.5, 0.25]]\n      - [[0.9, 0.9], [1, 0.9], [1, 1]]\n"
DRAWN_LEFT = DRAWN.replace("      -", "    -")
YARD = "# mine\ncameras:\n  yard:   # the back\n    source: a.mp4   # here\n"
GATE = "\n  # the gate\n  gate: {source: b.mp4}\n# end\n"


def change(tmp_path: Path, text: str, changes: dict[tuple[str, ...], Any]) -> str:
    file = tmp_path / "crime_detect.yaml"
    file.write_text(text)
    ConfigEditor(file, {}).change(("cameras", "yard"), changes)
    return file.read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", DRAWN),
        ("    masks:   # next door\n      - [[0, 0], [1, 0], [1, 1]]\n", DRAWN.replace(":", ":   # next door", 1)),
        ("    masks: [[[0, 0], [1, 0], [1, 1]]]   # next door\n", DRAWN.replace(":", ": # next door", 1)),
        (
            "    masks:\n    - - - 0\n        - 0\n      - [1, 0]\n      - - 1\n        - 1\n",
            DRAWN.replace("      -", "    -"),
        ),
        ("    masks:   # none\n", DRAWN.replace(":", ": # none", 1)),
        ("    masks: []\n    # who else\n    name: Yard\n", DRAWN + "    # who else\n    name: Yard\n"),
    ],
)
def test_masks_are_written_a_line_each_and_comments_stay_in_their_places(
    tmp_path: Path, before: str, after: str
) -> None:
    assert change(tmp_path, YARD + before + GATE, {("masks",): MASKS}) == YARD + after + GATE
    without = "    # who else\n    name: Yard\n" if "who" in after else ""
    assert change(tmp_path, YARD + after + GATE, {("masks",): None}) == YARD + without + GATE


def test_a_comment_below_the_first_key_and_below_an_only_one_stays(tmp_path: Path) -> None:
    text = "cameras:\n  yard:\n    masks: [[[0, 0], [1, 0], [1, 1]]]\n    # the file\n    source: a.mp4\n"
    assert change(tmp_path, text, {("masks",): None}) == text.replace("    masks: [[[0, 0], [1, 0], [1, 1]]]\n", "")
    text = f"{YARD}    detection:\n      per_class: {{fighting: 0.7}}\n{GATE}"
    kept = change(tmp_path, text, {("detection", "per_class"): None})
    assert [line for line in kept.splitlines() if "#" in line] == [line for line in text.splitlines() if "#" in line]


def test_a_camera_that_is_added_or_removed_leaves_the_comments_of_the_others(tmp_path: Path) -> None:
    file = tmp_path / "crime_detect.yaml"
    file.write_text(YARD + GATE)
    editor = ConfigEditor(file, {})
    editor.add_camera("shed", {"source": "c.mp4"})
    shed = "  shed:\n    source: c.mp4\n"
    assert file.read_text() == (YARD + GATE).replace("# end\n", shed + "# end\n")
    editor.remove_camera("yard")
    assert file.read_text() == "# mine\ncameras:\n" + GATE.replace("# end\n", shed) + "# end\n"
