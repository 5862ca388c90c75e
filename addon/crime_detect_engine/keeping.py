"""Owns what people see of retention: its rules in words, what they would do, what lies where, a file's life."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import voluptuous as vol

from .config import fields
from .domain.clock import Clock
from .domain.errors import InvalidInputError, NotFoundError
from .domain.ports import Actor
from .domain.units import format_duration, format_size
from .domain.wire import timestamp
from .store.planning import Deletion, Plan
from .store.retention import SCHEMA, ArchiveOptions, RetentionOptions
from .store.store import Store


class Keeping:
    """See domain.keeping."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def state(self) -> Mapping[str, Any]:
        retention = self._store.retention
        archive, held = retention.archive, await retention.holdings()
        storage = await self._store.storage()
        return {
            "rules": rules_json(retention.options),
            "held_off": list(await retention.doubts()),
            "usage": storage["media"],
            "media_bytes": storage["media_bytes"],
            "media_quota": storage["media_quota"],
            "database_bytes": storage["database_bytes"],
            "free_bytes": storage["free_bytes"],
            "total_bytes": storage["total_bytes"],
            "error": storage["error"],
            "records": held.records,
            "on_hold": held.on_hold,
            "to_be_deleted": held.doomed,
            "archive": {
                "configured": retention.options.archive is not None,
                "there": archive.there,
                "error": archive.error,
                "usage": held.archived,
                "bytes": storage["archive_bytes"],
                "on_their_way": held.moving,
            },
        }

    async def dry_run(self, rules: Mapping[str, Any], limit: int, offset: int) -> Mapping[str, Any]:
        options = changed(self._store.retention.options, rules)
        return plan_json(await self._store.retention.plan(options), options, self._clock.now(), limit, offset)

    async def confirm(self, actor: Actor) -> None:
        await self._store.retention.confirm(actor)

    async def files(self, incident_id: str) -> Mapping[str, Any]:
        files, entries = await self._store.retention.files(incident_id)
        if not files and not entries:
            raise NotFoundError("nothing was kept of such an incident, or it was too long ago")
        return {
            "items": [
                {
                    "path": file.path,
                    "kind": file.kind,
                    "bytes": file.bytes,
                    "created_at": timestamp(file.created_at),
                    "archived": file.archived,
                    "to_be_deleted": file.doomed,
                }
                for file in files
            ],
            "log": [
                {
                    "at": timestamp(one.at),
                    "action": one.action,
                    "path": one.path,
                    "actor": one.actor,
                    "reason": one.reason,
                }
                for one in entries
            ],
        }


def rules_json(options: RetentionOptions) -> dict[str, Any]:
    """Every key of the section `retention` as it holds now; null for kinds that are kept as long as the record."""

    def texts(periods: Mapping[str, float]) -> dict[str, str]:
        return {name: format_duration(seconds) for name, seconds in periods.items()}

    def text(seconds: float | None) -> str | None:
        return None if seconds is None else format_duration(seconds)

    return {
        "incidents": text(options.incidents_s),
        "below_threshold": text(options.below_threshold_s),
        "per_class": texts(options.per_class_s),
        "per_verdict": texts(options.per_verdict_s),
        "snapshots": text(options.snapshots_s),
        "clips": text(options.clips_s),
        "originals": text(options.originals_s),
        "trends": text(options.trends_s),
        "media_quota": format_size(options.media_quota),
        "archive": _archive_json(options.archive),
    }


def _archive_json(archive: ArchiveOptions | None) -> dict[str, Any] | None:
    if archive is None:
        return None
    quota = None if archive.quota is None else format_size(archive.quota)
    return {"path": str(archive.path), "after": format_duration(archive.after_s), "quota": quota}


def changed(options: RetentionOptions, rules: Mapping[str, Any]) -> RetentionOptions:
    """Raises InvalidInputError that names each wrong key."""
    wanted = {key: value for key, value in {**rules_json(options), **rules}.items() if value is not None}
    problems: dict[str, str] = {}
    for label in wanted.get("per_class") or {}:
        try:
            fields.incident_label(label)
        except vol.Invalid as error:
            problems["per_class"] = f"{label}: {error.error_message}"
    try:
        built: RetentionOptions = vol.Schema(SCHEMA)(wanted)
    except vol.Invalid as error:
        found = error.errors if isinstance(error, vol.MultipleInvalid) else [error]
        problems |= {".".join(map(str, one.path)): one.error_message for one in found}
    if problems:
        raise InvalidInputError(f"Not valid: {', '.join(sorted(problems))}.", problems)
    return built


def plan_json(plan: Plan, options: RetentionOptions, now: datetime, limit: int, offset: int) -> dict[str, Any]:
    """Oldest first, `limit` from `offset` on; the sums are of everything."""
    items = sorted(plan.deletions, key=lambda one: (one.ended_at, one.incident_id, one.what))
    shown, after = items[offset : offset + limit], offset + limit
    return {
        "at": timestamp(now),
        "rules": rules_json(options),
        "items": [_deletion_json(one) for one in shown],
        "next_offset": after if after < len(items) else None,
        "totals": {
            "deletions": len(items),
            "bytes": sum(one.bytes for one in items),
            "by_reason": _sums(items, lambda one: one.reason),
            "by_what": _sums(items, lambda one: one.what),
            "by_camera": _sums(items, lambda one: one.camera),
            "by_class": _sums(items, lambda one: one.label),
        },
        "moves": {
            "files": len(plan.moves),
            "bytes": sum(one.bytes for one in plan.moves),
            "by_reason": _sums(plan.moves, lambda one: one.reason),
        },
    }


def _deletion_json(one: Deletion) -> dict[str, Any]:
    return {
        "incident_id": one.incident_id,
        "camera": one.camera,
        "label": one.label,
        "what": one.what,
        "reason": one.reason,
        "bytes": one.bytes,
        "ended_at": timestamp(one.ended_at),
    }


def _sums(items: Iterable[Any] | Sequence[Any], key: Callable[[Any], str]) -> dict[str, dict[str, int]]:
    """Number and bytes by `key`, the most bytes first."""
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for one in items:
        count[key(one)] += 1
        size[key(one)] += one.bytes
    return {
        name: {"count": count[name], "bytes": size[name]} for name in sorted(count, key=lambda one: (-size[one], one))
    }
