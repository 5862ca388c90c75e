"""Owns the first recipe of somebody's own clips: what a folder holds becomes a commented TOML file."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import NORMAL, VOCABULARY

from .layouts import LAYOUTS
from .layouts.listing import ClipFile, Request, find_videos

# A file or folder that only this set has.
_SIGNS = {
    "ucf-crime": "**/Anomaly_Train.txt",
    "rwf-2000": "train/NonFight",
    "airtlab": "**/non-violent/cam1",
}
_GROUPS = "clips.csv"
_FEWEST_SOURCES = 8


@dataclass(frozen=True, slots=True)
class Draft:
    """A recipe, and what somebody should know before they train it."""

    text: str
    labels: Sequence[str]
    warnings: Sequence[str]


def draft_recipe(data: Path, name: str, threads: int = 2) -> Draft:
    """For `DIR/<class>/*.mp4` or a published set. Raises InvalidInputError that says what the folder lacks."""
    if not data.is_dir():
        raise InvalidInputError(f"{data} is not a folder; put clips into {data}/{NORMAL}/, {data}/fighting/, …")
    layout = next((one for one, sign in _SIGNS.items() if next(data.glob(sign), None)), "folders")
    if layout == "folders":
        _check_folders(data)
    groups = _GROUPS if layout == "folders" and (data / _GROUPS).is_file() else None
    clips = LAYOUTS[layout](Request(data, VOCABULARY, groups=groups, partial=True))
    labels = [label for label in VOCABULARY if any(clip.label == label for clip in clips)]
    if NORMAL not in labels or len(labels) < 2:
        found = ", ".join(labels) or "none"
        raise InvalidInputError(
            f"a model needs clips of {NORMAL} and of at least one other class; {data} has {found}. "
            f"Put ordinary hours of the same cameras into {data / NORMAL}"
        )
    learned = [clip for clip in clips if clip.split != "test"]
    sources = {label: len({clip.group for clip in learned if clip.label == label}) for label in labels}
    folds = min(4, *sources.values())
    return Draft(_text(name, layout, groups, labels, learned, sources, folds, threads), labels, _warnings(sources))


def _check_folders(data: Path) -> None:
    """A folder that is no class would be left out, and nobody would see it."""
    for folder in sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if folder.name in VOCABULARY or not find_videos(folder):
            continue
        near = difflib.get_close_matches(folder.name.lower(), VOCABULARY, 1, 0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InvalidInputError(
            f"{folder} is not a class: {hint}Rename it to one of {', '.join(VOCABULARY)}, or move it away"
        )


def _warnings(sources: dict[str, int]) -> list[str]:
    few = [f"{label} ({count})" for label, count in sources.items() if count < _FEWEST_SOURCES]
    if not few:
        return []
    return [
        f"few sources: {', '.join(few)}. A source is one video or one occasion, in the name what is before the first "
        "underscore; with fewer than eight a class the figures say little and the model knows little"
    ]


def _text(
    name: str, layout: str, groups: str | None, labels: Sequence[str], clips: Sequence[ClipFile],
    sources: dict[str, int], folds: int, threads: int,
) -> str:  # fmt: skip
    counts = Counter(clip.label for clip in clips)
    found = "\n".join(f"#   {label}: {counts[label]} videos of {sources[label]} sources" for label in labels)
    weak = layout == "ucf-crime"
    lines = {
        "name": json.dumps(name),
        "labels": json.dumps(list(labels)),
        "data": f"layout = {json.dumps(layout)}\npartial = true" if layout != "folders" else 'layout = "folders"',
        "groups": f"groups = {json.dumps(groups)}\n" if groups else _NO_GROUPS if layout == "folders" else "",
        "long": _LONG if weak else "",
        "supervision": _WEAK if weak else "",
        "folds": f"folds = {folds if folds >= 2 else 0}",
        "why_no_folds": "" if folds >= 2 else "# A class has one source only: nothing to measure with. 0 skips it.\n",
        "threads": f"threads = {threads}",
        "balance": '# Rare classes are drawn as often as common ones.\nbalance = "class"\n' if len(labels) > 2 else "",
    }
    return _RECIPE.format(found=found, **lines)


_NO_GROUPS = """\
# Which clips come from the same source? A split that mixes clips of one source measures nothing. Without a list, the
# name up to the first underscore is the source; with one (path,group): groups = "clips.csv"
"""
_LONG = "# Long videos: at most so many pieces of each, spread over it.\npieces_per_video = 16\n"
_WEAK = """\
# Its training videos are long and labelled as a whole: some piece of each shows the incident (Sultani et al. 2018).
supervision = "video"
"""
_RECIPE = """\
# Made by `crime-detect recipe` of what is there:
{found}
# Change what you like; the line above each part says what it does.
limits = [
  "Say here what it was not trained on and who may be harmed by its errors: this goes onto the model's card.",
]

[model]
name = {name}
version = "1"
# normal first. These are exactly the classes that it will know.
labels = {labels}
# A small network that reads differences between pictures, in a square around the place where most moves. Others:
# docs/extending.md.
network = "mobilenet_v2-lstm"
feature_dim = 1280
input = "difference"
region = "peak"
size = 160
source_size = 320
# More gain where there is little contrast: night, infrared.
gain_rule = "contrast"
# Two seconds at eight pictures a second. Slow incidents want more frames (up to 50) or fewer a second.
frames = 16
fps = 8

[[data]]
folder = "."
{data}
{groups}{long}licence = "say whose the clips are"

[augmentation]
reverse = 0.0
grey = 0.3

[training]
# ImageNet's weights are fetched once; or a safetensors file below --data.
start = "imagenet"
epochs = 6
batch = 8
{balance}{supervision}{why_no_folds}# So many more trainings, each without one part of the sources: the honest figures.
{folds}
{threads}
"""
