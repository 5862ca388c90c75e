"""Tests webhooks against a real HTTP server, and the places where none may go."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import ChangeType, IncidentChanged
from crime_detect_engine.domain.wire import event_data
from crime_detect_engine.outputs.channel import Ambiguous, Outgoing, Permanent, Retry, Sent
from crime_detect_engine.outputs.message import Site
from crime_detect_engine.outputs.webhook import SCHEMA, GuardedResolver, WebhookChannel, WebhookOptions, forbidden

from tests.fakes import NOON, FakeEngine, WebhookServer

Make = Callable[..., Outgoing]
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "webhook.md"


@pytest.fixture
async def server() -> AsyncIterator[WebhookServer]:
    async with WebhookServer() as running:
        yield running


@pytest.fixture
def open_channel(site: Site, clock: ManualClock) -> Callable[..., WebhookChannel]:
    def make(url: str, **options: Any) -> WebhookChannel:
        settings = {"name": "there", "allow_private": True, **options}
        return WebhookChannel((WebhookOptions(url, **settings),), site, clock, ("uuid-1", "epoch-1"))

    return make


async def test_the_event_arrives_signed_and_with_a_key_that_names_it(
    server: WebhookServer, open_channel: Callable[..., WebhookChannel], outgoing: Make
) -> None:
    message = outgoing("there", age_s=61.0)
    channel = open_channel(server.url, secret="shared")
    assert await channel.send(message) == Sent("HTTP 204")
    assert await channel.send(message) == Sent("HTTP 204")
    (headers, body), (again, _) = server.requests
    payload = json.loads(body)
    assert message.event.after is not None
    expected = json.loads(json.dumps(event_data(message.event, "uuid-1", "epoch-1")))
    assert {key: payload[key] for key in expected} == expected
    assert payload["link"] == f"https://home.example/incidents/{message.event.after.incident_id}"
    assert payload["age_s"] == 61.0
    assert headers["Idempotency-Key"] == again["Idempotency-Key"] == f"uuid-1:epoch-1:{message.event.seq}"
    stamp = headers["X-Crime-Detect-Timestamp"]
    assert int(stamp) == NOON.timestamp()
    digest = hmac.new(b"shared", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Crime-Detect-Signature"] == f"sha256={digest}"


async def test_the_check_in_the_documentation_knows_ours_from_others(
    server: WebhookServer, open_channel: Callable[..., WebhookChannel], outgoing: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    (check,) = re.findall(r"^```python\n(.*?)^```", DOCUMENTATION.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(check, names)
    monkeypatch.setattr(names["time"], "time", NOON.timestamp)
    await open_channel(server.url, secret="shared").send(outgoing("there"))
    ((headers, body),) = server.requests
    is_ours = names["is_ours"]
    assert is_ours("shared", headers, body)
    assert not is_ours("another", headers, body)
    assert not is_ours("shared", headers, body + b" ")
    assert not is_ours("shared", {}, body)
    monkeypatch.setattr(names["time"], "time", lambda: NOON.timestamp() + 301)
    assert not is_ours("shared", headers, body)
    described = set(re.findall(r"`(\w+)`", DOCUMENTATION.read_text()))
    assert set(json.loads(body)) - {"schema_version"} <= described


@pytest.mark.parametrize(
    ("status", "kind"),
    [(302, Retry), (307, Retry), (401, Retry), (429, Retry), (500, Ambiguous), (503, Ambiguous), (413, Permanent)],
)
async def test_each_answer_means_what_it_is_and_no_redirect_is_followed(
    status: int, kind: type, server: WebhookServer, open_channel: Callable[..., WebhookChannel], outgoing: Make
) -> None:
    server.statuses = [status]
    outcome = await open_channel(server.url).send(outgoing("there"))
    assert type(outcome) is kind
    assert str(status) in outcome.error
    assert len(server.requests) == 1
    if status == 429:
        assert isinstance(outcome, Retry)
        assert outcome.after_s == 9.0


async def test_no_answer_is_ambiguous_and_no_connection_is_not(
    server: WebhookServer,
    open_channel: Callable[..., WebhookChannel],
    outgoing: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import aiohttp

    monkeypatch.setattr("crime_detect_engine.outputs.webhook._TIMEOUT", aiohttp.ClientTimeout(total=0.3))
    server.hang = True
    assert isinstance(await open_channel(server.url).send(outgoing("there")), Ambiguous)
    await server.__aexit__()
    assert isinstance(await open_channel(server.url).send(outgoing("there")), Retry)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_the_engines_own_machine_is_reached_only_when_that_is_allowed(
    host: str, server: WebhookServer, open_channel: Callable[..., WebhookChannel], outgoing: Make
) -> None:
    url = f"http://{host}:{server.port}/alert?token=s3cret"
    outcome = await open_channel(url, allow_private=False).send(outgoing("there"))
    assert isinstance(outcome, Permanent | Retry)
    assert "may not" in outcome.error
    assert "s3cret" not in outcome.error
    assert server.requests == []


async def test_a_name_that_changes_its_mind_between_check_and_connection_gains_nothing(
    server: WebhookServer,
    open_channel: Callable[..., WebhookChannel],
    outgoing: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import asyncio

    answers = [["192.0.2.1"], ["169.254.169.254"]]

    async def getaddrinfo(self: object, host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)
    resolved = await GuardedResolver(allow_private=False).resolve("rebind.example", 80)
    assert [(entry["host"], entry["flags"]) for entry in resolved] == [("192.0.2.1", socket.AI_NUMERICHOST)]
    outcome = await open_channel("http://rebind.example/", allow_private=True).send(outgoing("there"))
    assert isinstance(outcome, Retry)
    assert "may not" in outcome.error


@pytest.mark.parametrize(
    ("address", "refused", "refused_by_name"),
    [
        ("127.0.0.1", True, False), ("::1", True, False), ("169.254.169.254", True, True), ("169.254.7.7", True, True),
        ("fe80::1%eth0", True, True), ("0.0.0.0", True, True), ("::ffff:169.254.169.254", True, True),
        ("64:ff9b::a9fe:a9fe", True, True), ("fd00:ec2::254", True, True), ("100.100.100.200", True, True),
        ("224.0.0.1", True, True), ("192.168.1.20", False, False), ("10.0.0.5", False, False),
        ("8.8.8.8", False, False),
        ("2001:4860:4860::8888", False, False),
    ],
)  # fmt: skip
def test_addresses_that_webhooks_may_not_reach(address: str, refused: bool, refused_by_name: bool) -> None:
    assert forbidden(address, allow_private=False) is refused
    assert forbidden(address, allow_private=True) is refused_by_name


def test_which_events_are_posted(engine: FakeEngine) -> None:
    incident = engine.open_incident()
    new = IncidentChanged(1, ChangeType.NEW, None, incident, NOON)
    update = IncidentChanged(2, ChangeType.UPDATE, incident, incident, NOON)
    assert WebhookOptions("http://a").wants(new)
    assert not WebhookOptions("http://a").wants(update)
    assert WebhookOptions("http://a", events=("update",)).wants(update)
    assert not WebhookOptions("http://a", labels=("robbery",)).wants(new)


def test_options_refuse_what_can_never_work_and_show_no_secret() -> None:
    options = SCHEMA({"url": "https://hooks.example/T0K3N", "secret": "s3cret"})
    assert "T0K3N" not in repr(options) + options.key
    assert "s3cret" not in repr(options)
    for wrong in ("ftp://a/b", "file:///etc/passwd", "http://", "https://127.0.0.1/x", "http://169.254.169.254/", 5):
        with pytest.raises(vol.Invalid):
            SCHEMA({"url": wrong})
    assert SCHEMA({"url": "https://127.0.0.1/x", "allow_private": True}).allow_private
