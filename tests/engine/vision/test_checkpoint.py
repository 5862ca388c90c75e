"""Owns the proof that only a whole, unaltered, trained checkpoint is served."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import (
    DEFAULT_NAME,
    NETWORK_NAMES,
    SHIPPED,
    find_checkpoint,
    list_checkpoints,
    read_checkpoint,
    write_checkpoint,
)

MODELS = Path(__file__).resolve().parents[3] / "models"


@pytest.fixture
def copy(tmp_path: Path, default_checkpoint: Any) -> Path:
    """The shipped default, in a folder that a test may damage."""
    return Path(shutil.copytree(default_checkpoint.folder, tmp_path / DEFAULT_NAME))


def test_the_default_is_a_trained_model_that_knows_normal_and_fighting() -> None:
    checkpoint = find_checkpoint("default")
    assert checkpoint.spec.name == DEFAULT_NAME
    assert checkpoint.spec.labels == ("normal", "fighting")
    assert checkpoint.spec.trained
    assert checkpoint.has_openvino


@pytest.mark.parametrize("folder", sorted(p for p in SHIPPED.iterdir() if p.is_dir() and p.name[0] not in "._"))
def test_what_ships_is_a_copy_of_models(folder: Path) -> None:
    def digests(root: Path) -> dict[str, str]:
        files = (path for path in root.rglob("*") if path.is_file())
        return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    shipped = digests(folder)
    assert shipped == digests(MODELS / folder.name)
    assert sum((folder / name).stat().st_size for name in shipped) <= 25_000_000


@pytest.mark.parametrize("name", ["weights.safetensors", "openvino/cnn.bin", "openvino/head.xml", "card.md"])
def test_an_altered_file_is_refused_by_name(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{name} was altered or cut off"):
        read_checkpoint(copy)


def test_a_truncated_file_is_refused(copy: Path) -> None:
    weights = copy / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="altered or cut off"):
        read_checkpoint(copy)


def test_swapped_files_are_refused(copy: Path) -> None:
    (copy / "openvino/cnn.bin").rename(copy / "other")
    (copy / "openvino/head.bin").rename(copy / "openvino/cnn.bin")
    (copy / "other").rename(copy / "openvino/head.bin")
    with pytest.raises(CheckpointError, match=r"\.bin was altered"):
        read_checkpoint(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "openvino/head.bin").unlink()
    with pytest.raises(CheckpointError, match=r"head\.bin cannot be read"):
        read_checkpoint(copy)


def test_a_folder_without_model_json_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"labels": ["normal"]}, "labels"),
        ({"labels": ["normal", "witchcraft"]}, "labels"),
        ({"temperature": 0}, "temperature"),
        ({"min_frames": 20}, "frames"),
        ({"input": "thermal"}, "input"),
        ({"format": 2}, "format 2"),
        ({"fps": "fast"}, "model description"),
        ({"std": None}, "model description"),
    ],
)
def test_a_wrong_description_is_refused_with_what_is_wrong(copy: Path, change: dict[str, Any], word: str) -> None:
    content = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(content | change))
    with pytest.raises(CheckpointError, match=word):
        read_checkpoint(copy)


def test_text_that_is_no_json_is_refused(copy: Path) -> None:
    (copy / "model.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"model\.json cannot be read"):
        read_checkpoint(copy)


@pytest.mark.parametrize("name", ["../secrets", "/etc/passwd", "a/../../b", "..", "a\\b", "a//b"])
def test_a_digest_cannot_name_a_file_outside_the_folder(copy: Path, name: str) -> None:
    content = json.loads((copy / "model.json").read_text())
    content["sha256"][name] = "0" * 64
    (copy / "model.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="outside its folder"):
        read_checkpoint(copy)


def test_an_untrained_model_cannot_be_selected(
    tmp_path: Path, rgb_spec: ModelSpec, write_model: Callable[..., Path]
) -> None:
    write_model(replace(rgb_spec, trained=False))
    with pytest.raises(CheckpointError, match="no trained head"):
        find_checkpoint("rgb", [tmp_path])


@pytest.mark.parametrize("network", NETWORK_NAMES)
def test_a_network_is_not_a_model(network: str) -> None:
    with pytest.raises(CheckpointError, match=f"{network} is a network, not a trained model"):
        find_checkpoint(network)


@pytest.mark.parametrize("name", ["nothing", "../x", "", "A"])
def test_an_unknown_model_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError):
        find_checkpoint(name)


def test_the_users_model_comes_before_the_shipped_one(copy: Path, tmp_path: Path) -> None:
    assert find_checkpoint("default", [tmp_path]).folder == copy


def test_models_lists_broken_ones_with_their_error(copy: Path, tmp_path: Path) -> None:
    (copy / "card.md").write_text("figures typed by hand")
    listings = {listing.name: listing for listing in list_checkpoints([tmp_path])}
    assert "altered" in (listings[DEFAULT_NAME].error or "")
    assert listings["resnet50-lstm"].spec is None
    assert "without a trained head" in (listings["resnet50-lstm"].error or "")


def test_writing_keeps_what_was_said_and_renews_the_digests(copy: Path) -> None:
    spec = read_checkpoint(copy).spec
    (copy / "card.md").write_text("another card")
    written = write_checkpoint(copy, replace(spec, temperature=1.5))
    assert written.spec.temperature == 1.5
    assert written.spec.sha256["card.md"] == hashlib.sha256(b"another card").hexdigest()
    assert read_checkpoint(copy).spec == written.spec
