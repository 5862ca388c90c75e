"""Owns the protocols of pictures and clips that are kept, in clear or sealed, and of their untouched originals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from .types import Incident

if TYPE_CHECKING:
    from .administration import Actor


class StoredMedia(Protocol):
    """Everything raises OSError where the file went meanwhile, and StoreError for a sealed one that does not open."""

    @property
    def clear_path(self) -> Path | None:
        """Where it lies as it is; None for a sealed one, which only `open` reads."""
        ...

    @property
    def size(self) -> int:
        """Bytes of content."""
        ...

    @property
    def modified_ns(self) -> int:
        """When it was written, in nanoseconds since 1970."""
        ...

    def open(self) -> BinaryIO:
        """The content from its beginning; seekable."""
        ...

    def read(self) -> bytes: ...


class Originals(Protocol):
    """What blurring hides, as `snapshot` and `clip`; who asks has the role already."""

    async def kinds(self, incident_id: str) -> frozenset[str]:
        """Which there are."""
        ...

    async def open(self, incident: Incident, kind: str, actor: Actor) -> StoredMedia | None:
        """None where there is none. Audited, and logged as an access, before it is handed out."""
        ...

    async def refuse(self, incident_id: str, kind: str, actor: Actor) -> None:
        """Audits who was not let in."""
        ...
