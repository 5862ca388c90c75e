"""The certificate: what is wrong with one is said, a renewed one is taken up, and nobody is served in the clear."""

from __future__ import annotations

import asyncio
import re
import ssl
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from crime_detect_engine.domain.clock import ManualClock, SystemClock
from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.web.access import COOKIE
from crime_detect_engine.web.options import TlsOptions
from crime_detect_engine.web.server import Server, build_app, serve
from crime_detect_engine.web.tls import Certificate

from tests.rig.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def options(pair: tuple[Path, Path]) -> TlsOptions:
    return TlsOptions(str(pair[0]), str(pair[1]))


async def shown(server: Server, trusting: ssl.SSLContext) -> int:
    """The serial number of the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trusting, server_hostname="localhost")
    told = writer.get_extra_info("peercert")
    writer.close()
    return int(told["serialNumber"], 16)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda certificate, _key: certificate.unlink(), "tls.certificate: .*server.crt cannot be read: No such file"),
        (lambda _certificate, key: key.unlink(), "tls.key: .*server.key cannot be read: No such file"),
        (lambda certificate, _key: certificate.write_text("hello"), "server.crt is no certificate in PEM"),
        (lambda _certificate, key: key.write_text("hello"), "server.key is no private key in PEM"),
        (lambda certificate, key: key.write_bytes(certificate.read_bytes()), "server.key is no private key in PEM"),
    ],
)
def test_what_is_wrong_with_the_files_is_said(authority, spoil, said):
    pair = authority.sign("server")
    spoil(*pair)
    with pytest.raises(ConfigError, match=said):
        Certificate(options(pair), SystemClock())


def test_a_key_of_another_certificate_and_one_with_a_passphrase_are_refused(authority, tmp_path):
    certificate, key = authority.sign("server")
    other = authority.sign("other")[1]
    with pytest.raises(ConfigError, match=r"other\.key is the key of another certificate than .*server\.crt"):
        Certificate(TlsOptions(str(certificate), str(other)), SystemClock())
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    sealed = load_pem_private_key(key.read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush")
    )
    key.write_bytes(sealed)
    with pytest.raises(ConfigError, match="protected by a passphrase"):
        Certificate(TlsOptions(str(certificate), str(key)), SystemClock())


async def test_it_is_served_with_tls_only_and_no_older_than_1_2(site, authority):
    certificate = Certificate(options(authority.sign("server")), site.clock)
    server = await serve(build_app(site.engine, site.access, uploads=site.folder), "127.0.0.1", 0, certificate.context)
    try:
        assert server.secure
        await shown(server, authority.trusting())
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"https://localhost:{server.port}/health")
            with pytest.raises(aiohttp.ClientError):
                await session.get(f"http://127.0.0.1:{server.port}/health")
        old = authority.trusting()
        with warnings.catch_warnings(action="ignore"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            old.minimum_version = ssl.TLSVersion.TLSv1
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientSSLError):
                await session.get(f"https://localhost:{server.port}/health", ssl=old)
    finally:
        await server.stop()


async def test_a_renewed_certificate_is_taken_up_and_open_connections_go_on(site, authority):
    pair = authority.sign("server")
    certificate = Certificate(options(pair), site.clock)
    server = await serve(build_app(site.engine, site.access, uploads=site.folder), "127.0.0.1", 0, certificate.context)
    trusting = authority.trusting()
    before = await shown(server, trusting)
    try:
        async with aiohttp.ClientSession() as open_session:
            feed = await open_session.ws_connect(
                f"https://localhost:{server.port}/api/v1/events",
                ssl=trusting,
                headers={"Authorization": "Bearer viewer-token"},
            )
            assert (await feed.receive_json())["kind"] == "hello"
            key_before = pair[1].read_bytes()
            authority.sign("server")
            key_after = pair[1].read_bytes()
            pair[1].write_bytes(key_before)  # half of a renewal
            certificate.follow()
            assert await shown(server, trusting) == before
            assert "another certificate" in certificate.notes()[0]
            pair[1].write_bytes(key_after)
            certificate.follow()
            assert certificate.notes() == []
            assert await shown(server, trusting) != before
            site.engine.put_camera("new_one", "New one")
            assert not feed.closed
            await feed.ping()
            await feed.close()
    finally:
        await server.stop()


def test_an_end_that_is_near_or_past_is_said(authority):
    ends = datetime(2026, 6, 10, 12, tzinfo=UTC)
    pair = authority.sign("server", ends=ends)
    for days, said in ((30, None), (5, "expires at 2026-06-10 12:00 UTC"), (-1, "expired at 2026-06-10 12:00 UTC")):
        notes = Certificate(options(pair), ManualClock(ends - timedelta(days=days))).notes()
        assert [re.search(str(said), note) is not None for note in notes] == ([] if said is None else [True])


@pytest.mark.parametrize("has_name", [False, True])
async def test_browsers_are_told_to_stay_with_tls_where_the_name_is_ours_alone(site, authority, has_name, tmp_path):
    certificate = Certificate(options(authority.sign("server")), site.clock)
    app = build_app(site.engine, site.access, uploads=tmp_path / "more", has_name=has_name)
    plain = await serve(app, "127.0.0.1", 0)
    port = await plain.listen(0, certificate.context)
    try:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{plain.port}/health") as answer:
                assert "Strict-Transport-Security" not in answer.headers
            async with session.get(f"https://localhost:{port}/health", ssl=authority.trusting()) as answer:
                assert ("Strict-Transport-Security" in answer.headers) is has_name
            for address, secure in ((f"http://127.0.0.1:{plain.port}", False), (f"https://localhost:{port}", True)):
                async with session.post(
                    f"{address}/api/v1/session", json={"token": "viewer-token"}, ssl=authority.trusting()
                ) as answer:
                    cookie = answer.headers["Set-Cookie"]
                    assert cookie.startswith(COOKIE)
                    assert ("Secure" in cookie) is secure
    finally:
        await plain.stop()
