"""Owns what a package is made of: the parts, their manifest, and the signatures."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from crime_detect_engine.domain.media import StoredMedia
from crime_detect_engine.store.sealing import SealError

from .container import Packer
from .keys import SigningKey
from .links import Content, Link
from .report import report_html

FORMAT, VERSION = "crime-detect-evidence", 1
MANIFEST, SIGNATURE, PUBLIC_KEY, README = "manifest.json", "manifest.sig", "public-key.pem", "README.txt"
INCIDENT, CAMERA, CUSTODY, CHAIN = "incident.json", "camera.json", "custody.json", "chain.json"
SCORES, SCORES_CSV, REPORT = "scores.json", "scores.csv", "report.html"
REPORT_PDF = "report.pdf"
SNAPSHOT_PART, CLIP_PART = "snapshot.jpg", "clip.mp4"
MEDIA_PARTS = {"snapshot": SNAPSHOT_PART, "clip": CLIP_PART}
ORIGINAL_PARTS = {"original_picture": "original.jpg", "original_clip": "original.mp4"}
"""What blurring hides; only there where somebody who may see it asked for it."""
FILE_PARTS = {**MEDIA_PARTS, **ORIGINAL_PARTS}
_README = Path(__file__).with_name("README.txt")


@dataclass(frozen=True, slots=True)
class Material:
    """What the store knows of one incident at one moment; `files` by kind, `missing` says why a part is not there."""

    incident_id: str
    incident: Mapping[str, Any]
    scores: Sequence[Mapping[str, Any]]
    circumstances: Mapping[str, Any] | None
    custody: Mapping[str, Any]
    links: Sequence[tuple[Link, Content | None]]
    files: Mapping[str, StoredMedia]
    missing: Mapping[str, str]
    made_at: str
    engine: Mapping[str, str]
    notes: Sequence[str] = field(default_factory=tuple)


def readable_json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


Printer = Callable[[Material, Mapping[str, str], bytes], bytes]
"""A package's material, what is missing from it and why, and the picture, to the report as PDF."""


def build_package(material: Material, key: SigningKey, target: BinaryIO, printer: Printer | None = None) -> None:
    """Writes the package. Raises OSError, StoreError, or ContainerError when it would be too large.

    A file that goes while this runs is named as missing.
    """
    missing = dict(material.missing)
    parts: list[dict[str, Any]] = []
    packer = Packer(target)

    def add(name: str, content: Any) -> None:
        size, digest = packer.add(name, content)
        parts.append({"name": name, "bytes": size, "sha256": digest})

    add(README, _README.read_bytes())
    picture = b""
    for kind, name in FILE_PARTS.items():
        if kind not in material.files:
            continue
        try:
            media = material.files[kind].open()
        except FileNotFoundError:
            missing[name] = "the file went while the package was made, or is not on the disk"
            continue
        except SealError:
            missing[name] = "the sealed file does not open: it was changed or cut, or sealed with another key"
            continue
        with media:
            add(name, media)
            if kind == "snapshot":
                media.seek(0)
                picture = media.read()
    add(REPORT, report_html(material, missing, picture).encode())
    if printer is not None:
        add(REPORT_PDF, printer(material, missing, picture))
    add(INCIDENT, readable_json(material.incident))
    add(SCORES, readable_json(material.scores))
    add(SCORES_CSV, scores_csv(material.scores).encode())
    if material.circumstances is None:
        missing[CAMERA] = "nobody wrote down the camera and rules that were in force when the incident ended"
    else:
        add(CAMERA, readable_json(material.circumstances))
    add(CUSTODY, readable_json(material.custody))
    add(CHAIN, _chain_json(material.links))
    manifest = readable_json(_manifest(material, parts, missing, key))
    packer.add(MANIFEST, manifest)
    packer.add(SIGNATURE, key.sign(manifest))
    packer.add(PUBLIC_KEY, key.public.pem)
    packer.finish()


def sign_file(digest: str, key: SigningKey) -> bytes:
    """The detached signature of a whole file, over the 64 characters of its SHA-256."""
    return key.sign(digest.encode("ascii"))


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def scores_csv(scores: Sequence[Mapping[str, Any]]) -> str:
    """A row a score. Class names are the engine's own and begin with a letter, so that no cell is a formula."""
    labels = sorted({label for score in scores for label in score["probabilities"]})
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["at", *labels])
    for score in scores:
        writer.writerow([score["at"], *(score["probabilities"].get(label, "") for label in labels)])
    return text.getvalue()


def _chain_json(links: Sequence[tuple[Link, Content | None]]) -> bytes:
    """One link a line: chains are long."""
    told = []
    for link, content in links:
        value: dict[str, Any] = {"link": link.json()}
        if content is not None:
            value["content"] = {"subject": content.subject, "salt": content.salt, "text": content.text}
        told.append(json.dumps(value, sort_keys=True, ensure_ascii=False))
    return ("[\n" + ",\n".join(told) + "\n]\n").encode()


def _manifest(
    material: Material, parts: Sequence[Mapping[str, Any]], missing: Mapping[str, str], key: SigningKey
) -> dict[str, Any]:
    first, head = material.links[0][0], material.links[-1][0]
    return {
        "format": FORMAT,
        "version": VERSION,
        "made_at": material.made_at,
        "engine": dict(material.engine),
        "incident_id": material.incident_id,
        "key_id": key.public.key_id,
        "chain": {"first": first.seq, "head": {"seq": head.seq, "hash": head.hash, "at": head.at}},
        "parts": list(parts),
        "missing": [{"part": name, "why": why} for name, why in sorted(missing.items())],
        "notes": list(material.notes),
    }
