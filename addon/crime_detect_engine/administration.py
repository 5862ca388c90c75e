"""Owns how commands reach the service's records beside it."""

from __future__ import annotations

from pathlib import Path

from .config import Config, load_config
from .config.places import container_config
from .domain.clock import SystemClock
from .store.store import Store


def _config_file(named: Path | None) -> Path | None:
    kept = container_config()
    return named or (kept if kept is not None and kept.exists() else None)


async def open_store(data: Path, config: Path | None) -> Store:
    """The service's records beside it, as its configuration says they are kept. Raises ConfigError and StoreError."""
    file = _config_file(config)
    given = Config() if file is None else load_config(file)
    store = await Store.open(
        data,
        SystemClock(),
        repair=False,
        database=given.database,
        privacy=given.privacy,
        retention=given.retention,
    )
    await store.retention.archive.look()
    return store
