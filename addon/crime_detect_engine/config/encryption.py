"""Owns what only shows when the section `privacy` meets the others: what asks to encrypt and cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import voluptuous as vol

from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.privacy import BlurChoice, PrivacyOptions


def encryption_faults(
    privacy: PrivacyOptions, choices: Iterable[BlurChoice], database: DatabaseOptions
) -> Iterator[vol.Invalid]:
    """`choices` are what the cameras say for themselves."""
    if privacy.encrypt_originals and not any(privacy.of(one).on for one in (BlurChoice(), *choices)):
        yield vol.Invalid(
            "keeps what blurring hides, and nothing is blurred: add `blur_faces` or `blur_persons`, here or to a "
            "camera, or encrypt everything with `encrypt_media`",
            path=["privacy", "encrypt_originals"],
        )
    if privacy.encrypt_database and database.url is not None:
        yield vol.Invalid(
            "is for SQLite: what PostgreSQL writes is its server's, so encrypt the disk that its data lie on "
            "(docs/privacy/encryption.md)",
            path=["privacy", "encrypt_database"],
        )
