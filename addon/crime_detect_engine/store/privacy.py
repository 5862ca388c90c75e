"""Owns the options of privacy: whom pictures hide, and what is kept encrypted only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
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
    encrypt_originals: bool = False
    """What the blur hides is kept too, sealed, for investigators."""
    encrypt_media: bool = False
    """Pictures, clips and the records beside them lie sealed."""
    encrypt_database: bool = False
    key_file: Path | None = None
    """Another place for the key than DATA/keys; like a stick that is only there while the engine runs."""

    @property
    def encrypts(self) -> bool:
        return self.encrypt_originals or self.encrypt_media or self.encrypt_database

    def of(self, choice: BlurChoice) -> Blur:
        """What holds for a camera."""
        persons = self.blur_persons if choice.blur_persons is None else choice.blur_persons
        faces = self.blur_faces if choice.blur_faces is None else choice.blur_faces
        return Blur(faces or persons, persons)


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _path(value: object) -> Path | None:
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value or not Path(value).is_absolute():
        raise vol.Invalid("expected the full path of a file, like /mnt/key/media.key")
    return Path(value)


def _given(values: Mapping[str, Any], allowed: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in allowed if values.get(key) is not None}


_BLUR = ("blur_faces", "blur_persons")
_FLAGS = (*_BLUR, "encrypt_originals", "encrypt_media", "encrypt_database")
SCHEMA = vol.All(
    vol.Schema({**{vol.Optional(key): _flag for key in _FLAGS}, vol.Optional("key_file"): _path}),
    lambda values: PrivacyOptions(**_given(values, (*_FLAGS, "key_file"))),
)
CAMERA_SCHEMA = vol.All(
    vol.Schema({vol.Optional(key): _flag for key in _BLUR}), lambda values: BlurChoice(**_given(values, _BLUR))
)
