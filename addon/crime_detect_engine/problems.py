"""Owns what is wrong that a person can mend, each with a code that programs know (docs/api.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .line import Line

LOW_BYTES = 10**9
LOW_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Problem:
    """`code`: gpu_absent, storage_low, camera_credentials or mqtt_duplicate_instance. `detail` is for people."""

    code: str
    camera: str | None
    detail: str

    def json(self) -> dict[str, Any]:
        return asdict(self)


def missing_gpu(asked: str, fallback: str | None, given_up: Iterable[str]) -> Iterator[Problem]:
    """A GPU that the configuration asks for and that is not there, or one that failed while running."""
    absent = fallback if asked in ("cuda", "gpu") else None
    if detail := "; ".join(dict.fromkeys(filter(None, (absent, *given_up)))):
        yield Problem("gpu_absent", None, detail)


def low_storage(storage: Mapping[str, Any]) -> Iterator[Problem]:
    """Said early enough to act: long before the store itself leaves pictures out."""
    free, total, error = storage.get("free_bytes"), storage.get("total_bytes"), storage.get("error")
    if error:
        yield Problem("storage_low", None, str(error))
    elif free is not None and total and free < min(LOW_BYTES, LOW_SHARE * total):
        yield Problem("storage_low", None, f"{free / 10**6:.0f} MB are free on the disk of the engine's data")


def refused_logins(lines: Iterable[Line]) -> Iterator[Problem]:
    for line in lines:
        status = line.capture.status()
        if status.unauthorized and not line.runtime.privacy:
            yield Problem("camera_credentials", line.id, status.last_error or "user name or password refused")
