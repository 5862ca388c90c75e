"""A signed address opens one picture for an hour, and nothing else."""

from __future__ import annotations

from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.web.picture_links import VALID_S, PictureLinks
from crime_detect_engine.web.server import build_app, serve

from tests.fakes import NOON


async def test_an_address_opens_its_picture_and_no_other(make_site) -> None:
    site = await make_site()
    mine, other = site.engine.open_incident(), site.engine.open_incident("yard")
    links = PictureLinks(site.clock)
    app = build_app(site.engine, site.access, uploads=site.folder, picture_links=links)
    server = await serve(app, "127.0.0.1", 0)
    client = site.client()
    try:
        address = f"http://127.0.0.1:{server.port}/{links.path(mine.incident_id)}"
        async with client.get(address) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
            assert (await answer.read())[:2] == b"\xff\xd8"
            assert "no-store" in answer.headers["Cache-Control"]
        expires = address.split("/")[-2]
        for wrong in (
            address.replace(mine.incident_id, other.incident_id),
            address.replace(expires, str(int(expires) + 1)),
            address[:-5] + ("0" if address[-5] != "0" else "1") + ".jpg",
            address.replace(expires, "٣"),
            address.replace(expires, "-1"),
        ):
            async with client.get(wrong) as answer:
                assert answer.status == 404, wrong
        site.clock.advance(VALID_S + 1)
        async with client.get(address) as answer:
            assert answer.status == 404
    finally:
        await server.stop()


def test_another_process_has_another_key() -> None:
    clock = ManualClock(NOON)
    links = PictureLinks(clock)
    incident, expires, name = links.path("0" * 26).split("/")[-3:]
    assert links.opens(incident, expires, name.removesuffix(".jpg"))
    assert not PictureLinks(clock).opens(incident, expires, name.removesuffix(".jpg"))
