"""Owns the tests of what asks to encrypt and cannot: refused by name, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine.config import parse_config
from crime_detect_engine.domain.errors import ConfigError

CAMERA = "cameras: {yard: {source: a.mp4, privacy: {blur_faces: true}}}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("privacy: {encrypt_originals: true}", ["encrypt_originals", "blur_faces", "encrypt_media"]),
        (
            "privacy: {encrypt_database: true}\ndatabase: postgresql+psycopg://u:secret@db/x",
            ["encrypt_database", "PostgreSQL", "disk"],
        ),
        ("privacy: {key_file: media.key}", ["key_file", "full path"]),
        ("privacy: {encrypt_media: 1}", ["encrypt_media", "true or false"]),
    ],
)
def test_what_cannot_be_is_refused(text: str, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f"timezone: UTC\n{text}", tmp_path / "c.yaml", {})
    for word in words:
        assert word in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["privacy: {blur_faces: true, encrypt_originals: true}", f"privacy: {{encrypt_originals: true}}\n{CAMERA}"]
)
def test_originals_are_kept_where_somebody_is_hidden(text: str, tmp_path: Path) -> None:
    assert parse_config(f"timezone: UTC\n{text}", tmp_path / "c.yaml", {}).privacy.encrypt_originals


def test_nothing_is_encrypted_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert not parse_config("timezone: UTC", tmp_path / "c.yaml", {}).privacy.encrypts
