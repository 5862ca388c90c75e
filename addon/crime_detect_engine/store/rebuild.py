"""Owns the sidecar files: one JSON beside each incident's media, from which a lost database can be filled again."""

from __future__ import annotations

import json
import logging
from typing import Any

from sqlalchemy import Connection

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.types import Incident

from .lifecycle import MediaFile, register
from .media import SIDECAR, SUFFIX, MediaFolder
from .records import find_row, incident_document, incident_from_document, save

_log = logging.getLogger(__name__)

SIDECAR_VERSION = 1


def sidecar_bytes(incident: Incident, *, published: bool) -> bytes:
    document = {"sidecar_version": SIDECAR_VERSION, "published": published, "incident": incident_document(incident)}
    return json.dumps(document, indent=1, sort_keys=True).encode()


def rebuild(connection: Connection, folder: MediaFolder) -> int:
    """Enters every incident that has a readable sidecar; returns how many. Scores are not in sidecars."""
    count = 0
    for relative in list(folder.files()):
        if not relative.endswith(SUFFIX[SIDECAR]):
            continue
        try:
            document: dict[str, Any] = json.loads(folder.read(relative))
            if document["sidecar_version"] != SIDECAR_VERSION:
                raise ValueError("made by another version")
            incident = incident_from_document(document["incident"])
            published = bool(document["published"])
        except (ValueError, KeyError, TypeError, OSError, StoreError) as error:
            _log.warning("%s is no record of an incident and was left alone: %r", relative, error)
            continue
        if incident is None or find_row(connection, incident.incident_id) is not None:
            continue
        stem = relative.removesuffix(SUFFIX[SIDECAR])
        save(connection, incident, published=published, stem=stem)
        for kind, suffix in SUFFIX.items():
            if folder.exists(stem + suffix):
                file = MediaFile(stem + suffix, incident.incident_id, incident.camera, kind, folder.size(stem + suffix))
                register(connection, file, incident.started_at)
        count += 1
    return count
