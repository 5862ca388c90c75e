"""Owns the command `retention plan`: what the next clean-up would do, beside the service, without doing it."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping
from typing import Any

from .administration import open_store
from .config import data_dir
from .domain.clock import SystemClock
from .domain.errors import InvalidInputError
from .keeping import Keeping

SHOWN = 20


def plan_command(arguments: argparse.Namespace) -> int:
    """`crime-detect retention plan`: sums and the oldest, or all of it with `--json`."""
    plan = asyncio.run(_plan(arguments))
    print(json.dumps(plan, indent=1) if arguments.json else _text(plan))
    return 0


async def _plan(arguments: argparse.Namespace) -> Mapping[str, Any]:
    data = data_dir(arguments.data)
    if not data.is_dir():
        raise InvalidInputError(f"there is no {data}; name the service's folder with --data")
    store = await open_store(data, arguments.config)
    try:
        return await Keeping(store, SystemClock()).dry_run({}, 10**9 if arguments.json else SHOWN, 0)
    finally:
        await store.close()


def _text(plan: Mapping[str, Any]) -> str:
    totals, moves = plan["totals"], plan["moves"]
    lines = [f"{totals['deletions']} deletions, {_mb(totals['bytes'])}"]
    for title in ("by_reason", "by_camera"):
        lines += [f"  {name}: {sums['count']}, {_mb(sums['bytes'])}" for name, sums in totals[title].items()]
    lines.append(f"{moves['files']} files to the archive, {_mb(moves['bytes'])}")
    lines += [f"{one['ended_at']} {one['camera']} {one['what']}: {one['reason']}" for one in plan["items"]]
    if plan["next_offset"] is not None:
        lines.append(f"… and {totals['deletions'] - len(plan['items'])} more (--json lists all)")
    return "\n".join(lines)


def _mb(count: int) -> str:
    return f"{count / 10**6:.1f} MB"
