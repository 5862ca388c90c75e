"""The layout of a checkpoint, held for every model that ships."""

from __future__ import annotations

import json
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import read_checkpoint

ROOT = Path(__file__).resolve().parent.parent.parent
SHIPPED = sorted(path.parent for path in (ROOT / "addon/crime_detect_engine/checkpoints").glob("*/model.json"))
FILES = {
    "model.json", "weights.safetensors", "openvino/cnn.xml", "openvino/cnn.bin", "openvino/head.xml",
    "openvino/head.bin", "recipe.toml", "report.json", "card.md",
}  # fmt: skip


NEWER = {"lag", "gain_rule", "region", "source_size", "enhance", "precisions"}


def test_something_ships() -> None:
    assert SHIPPED


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_the_layout_of_a_checkpoint(folder: Path) -> None:
    truth = ROOT / "models" / folder.name
    present = {path.relative_to(truth).as_posix() for path in truth.rglob("*") if path.is_file()}
    assert present >= FILES
    description = json.loads((truth / "model.json").read_text())
    known = {"format", *(field.name for field in fields(ModelSpec))}
    assert set(description) <= known
    assert known - set(description) <= NEWER, "an older checkpoint lacks only what came later, which has a default"
    assert description["name"] == folder.name
    assert set(description["sha256"]) == present - {"model.json"}, "every file has its digest"
    assert read_checkpoint(truth).spec == read_checkpoint(folder).spec
    assert tomllib.loads((truth / "recipe.toml").read_text())
    assert isinstance(json.loads((truth / "report.json").read_text()), dict)
    assert (truth / "card.md").read_text().startswith("#")


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_weights_are_tensors_and_nothing_else(folder: Path) -> None:
    """No pickle: the header of a safetensors file is JSON that names types, shapes and places."""
    content = (folder / "weights.safetensors").read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    assert all(set(tensor) == {"dtype", "shape", "data_offsets"} for tensor in header.values())
    assert max(tensor["data_offsets"][1] for tensor in header.values()) == len(content) - 8 - size
