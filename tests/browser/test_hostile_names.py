"""Names that people may write into a configuration or an upload, on every page of a real browser: they are text."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

EVIL = "<img src=x onerror=\"window.ran='name'\"><script>window.ran='script'</script>'\"javascript:window.ran=1"


async def test_names_run_nothing_on_any_page(page: Page, site: Any) -> None:
    site.engine.put_camera("evil", EVIL)
    incident = site.engine.open_incident("evil", zone=EVIL[:60], identities=(EVIL,), note=EVIL)
    site.engine.close_incident(incident)
    pages = ["", "incidents", f"incidents/{incident.incident_id}", "cameras/evil/masks", "cameras/evil/zones"]
    for path in [*pages, "reports", "analyze", "subjects", "incidents?q=%3Cscript%3Ewindow.ran=1%3C/script%3E"]:
        await page.goto(f"{site.url}/{path}")
        await page.wait_for_load_state("load")
        if path == "reports":
            frame = page.frame_locator("iframe.report")
            await frame.locator("h1").wait_for()
        assert await page.evaluate("window.ran") is None, path
        assert not await page.locator("img[src=x]").count(), path
        if path != "analyze" and "?q" not in path:
            assert "onerror" in await page.content(), f"{path} does not show the name at all"
