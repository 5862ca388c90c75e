"""Owns the commands that change who may use the service."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from .config import data_dir
from .domain.clock import SystemClock
from .store.store import Store


def later_command(arguments: argparse.Namespace) -> int:
    """A command that is agreed on and not built yet: exit code 2, as for wrong usage."""
    print(f"crime-detect: `{arguments.command}` is not in this version", file=sys.stderr)
    return 2


def create_token_command(arguments: argparse.Namespace) -> int:
    """`crime-detect token create`: prints the token, the only time it is shown."""
    cameras = None if arguments.cameras is None else frozenset(arguments.cameras)
    token = asyncio.run(_create(data_dir(arguments.data), arguments.name, arguments.role, cameras))
    print(f"role {arguments.role}; keep it now, it is not shown again:", file=sys.stderr)
    print(token)
    return 0


async def _create(data: Path, name: str, role: str, cameras: frozenset[str] | None) -> str:
    store = await Store.open(data, SystemClock(), repair=False)
    try:
        return await store.tokens.create(name, role, cameras)
    finally:
        await store.close()
