"""Owns the check of a package by somebody who has nothing else: the file, and perhaps the public key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from crime_detect_engine.domain.errors import InvalidInputError

from . import package
from .container import ContainerError, Member, members, read
from .keys import SIGNATURE_BYTES, PublicKey
from .links import AUDIT, Content, Link, canonical, check_link, read_link, sha256

MAX_JSON_BYTES = 300_000_000
_MANIFEST_KEYS = {
    "format", "version", "made_at", "engine", "incident_id", "key_id", "chain", "parts", "missing", "notes",
}  # fmt: skip
_TAIL = (package.MANIFEST, package.SIGNATURE, package.PUBLIC_KEY)
_Opened = Mapping[str, Member]


class EvidenceError(ContainerError):
    """The package does not hold; the message names the first place."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A package that holds. `trusted`: the signature is of a key that the caller named, not only of the package's."""

    incident_id: str
    made_at: str
    key_id: str
    trusted: bool
    links: int
    head: Mapping[str, Any]
    parts: Sequence[str]
    missing: Mapping[str, str]
    notes: Sequence[str]


def verify_package(path: Path, trusted: PublicKey | None = None, signature: bytes | None = None) -> Checked:
    """Raises ContainerError (EvidenceError) that names the first link, part or byte range that does not hold.

    `signature` is the detached one over the whole file.
    """
    opened = {member.name: member for member in members(path)}
    with path.open("rb") as file:
        key = _key(file, opened, trusted)
        if signature is not None and not key.verifies(signature, package.file_sha256(path).encode("ascii")):
            raise EvidenceError("the signature beside the file is not of this file and this key")
        manifest = _manifest(file, opened, key)
        _check_parts(file, opened, manifest)
        try:
            links = _check_chain(file, opened, manifest)
        except (KeyError, TypeError, ValueError, RecursionError, AttributeError) as error:
            raise EvidenceError(f"a part is not what its name says: {type(error).__name__}") from error
    head, missing = manifest["chain"]["head"], {one["part"]: one["why"] for one in manifest["missing"]}
    return Checked(
        manifest["incident_id"], manifest["made_at"], key.key_id, trusted is not None, links, head,
        [one["name"] for one in manifest["parts"]], missing, manifest["notes"],
    )  # fmt: skip


