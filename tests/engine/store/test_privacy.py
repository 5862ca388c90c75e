"""Owns the proof of whom a camera hides: what it says for itself, else what holds for all."""

from __future__ import annotations

import pytest
import voluptuous as vol
from crime_detect_engine.store.privacy import CAMERA_SCHEMA, SCHEMA, Blur, PrivacyOptions


@pytest.mark.parametrize(
    ("everywhere", "own", "blur"),
    [
        ({}, {}, Blur()),
        ({"blur_faces": True}, {}, Blur(faces=True)),
        ({"blur_faces": True}, {"blur_faces": False}, Blur()),
        ({}, {"blur_faces": True}, Blur(faces=True)),
        ({"blur_faces": True}, {"blur_persons": True}, Blur(faces=True, persons=True)),
        ({"blur_persons": True}, {"blur_faces": False}, Blur(faces=True, persons=True)),
        ({"blur_persons": True}, {"blur_persons": False}, Blur()),
        ({"blur_faces": None}, {"blur_faces": None}, Blur()),
    ],
)
def test_a_camera_hides_whom_it_says_itself_or_all_do(everywhere: dict, own: dict, blur: Blur) -> None:
    assert SCHEMA(everywhere).of(CAMERA_SCHEMA(own)) == blur


@pytest.mark.parametrize("wrong", [{"blur_faces": "yes"}, {"blur_faces": 1}, {"blur_heads": True}])
def test_anything_else_is_refused(wrong: dict) -> None:
    for schema in (SCHEMA, CAMERA_SCHEMA):
        with pytest.raises(vol.Invalid):
            schema(wrong)


def test_two_together_hide_whom_either_hides() -> None:
    assert Blur(faces=True).joined(Blur(persons=True)) == Blur(faces=True, persons=True)
    assert not PrivacyOptions().of(CAMERA_SCHEMA({})).on
