"""Owns the arithmetic of the hash chain, which needs no database: digests, links, and the first that does not hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GENESIS, INCIDENT, AUDIT, ERASED = "genesis", "incident", "audit", "erased"
NOTHING = "0" * 64
"""What comes before the first link."""


@dataclass(frozen=True, slots=True)
class Link:
    """`digest` is of salt and content, `hash` of everything else in this link, so that it binds all before it."""

    seq: int
    at: str
    kind: str
    digest: str
    previous: str
    hash: str

    def json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("seq", "at", "kind", "digest", "previous", "hash")}


@dataclass(frozen=True, slots=True)
class Content:
    """What a link was made of; `salt` in hexadecimal."""

    subject: str
    salt: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that does not hold; `seq` None where it belongs to no link."""

    seq: int | None
    reason: str

    def __str__(self) -> str:
        return self.reason if self.seq is None else f"link {self.seq}: {self.reason}"


def canonical(value: Any) -> str:
    """The one way in which a value is written down before it is digested."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def content_digest(salt: str, text: str) -> str:
    return sha256(f"{salt}\n{text}")


def link_hash(seq: int, at: str, kind: str, digest: str, previous: str) -> str:
    return sha256(f"{seq}\n{at}\n{kind}\n{digest}\n{previous}\n")


def make_link(previous: Link | None, at: str, kind: str, digest: str) -> Link:
    seq, before = (previous.seq + 1, previous.hash) if previous else (1, NOTHING)
    return Link(seq, at, kind, digest, before, link_hash(seq, at, kind, digest, before))


def check_link(link: Link, previous: Link | None, content: Content | None, *, first: int = 1) -> Fault | None:
    """Whether a link follows `previous` (None: it is number `first`) and is the digest of its content, if that is
    there still."""
    wanted = first if previous is None else previous.seq + 1
    if link.seq != wanted:
        return Fault(wanted, f"is missing; number {link.seq} stands in its place")
    if previous is not None and link.previous != previous.hash:
        return Fault(link.seq, "does not follow the link before it")
    if link.seq == 1 and (link.previous != NOTHING or link.kind != GENESIS):
        return Fault(1, "is no beginning")
    if link.hash != link_hash(link.seq, link.at, link.kind, link.digest, link.previous):
        return Fault(link.seq, "was changed: its hash is another")
    if content is not None and link.digest != content_digest(content.salt, content.text):
        return Fault(link.seq, f"is the digest of another {link.kind} than the one that lies beside it")
    return None


def read_link(value: Mapping[str, Any]) -> Link:
    """Raises KeyError, TypeError or ValueError for what is no link."""
    if set(value) != {"seq", "at", "kind", "digest", "previous", "hash"}:
        raise ValueError("a link has other fields")
    texts = {name: value[name] for name in ("at", "kind", "digest", "previous", "hash")}
    if not isinstance(value["seq"], int) or not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a link has fields of other kinds")
    return Link(seq=value["seq"], **texts)
