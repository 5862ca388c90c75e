"""Owns how the service gets its store: the one that was there before, and never an empty one in its place."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .config import Config
from .domain.clock import Clock
from .domain.errors import StoreError
from .domain.types import IncidentChanged
from .outputs import deliveries_for
from .store.opening import IDENTITY
from .store.store import Store

_LOG = logging.getLogger(__name__)
KNOWN = ".crime_detect.stores"
"""Beside the configuration file: which data directory had which engine's records."""


async def open_store(
    config: Callable[[], Config], data: Path, clock: Clock, file: Path | None, stack: contextlib.AsyncExitStack
) -> Store:
    """Open, mended after a crash, and closed by `stack`. `file` is the configuration file, None without one.

    Raises StoreError, also where the data directory is empty that had records at an earlier start.
    """

    def deliveries(event: IncidentChanged) -> Sequence[tuple[str, str]]:
        return deliveries_for(event, config().alerts, mqtt=config().mqtt is not None)

    known = None if file is None else file.parent / KNOWN
    if known is not None:
        require_same(known, data)
    now = config()
    store = await Store.open(
        data, clock, deliveries_for=deliveries, retention=now.retention, database=now.database, privacy=now.privacy
    )
    stack.push_async_callback(store.close)
    if known is not None:
        remember(known, data, store.uuid)
    closed = await store.recover()
    if closed:
        _LOG.warning("%d incidents were open when the engine last stopped; they are closed now", closed)
    await store.tokens.ensure_admin_token()
    return store


def require_same(known: Path, data: Path) -> None:
    """Raises StoreError where there were records and now is nothing: a disk that is not mounted looks like that."""
    uuid = _read(known).get(str(data.resolve()))
    if uuid is not None and not (data / IDENTITY).exists():
        raise StoreError(
            f"the data directory {data} had records (of engine {uuid}) and is empty: is its disk connected? "
            f"If they are lost or were moved on purpose, delete {known} to begin anew"
        )


def remember(known: Path, data: Path, uuid: str) -> None:
    """A folder that cannot be written is no reason not to start: then nothing is remembered."""
    stores = _read(known)
    if stores.get(str(data.resolve())) == uuid:
        return
    with contextlib.suppress(OSError):
        known.write_text(json.dumps({**stores, str(data.resolve()): uuid}, indent=1) + "\n")


def _read(known: Path) -> Mapping[str, str]:
    try:
        stores = json.loads(known.read_text())
    except (OSError, ValueError):
        return {}
    return stores if isinstance(stores, dict) else {}
