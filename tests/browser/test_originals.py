"""The incident's page where media lie sealed: the clip plays and seeks, and unblurred originals are linked."""

from __future__ import annotations

import asyncio
import io
import threading
from pathlib import Path

import numpy as np
from crime_detect_engine.store.media_key import MediaKey
from crime_detect_engine.store.mp4 import encode
from crime_detect_engine.store.sealing import seal
from crime_detect_engine.store.stored_file import bound_name
from playwright.async_api import Page

from tests.browser.conftest import Site


def clip() -> bytes:
    noise = np.random.default_rng(1)
    target = io.BytesIO()
    pictures = ((n / 10, noise.integers(0, 255, (240, 320, 3), np.uint8)) for n in range(60))
    encode(pictures, target, threading.Event())
    return target.getvalue()


async def test_a_sealed_clip_plays_and_its_original_can_be_fetched(page: Page, site: Site, tmp_path: Path) -> None:
    key = site.engine.media_key = MediaKey(tmp_path)
    key.keep(lambda: None)
    content = clip()
    assert len(content) > 300_000, "several chunks"
    incident = site.engine.close_incident(site.engine.open_incident(), clip=content)
    path = site.engine.folder / f"{incident.incident_id}.mp4"
    path.write_bytes(seal(content, key.read(), bound_name(path)))
    for suffix in ("jpg", "mp4"):
        original = site.engine.folder / f"{incident.incident_id}.original.{suffix}"
        original.write_bytes(seal(content, key.read(), bound_name(original)))
    await page.goto(f"{site.url}/incidents/{incident.incident_id}")
    await page.wait_for_function("document.querySelector('video') !== null")
    played = await page.evaluate(
        """async () => {
            const video = document.querySelector('video'); video.muted = true; video.preload = 'auto'; video.load();
            await new Promise(done => { video.onloadeddata = done; });
            await new Promise(done => { video.onseeked = done; video.currentTime = 4.5; });
            return [video.duration, video.currentTime, video.error];
        }"""
    )
    assert (round(played[0]), played[1:]) == (6, [4.5, None])
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Unblurred clip").click()
    fetched = await (await download.value).path()
    assert await asyncio.to_thread(fetched.read_bytes) == content
    assert await page.get_by_role("link", name="Unblurred picture").is_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]
