"""Owns the options of privacy: whom pictures hide, and what is kept encrypted only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import voluptuous as vol


class Blur(NamedTuple):
    """Who is hidden in the pictures of one camera, at one moment."""

    faces: bool = False
    persons: bool = False

    @property
    def on(self) -> bool:
        return self.faces or self.persons

    def joined(self, other: Blur) -> Blur:
        """Whoever either of the two hides."""
        return Blur(self.faces or other.faces, self.persons or other.persons)


@dataclass(frozen=True, slots=True)
class BlurChoice:
    """What one camera says for itself; None is what holds for all."""

    blur_faces: bool | None = None
    blur_persons: bool | None = None


@dataclass(frozen=True, slots=True)
class PrivacyOptions:
    """What holds for all cameras. Whoever hides persons hides faces too: a head may reach out of its person's box."""

    blur_faces: bool = False
    blur_persons: bool = False

    def of(self, choice: BlurChoice) -> Blur:
        """What holds for a camera."""
        persons = self.blur_persons if choice.blur_persons is None else choice.blur_persons
        faces = self.blur_faces if choice.blur_faces is None else choice.blur_faces
        return Blur(faces or persons, persons)


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _later(value: object) -> None:
    if value not in (None, False, [], {}):
        raise vol.Invalid("not in this version")


def _given(values: Mapping[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in allowed if values.get(key) is not None}


_BLUR = ("blur_faces", "blur_persons")
_KEYS = _BLUR
_LATER = ("encrypt_originals", "encrypt_media")
SCHEMA = vol.All(
    vol.Schema({**{vol.Optional(key): _flag for key in _KEYS}, **{vol.Optional(key): _later for key in _LATER}}),
    lambda values: PrivacyOptions(**_given(values, _KEYS)),
)
CAMERA_SCHEMA = vol.All(
    vol.Schema({vol.Optional(key): _flag for key in _BLUR}), lambda values: BlurChoice(**_given(values, _BLUR))
)
