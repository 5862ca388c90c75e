"""Owns the audit as a file that anybody can check: one JSON object a line, links of the chain, and a signature at the
end."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from crime_detect_engine.domain.errors import InvalidInputError

from .evidence.keys import SIGNATURE_BYTES, PublicKey, SigningKey
from .evidence.links import AUDIT, Content, Link, canonical, check_link, read_link

FORMAT = "crime_detect audit"
VERSION = 1
_LINE_BYTES = 4_000_000


class AuditFileError(Exception):
    """The first line that does not hold, and why."""


@dataclass(frozen=True, slots=True)
class CheckedAudit:
    """What a good file says. `entries` are told in full; of `links - entries` only that they are there."""

    engine: str
    made_at: str
    filters: Mapping[str, Any]
    links: int
    entries: int
    first: int | None
    last: int | None
    key_id: str
    trusted: bool
    """Signed by the key that the caller named, not only by the one that came in the file."""


class AuditWriter:
    """Lines in order: `head`, one `link` each, `end`. Each is bytes with its line break."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        self._digest = hashlib.sha256()
        self._links = self._entries = 0

    def head(self, engine: str, made_at: str, filters: Mapping[str, Any]) -> bytes:
        pem = self._key.public.pem.decode()
        return self._line(
            {"format": FORMAT, "version": VERSION, "engine": engine, "made_at": made_at, "filters": filters, "key": pem}
        )

    def link(self, link: Link, content: Content | None) -> bytes:
        """`content` only of an audit entry; None of what is not told, or was erased."""
        self._links += 1
        if content is None:
            return self._line({"link": link.json()})
        self._entries += 1
        return self._line({"entry": json.loads(content.text), "salt": content.salt, "link": link.json()})

    def end(self) -> bytes:
        said = {"links": self._links, "entries": self._entries, "sha256": self._digest.hexdigest()}
        signature = base64.b64encode(self._key.sign(_signed(said))).decode()
        return self._line({"end": said, "signature": signature})

    def _line(self, value: Mapping[str, Any]) -> bytes:
        line = f"{canonical(value)}\n".encode()
        self._digest.update(line)
        return line


def verify_audit(path: Path, key: PublicKey | None = None) -> CheckedAudit:
    """Reads nothing but the file. Raises AuditFileError, and InvalidInputError for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            return _verify(file, key)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from error


def _verify(file: BinaryIO, trusted: PublicKey | None) -> CheckedAudit:
    lines = _lines(file)
    _, first_line, head = next(lines, (1, b"", {}))
    if head.get("format") != FORMAT or head.get("version") != VERSION:
        raise AuditFileError("line 1: this is no audit of crime_detect that this version reads")
    own = _key_of(head)
    if trusted is not None and own.key_id != trusted.key_id:
        raise AuditFileError(f"line 1: signed by another key than the one given ({own.key_id})")
    digest = hashlib.sha256(first_line)
    previous: Link | None = None
    first, count, entries = None, 0, 0
    for number, line, value in lines:
        if "end" in value:
            _check_end(number, value, {"links": count, "entries": entries, "sha256": digest.hexdigest()}, own)
            if next(lines, None) is not None:
                raise AuditFileError(f"line {number + 1}: something stands after the end")
            last = None if previous is None else previous.seq
            told = str(head.get("engine")), str(head.get("made_at")), dict(head.get("filters") or {})
            return CheckedAudit(*told, count, entries, first, last, own.key_id, trusted is not None)
        link, content = _linked(number, value)
        first = link.seq if first is None else first
        if (fault := check_link(link, previous, content, first=first)) is not None:
            raise AuditFileError(f"line {number}: {fault}")
        digest.update(line)
        previous, count, entries = link, count + 1, entries + (content is not None)
    raise AuditFileError("the end is missing: the file was cut off")


def _linked(number: int, value: Mapping[str, Any]) -> tuple[Link, Content | None]:
    try:
        link = read_link(value["link"])
        if set(value) == {"link"}:
            return link, None
        if set(value) != {"entry", "salt", "link"} or link.kind != AUDIT:
            raise ValueError(value)
        text = canonical(value["entry"])
        return link, Content(f"{AUDIT}:{value['entry']['id']}", str(value["salt"]), text)
    except (KeyError, TypeError, ValueError):
        raise AuditFileError(f"line {number}: is no link of the chain") from None


def _check_end(number: int, value: Mapping[str, Any], found: Mapping[str, Any], key: PublicKey) -> None:
    if set(value) != {"end", "signature"} or value["end"] != found:
        raise AuditFileError(f"line {number}: the file was changed: other lines were here when it was signed")
    try:
        signature = base64.b64decode(value["signature"], validate=True)
    except (ValueError, TypeError):
        signature = b""
    if len(signature) != SIGNATURE_BYTES or not key.verifies(signature, _signed(found)):
        raise AuditFileError(f"line {number}: the signature does not hold")


def _key_of(head: Mapping[str, Any]) -> PublicKey:
    try:
        return PublicKey.read(str(head.get("key")).encode())
    except InvalidInputError as error:
        raise AuditFileError(f"line 1: {error}") from None


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes, Mapping[str, Any]]]:
    number = 0
    while line := file.readline(_LINE_BYTES):
        number += 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not line.endswith(b"\n"):
            raise AuditFileError(f"line {number}: is no JSON object on a line of its own")
        if f"{_canonical(value)}\n".encode() != line:
            raise AuditFileError(f"line {number}: is written in another way than it was signed")
        yield number, line, value


def _canonical(value: Any) -> str:
    try:
        return canonical(value)
    except (ValueError, RecursionError):
        return ""


def _signed(said: Mapping[str, Any]) -> bytes:
    return f"{FORMAT}\n{canonical(said)}\n".encode()
