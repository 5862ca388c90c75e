"""Owns the commands that change who may use the service."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from .config import Config, data_dir, load_config
from .config.places import container_config
from .domain.clock import SystemClock
from .store.store import Store


def later_command(arguments: argparse.Namespace) -> int:
    """A command that is agreed on and not built yet: exit code 2, as for wrong usage."""
    print(f"crime-detect: `{arguments.command}` is not in this version", file=sys.stderr)
    return 2


def create_token_command(arguments: argparse.Namespace) -> int:
    """`crime-detect token create`: prints the token, the only time it is shown."""
    cameras = None if arguments.cameras is None else frozenset(arguments.cameras)
    token = asyncio.run(_create(data_dir(arguments.data), arguments.config, arguments.name, arguments.role, cameras))
    print(f"role {arguments.role}; keep it now, it is not shown again:", file=sys.stderr)
    print(token)
    return 0


def _config_file(named: Path | None) -> Path | None:
    kept = container_config()
    return named or (kept if kept is not None and kept.exists() else None)


async def open_store(data: Path, config: Path | None) -> Store:
    """The service's records beside it, as its configuration says they are kept. Raises ConfigError and StoreError."""
    file = _config_file(config)
    given = Config() if file is None else load_config(file)
    return await Store.open(data, SystemClock(), repair=False, database=given.database, privacy=given.privacy)


async def _create(data: Path, config: Path | None, name: str, role: str, cameras: frozenset[str] | None) -> str:
    store = await open_store(data, config)
    try:
        return await store.tokens.create(name, role, cameras)
    finally:
        await store.close()
