"""Owns the proof that photos go to the model that reads photos, where there is one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine import photos
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.photos import PhotoLook, find_photo_model
from crime_detect_engine.vision.checkpoint import Listing


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[Listing]:
    listings: list[Listing] = []
    monkeypatch.setattr(photos, "list_checkpoints", lambda _folders: listings)
    return listings


def test_only_a_trained_model_of_single_pictures_is_one(small_spec: ModelSpec, listed: list[Listing]) -> None:
    listed.append(Listing("m", Path("m"), small_spec))
    listed.append(Listing("half", Path("half"), replace(small_spec, name="half", frames=1, trained=False)))
    listed.append(Listing("broken", Path("broken"), None, "was altered"))
    assert find_photo_model(()) is None
    listed.append(Listing("photo", Path("photo"), replace(small_spec, name="photo", frames=1, min_frames=1)))
    assert find_photo_model(()) == "photo"


def test_photos_go_to_it_and_videos_do_not(
    small_spec: ModelSpec, listed: list[Listing], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def load(name: str, *_: Any) -> tuple[str, None]:
        loaded.append(name)
        return f"classifier of {name}", None

    monkeypatch.setattr(photos, "load_classifier", load)
    usual: Any = "the usual one"
    assert PhotoLook(usual, "cpu", ()).classifier_of(Path("a.jpg")) == usual, "nobody trained one"
    listed.append(Listing("photo", Path("photo"), replace(small_spec, name="photo", frames=1, min_frames=1)))
    look = PhotoLook(usual, "cpu", ())
    assert [look.classifier_of(Path(name)) for name in ("a.JPG", "a.mp4", "b.png")] == [
        "classifier of photo", usual, "classifier of photo",
    ]  # fmt: skip
    assert loaded == ["photo"], "it is loaded once, and only when a photo comes"
