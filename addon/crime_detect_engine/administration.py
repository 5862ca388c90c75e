"""Owns the commands that change who may use the service."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from .config import data_dir, load_config
from .config.places import container_config
from .domain.clock import SystemClock
from .store.address import DatabaseOptions
from .store.store import Store


def later_command(arguments: argparse.Namespace) -> int:
    """A command that is agreed on and not built yet: exit code 2, as for wrong usage."""
    print(f"crime-detect: `{arguments.command}` is not in this version", file=sys.stderr)
    return 2


def create_token_command(arguments: argparse.Namespace) -> int:
    """`crime-detect token create`: prints the token, the only time it is shown."""
    cameras = None if arguments.cameras is None else frozenset(arguments.cameras)
    database = database_of(arguments.config)
    token = asyncio.run(_create(data_dir(arguments.data), database, arguments.name, arguments.role, cameras))
    print(f"role {arguments.role}; keep it now, it is not shown again:", file=sys.stderr)
    print(token)
    return 0


def database_of(config: Path | None) -> DatabaseOptions:
    """What the service's configuration names; SQLite without one. Raises ConfigError."""
    kept = container_config()
    file = config or (kept if kept is not None and kept.exists() else None)
    return DatabaseOptions() if file is None else load_config(file).database


async def _create(data: Path, database: DatabaseOptions, name: str, role: str, cameras: frozenset[str] | None) -> str:
    store = await Store.open(data, SystemClock(), repair=False, database=database)
    try:
        return await store.tokens.create(name, role, cameras)
    finally:
        await store.close()
