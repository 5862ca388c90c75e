"""Owns the protocol of a picture or clip that is kept, whether it lies on the disk in clear or sealed."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Protocol


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