def read_signature(data: bytes) -> bytes:
    """64 bytes, or the same in base64. Raises InvalidInputError."""
    if len(data) == SIGNATURE_BYTES:
        return data
    try:
        raw = base64.b64decode(data.strip(), validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != SIGNATURE_BYTES:
        raise InvalidInputError("this is no signature: it has 64 bytes, or the same in base64")
    return raw


def _bytes(file: BinaryIO, opened: _Opened, name: str, limit: int = MAX_JSON_BYTES) -> bytes:
    member = opened.get(name)
    if member is None:
        raise EvidenceError(f"{name} is missing")
    if member.size > limit:
        raise EvidenceError(f"{name} is larger than any of its kind")
    return b"".join(read(file, member))


def _key(file: BinaryIO, opened: _Opened, trusted: PublicKey | None) -> PublicKey:
    try:
        own = PublicKey.read(_bytes(file, opened, package.PUBLIC_KEY, 10_000))
    except InvalidInputError as error:
        raise EvidenceError(f"{package.PUBLIC_KEY}: {error}") from error
    if trusted is not None and trusted.key_id != own.key_id:
        raise EvidenceError(f"it is signed by another key ({own.key_id[:16]}…) than yours ({trusted.key_id[:16]}…)")
    return own


def _manifest(file: BinaryIO, opened: _Opened, key: PublicKey) -> dict[str, Any]:
    """What it promises is believed only once the signature holds."""
    text = _bytes(file, opened, package.MANIFEST, 1_000_000)
    if not key.verifies(_bytes(file, opened, package.SIGNATURE, 1000), text):
        raise EvidenceError(
            f"{package.MANIFEST} was changed, or is signed by another key: {package.SIGNATURE} does not fit"
        )
    try:
        manifest = json.loads(text)
        if set(manifest) != _MANIFEST_KEYS or manifest["format"] != package.FORMAT:
            raise ValueError("other keys")
        if not all(isinstance(part["bytes"], int) and len(part["sha256"]) == 64 for part in manifest["parts"]):
            raise ValueError("other parts")
        told = [one["part"] for one in manifest["missing"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceError(f"{package.MANIFEST} is not one of these packages") from error
    if manifest["version"] != package.VERSION:
        raise EvidenceError(f"the package is of version {manifest['version']}; get a newer crime-detect to check it")
    if manifest["key_id"] != key.key_id:
        raise EvidenceError(f"{package.MANIFEST} names another key than {package.PUBLIC_KEY}")
    if set(told) & set(opened):
        raise EvidenceError(f"{package.MANIFEST} calls a part missing that is there")
    return dict(manifest)


def _check_parts(file: BinaryIO, opened: _Opened, manifest: Mapping[str, Any]) -> None:
    expected = [*(part["name"] for part in manifest["parts"]), *_TAIL]
    for name in opened:
        if name not in expected:
            raise EvidenceError(f"{name} is not in the manifest")
    for part in manifest["parts"]:
        member = opened.get(part["name"])
        if member is None:
            raise EvidenceError(f"{part['name']} is missing")
        digest = hashlib.sha256()
        for chunk in read(file, member):
            digest.update(chunk)
        if member.size != part["bytes"] or not hmac.compare_digest(digest.hexdigest(), part["sha256"]):
            raise EvidenceError(f"{part['name']} was changed: its digest is another than the manifest's")
    for name, wanted in zip(opened, expected, strict=True):
        if name != wanted:
            raise EvidenceError(f"{name} stands where {wanted} should: the parts were reordered")


def _check_chain(file: BinaryIO, opened: _Opened, manifest: Mapping[str, Any]) -> int:
    """How many links hold. Raises EvidenceError, or what reading strange JSON raises."""
    incident_id = manifest["incident_id"]
    previous: Link | None = None
    last: tuple[int, dict[str, Any]] | None = None
    audited: dict[str, tuple[int, str]] = {}
    count = 0
    for item in json.loads(_bytes(file, opened, package.CHAIN)):
        link = read_link(item["link"])
        content = Content(**item["content"]) if "content" in item else None
        first = manifest["chain"]["first"]
        fault = check_link(link, previous, content, first=first)
        if fault is not None:
            raise EvidenceError(f"{package.CHAIN}, {fault}")
        if content is not None and content.subject == incident_id:
            last = (link.seq, json.loads(content.text))
        elif content is not None and content.subject.startswith(AUDIT):
            audited[content.subject] = (link.seq, content.text)
        previous, count = link, count + 1
    head = manifest["chain"]["head"]
    if previous is None or (previous.seq, previous.hash, previous.at) != (head["seq"], head["hash"], head["at"]):
        raise EvidenceError(f"{package.CHAIN} ends before link {head['seq']}, which the manifest names as its newest")
    _check_custody(file, opened, audited)
    _check_incident(file, opened, manifest, last)
    return count


def _check_custody(file: BinaryIO, opened: _Opened, audited: Mapping[str, tuple[int, str]]) -> None:
    entries = {f"{AUDIT}:{one['id']}": one for one in json.loads(_bytes(file, opened, package.CUSTODY))["audit"]}
    for subject, (seq, text) in audited.items():
        entry = entries.pop(subject, None)
        if entry is None or canonical(entry) != canonical(json.loads(text)):
            raise EvidenceError(f"{package.CUSTODY} and link {seq} differ: {subject}")
    if entries:
        raise EvidenceError(f"{package.CUSTODY} has {next(iter(entries))}, which is in no link")


def _check_incident(
    file: BinaryIO, opened: _Opened, manifest: Mapping[str, Any], last: tuple[int, dict[str, Any]] | None
) -> None:
    """Record, scores, circumstances and files against the incident's newest link; one that goes on has none."""
    record = json.loads(_bytes(file, opened, package.INCIDENT))
    if record["incident_id"] != manifest["incident_id"]:
        raise EvidenceError(f"{package.INCIDENT} is of another incident")
    if last is None:
        if record["ended_at"] is not None:
            raise EvidenceError(f"{package.INCIDENT} is over, and {package.CHAIN} has no link of it")
        return
    seq, content = last
    if canonical(record) != canonical(content["incident"]):
        raise EvidenceError(f"{package.INCIDENT} differs from link {seq}")
    if sha256(canonical(json.loads(_bytes(file, opened, package.SCORES)))) != content["scores_sha256"]:
        raise EvidenceError(f"{package.SCORES} differs from link {seq}")
    circumstances = json.loads(_bytes(file, opened, package.CAMERA)) if package.CAMERA in opened else None
    if canonical(circumstances) != canonical(content["circumstances"]):
        raise EvidenceError(f"{package.CAMERA} differs from link {seq}")
    digests = {part["name"]: part["sha256"] for part in manifest["parts"]}
    for kind, name in package.FILE_PARTS.items():
        known = content["media"].get(kind, {}).get("sha256")
        if known is not None and name in digests and digests[name] != known:
            raise EvidenceError(f"{name} is another file than the one that link {seq} is the digest of")
