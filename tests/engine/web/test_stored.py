"""Sealed files go out as files in clear do: the same answers to ranges and conditions, byte for byte."""

from __future__ import annotations

import pytest
from crime_detect_engine.store.media_key import MediaKey
from crime_detect_engine.store.sealing import CHUNK, seal
from crime_detect_engine.store.stored_file import bound_name

CONTENT = bytes(range(256)) * 1025  # four chunks and a little

WHOLE = ("Content-Length", "Content-Range", "Accept-Ranges", "Content-Type", "Cache-Control")
COMPARED = {200: WHOLE, 206: WHOLE, 416: ("Content-Range",)}


@pytest.fixture
def pair(site, tmp_path):
    """Addresses of the same clip in clear and sealed, written at the same moment."""
    key = site.engine.media_key = MediaKey(tmp_path)
    key.keep(lambda: None)
    addresses = []
    for sealed in (False, True):
        incident = site.engine.close_incident(site.engine.open_incident(), clip=CONTENT)
        path = site.engine.folder / incident.clip
        if sealed:
            path.write_bytes(seal(CONTENT, key.read(), bound_name(path)))
        addresses.append((f"/api/v1/incidents/{incident.incident_id}/clip.mp4", path))
    return addresses


@pytest.mark.parametrize(
    "headers",
    [
        {}, {"Range": "bytes=0-0"}, {"Range": "bytes=0-"}, {"Range": "bytes=65530-65545"}, {"Range": "bytes=-7"},
        {"Range": f"bytes={CHUNK}-{3 * CHUNK - 1}"}, {"Range": f"bytes=-{10**9}"}, {"Range": f"bytes=5-{10**9}"},
        {"Range": f"bytes={len(CONTENT)}-"}, {"Range": "bytes=9-2"}, {"Range": "bytes=x"}, {"Range": "pages=1-2"},
        {"If-Modified-Since": "Sat, 21 Nov 2099 00:00:00 GMT"}, {"If-Modified-Since": "Sat, 21 Nov 2020 00:00:00 GMT"},
        {"If-Unmodified-Since": "Sat, 21 Nov 2020 00:00:00 GMT"}, {"If-None-Match": "*"}, {"If-Match": "*"},
        {"If-None-Match": '"other"'}, {"If-Match": '"other"'}, {"If-Match": 'W/"other", "another"'},
        {"Range": "bytes=1-3", "If-Range": "Sat, 21 Nov 2099 00:00:00 GMT"},
        {"Range": "bytes=1-3", "If-Range": "Sat, 21 Nov 2020 00:00:00 GMT"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_the_same_answer_whether_sealed_or_not(site, pair, headers, method):
    client, answers = site.client("viewer-token"), []
    for address, _ in pair:
        async with client.request(method, address, headers=headers) as answer:
            compared = COMPARED.get(answer.status, ())
            told = {name: answer.headers.get(name) for name in compared}
            dated = [name in answer.headers for name in ("Last-Modified", "ETag") if answer.status < 400]
            answers.append((answer.status, await answer.read(), told, dated))
    assert answers[0] == answers[1]


async def test_a_tag_that_was_handed_out_is_known_again(site, pair):
    client, (address, path) = site.client("viewer-token"), pair[1]
    async with client.get(address) as answer:
        tag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": f"W/{tag}"}, {"If-Modified-Since": date}):
        async with client.get(address, headers=headers) as answer:
            assert (answer.status, await answer.read()) == (304, b"")
    path.write_bytes(seal(b"another", site.engine.media_key.read(), bound_name(path)))
    async with client.get(address, headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read()) == (200, b"another")


async def test_a_sealed_file_that_does_not_open_is_an_error_and_shows_nothing(site, pair):
    client, (address, path) = site.client("viewer-token"), pair[1]
    spoilt = bytearray(path.read_bytes())
    spoilt[-1] ^= 1
    path.write_bytes(spoilt)
    async with client.get(address) as answer:
        assert answer.status == 503
        assert "sealed" in (await answer.json())["error"]["message"]
        assert str(site.engine.media_key.read().hex()) not in await answer.text()


async def test_a_file_that_is_spoilt_further_on_never_ends_as_if_it_were_whole(site, pair):
    client, (address, path) = site.client("viewer-token"), pair[1]
    spoilt = bytearray(path.read_bytes())
    spoilt[3 * (CHUNK + 16)] ^= 1  # in the third chunk: what is sent first is sound
    path.write_bytes(spoilt)
    with pytest.raises(Exception, match=r"(?i)payload|closed|disconnect|503"):
        async with client.get(address) as answer:
            assert answer.status == 200
            await answer.read()
    async with client.get(address, headers={"Range": "bytes=0-99"}) as answer:
        assert await answer.read() == CONTENT[:100]
