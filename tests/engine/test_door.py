"""The way in of the whole service: TLS or nothing, and looks that reach the audit."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from crime_detect_engine.app import Service
from crime_detect_engine.config import parse_config
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import CheckpointError, ConfigError
from crime_detect_engine.door import has_name
from crime_detect_engine.store.audit_file import verify_audit
from crime_detect_engine.vision.checkpoint import find_checkpoint

from tests.rig.certificates import Authority

try:
    find_checkpoint("default")
except CheckpointError as absent:
    pytestmark = pytest.mark.skip(reason=f"the shipped model is absent: {absent}")


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[Callable[[str], Service]]:
    """`build(yaml)`: a service on `tmp_path/data`, stopped after the test."""
    services: list[Service] = []

    def make(text: str) -> Service:
        config = parse_config(f"timezone: UTC\n{text}", tmp_path / "c.yaml", {})
        services.append(Service(config, tmp_path / "data", None, SystemClock()))
        return services[-1]

    yield make
    for service in services:
        await service.stop()


def test_only_a_name_without_a_port_is_the_engines_own() -> None:
    ours = ("https://cd.example.org", "https://cd.example.org:443", "https://example.org/cd")
    others = (None, "http://cd.example.org", "https://example.org:8099")
    assert [has_name(url) for url in (*ours, *others)] == [True] * 3 + [False] * 3


async def test_with_a_certificate_it_speaks_tls_and_says_what_links_lead_nowhere(
    build: Callable[[str], Service], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.sign("server")
    service = build(f"tls: {{certificate: {certificate}, key: {key}}}\nurl: http://cd.example.org")
    server = await service.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"https://localhost:{server.port}/login", ssl=authority.trusting()) as answer:
            assert answer.status == 200
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://127.0.0.1:{server.port}/login")
    assert any("make it https://" in note for note in service._notes())


async def test_with_a_certificate_that_is_none_nobody_is_served_in_the_clear(
    build: Callable[[str], Service], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"tls.certificate: /nowhere/c\.pem cannot be read"):
        await build("tls: {certificate: /nowhere/c.pem, key: /nowhere/k.pem}").start("127.0.0.1", 0)


async def test_who_looks_is_in_the_audit_that_can_be_taken_along(
    build: Callable[[str], Service], tmp_path: Path, until: Any
) -> None:
    service = build("cameras: {yard: {source: 'synthetic:yard'}}")
    server = await service.start("127.0.0.1", 0)
    token = (tmp_path / "data" / "admin-token").read_text().strip()
    headers, at = {"Authorization": f"Bearer {token}"}, f"http://127.0.0.1:{server.port}/api/v1"
    line = service._pipeline.lines["yard"]
    await until(lambda: line.recorder.newest() is not None)

    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{at}/cameras/yard/live.jpg") as answer:
            assert answer.status == 200
        async with session.get(f"{at}/incidents") as answer:
            assert answer.status == 200
        async with session.get(f"{at}/audit/export") as answer:
            file = tmp_path / "audit.jsonl"
            file.write_bytes(await answer.read())
    entries = [json.loads(line).get("entry", {}) for line in file.read_text().splitlines()]
    told = {(entry.get("action"), entry.get("target")) for entry in entries}
    assert told >= {("view_live", "yard"), ("list_incidents", "incidents"), ("export_audit", "audit")}
    assert verify_audit(file).entries == len([entry for entry in entries if entry])
    await service.stop()
    assert service._store.audit.accesses.lost == 0
