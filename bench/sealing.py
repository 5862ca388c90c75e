"""Owns docs/privacy/encryption-cost.md: what sealing costs on this machine, as ratios in one interleaved run.

`python bench/sealing.py docs/privacy/encryption-cost.md`
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median

from crime_detect_engine.domain.clock import SystemClock, cpu_s
from crime_detect_engine.domain.types import Alert, ChangeType, Score, Severity
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.store.media import CLIP, SUFFIX
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.sealing import seal, unseal
from crime_detect_engine.store.store import Store

SIZE, PICTURE, CLIP_BYTES = 16 * 10**6, 150_000, 4 * 10**6
PASSES, ALERTS = 9, 40
KEY, NAME = secrets.token_bytes(32), "01ARZ3NDEKTSV4RRFFQ69G5FAV.mp4"
KEPT = {
    "nothing": PrivacyOptions(),
    "media": PrivacyOptions(encrypt_media=True),
    "database": PrivacyOptions(encrypt_database=True),
    "media and database": PrivacyOptions(encrypt_media=True, encrypt_database=True),
}


def measure_throughput() -> Mapping[str, float]:
    """MB/s of one core, median of interleaved passes."""
    content = secrets.token_bytes(SIZE)
    sealed = seal(content, KEY, NAME)
    jobs: dict[str, Callable[[], object]] = {
        "sealing": lambda: seal(content, KEY, NAME),
        "opening": lambda: unseal(sealed, KEY, NAME),
        "SHA-256, for comparison": lambda: hashlib.sha256(content).digest(),
    }
    took: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(PASSES):
        for name, job in jobs.items():
            began_s = cpu_s()
            job()
            took[name].append(cpu_s() - began_s)
    return {name: SIZE / 1e6 / median(values) for name, values in took.items()}


async def measure_alerts(folder: Path) -> Mapping[str, tuple[float, float]]:
    """Milliseconds of the clock and of a core that one incident takes (picture, clip, two alerts): medians."""
    clock = SystemClock()
    stores = {
        name: await Store.open(folder / str(number), clock, reserve_bytes=0, privacy=privacy)
        for number, (name, privacy) in enumerate(KEPT.items())
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in stores}
    picture, clip = secrets.token_bytes(PICTURE), secrets.token_bytes(CLIP_BYTES)
    for number in range(ALERTS):
        for name, store in stores.items():
            began_s, began_cpu_s = clock.tick_s(), cpu_s()
            await _write(store, number, picture, clip)
            took[name].append((clock.tick_s() - began_s, cpu_s() - began_cpu_s))
    for store in stores.values():
        await store.close()
    return {
        name: (1000 * median(one for one, _ in values), 1000 * median(one for _, one in values))
        for name, values in took.items()
    }


async def _write(store: Store, number: int, picture: bytes, clip: bytes) -> None:
    at = SystemClock().now() + timedelta(seconds=number)
    score = Score("yard", at, float(number), {"normal": 0.1, "fighting": 0.9}, "m", 5.0)
    alert = Alert(
        ulid(at, "yard", "fighting"), "yard", ChangeType.NEW, "fighting", 0.9, 0.8, Severity.ALERT, True, None, at, at,
        (score,), best=True,
    )  # fmt: skip
    event = await store.write(alert, picture)
    if event is None or event.after is None or event.after.snapshot is None:
        raise SystemExit("an alert was not stored")
    # The bytes of a clip without an encoder, which would take longer than all the rest.
    path = event.after.snapshot.removesuffix(".jpg") + SUFFIX[CLIP]
    await asyncio.to_thread(store.clips._folder.write, path, clip)
    await store.write(replace(alert, type=ChangeType.END, best=False), None, clip=path)


def write_page() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="crime-detect-sealing-") as name:
        speeds, alerts = measure_throughput(), asyncio.run(measure_alerts(Path(name)))
    yield "# What encryption costs"
    yield ""
    yield "Written by `bench/sealing.py`. Ratios travel to other machines, milliseconds do not: run it on yours."
    yield ""
    load = os.getloadavg()[0]
    yield f"Measured on {os.cpu_count()} cores ({platform.machine()}), load average {load:.1f} at the end."
    yield ""
    yield "| one core | MB/s | beside SHA-256 |"
    yield "|--|--|--|"
    yardstick = speeds["SHA-256, for comparison"]
    for what, speed in speeds.items():
        yield f"| {what} | {speed:.0f} | {speed / yardstick:.1f} × |"
    yield ""
    yield (
        f"One incident with a picture of {PICTURE // 1000} kB and a clip of {CLIP_BYTES // 10**6} MB, from its first "
        f"alert to its link of the chain; without recognition and encoding, which cost far more. Median of {ALERTS}, "
        "one after the other in turns."
    )
    yield ""
    yield "| encrypted | ms | beside nothing | ms of a core | beside nothing |"
    yield "|--|--|--|--|--|"
    plain = alerts["nothing"]
    for what, (wall, cpu) in alerts.items():
        yield f"| {what} | {wall:.1f} | {wall / plain[0]:.2f} × | {cpu:.1f} | {cpu / plain[1]:.2f} × |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text("\n".join(write_page()) + "\n")
