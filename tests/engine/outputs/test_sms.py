"""Tests SMS through Twilio's SDK against a server that speaks Twilio's REST protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import voluptuous as vol
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import Severity
from crime_detect_engine.outputs.channel import Ambiguous, Blocked, Outgoing, Permanent, Retry, Sent
from crime_detect_engine.outputs.message import Site, sms_text
from crime_detect_engine.outputs.outbox import Outbox
from crime_detect_engine.outputs.sms import SCHEMA, SmsChannel, SmsOptions

from tests.fakes import MemoryOutbox, TwilioServer

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
Make = Callable[..., Outgoing]
NUMBER, SENDER = "+31612345678", "+15005550006"


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioServer]:
    async with TwilioServer() as server:
        yield server


@pytest.fixture
async def open_channel(site: Site) -> AsyncIterator[Callable[..., SmsChannel]]:
    """`open_channel(url, **options)`."""
    channels: list[SmsChannel] = []

    def start(url: str, *, media_url: Callable[[str], str | None] | None = None, **options: object) -> SmsChannel:
        settings = {"auth_token": TwilioServer.token, "timeout_s": 0.3, **options}
        channel = SmsChannel(
            SmsOptions(TwilioServer.sid, sender=SENDER, to=(NUMBER,), api_base=url, **settings),  # type: ignore[arg-type]
            site,
            media_url,
        )
        channels.append(channel)
        return channel

    yield start
    for channel in channels:
        await channel.close()


async def test_an_accepted_message_carries_the_standard_text(
    twilio: TwilioServer, open_channel: Callable[..., SmsChannel], outgoing: Make, site: Site
) -> None:
    message = outgoing(NUMBER, age_s=725.0)
    outcome = await open_channel(twilio.url, timeout_s=5.0).send(message)
    assert [(m["to"], m["from"], m["body"]) for m in twilio.messages] == [(NUMBER, SENDER, sms_text(message, site))]
    assert outcome == Sent(twilio.messages[0]["sid"])


@pytest.mark.parametrize(
    ("plan", "kind"),
    [("invalid", Permanent), ("unauthorized", Blocked), ("too_many", Retry), ("error", Ambiguous), ("hang", Ambiguous)],
)
async def test_each_refusal_means_what_it_is(
    plan: str, kind: type, twilio: TwilioServer, open_channel: Callable[..., SmsChannel], outgoing: Make
) -> None:
    twilio.plan = [plan]
    outcome = await open_channel(twilio.url).send(outgoing(NUMBER))
    assert type(outcome) is kind
    assert NUMBER not in outcome.error
    assert twilio.token not in outcome.error
    assert twilio.messages == []


async def test_too_many_requests_wait_as_long_as_twilio_says(
    twilio: TwilioServer, open_channel: Callable[..., SmsChannel], outgoing: Make
) -> None:
    twilio.plan = ["too_many"]
    outcome = await open_channel(twilio.url, timeout_s=5.0).send(outgoing(NUMBER))
    assert isinstance(outcome, Retry)
    assert outcome.after_s == 7.0


async def test_a_server_that_cannot_be_reached_certainly_got_nothing(
    twilio: TwilioServer, open_channel: Callable[..., SmsChannel], outgoing: Make
) -> None:
    await twilio.__aexit__()
    assert isinstance(await open_channel(twilio.url).send(outgoing(NUMBER)), Retry)
    unknown = open_channel("http://no-such-host.invalid", timeout_s=5.0)
    assert isinstance(await unknown.send(outgoing(NUMBER)), Retry)


@pytest.mark.parametrize("plan", ["accept_hang", "accept_error"])
async def test_a_failure_after_acceptance_does_not_send_twice(
    plan: str,
    twilio: TwilioServer,
    open_channel: Callable[..., SmsChannel],
    outgoing: Make,
    store: MemoryOutbox,
    clock: ManualClock,
    started_outbox: Callable[..., Outbox],
    eventually: Eventually,
) -> None:
    twilio.plan = [plan]
    delivery = outgoing(NUMBER).delivery
    outbox = started_outbox(clock, any=open_channel(twilio.url))
    outbox.notify()
    await eventually(lambda: store.rows[delivery.id].attempts == 1)
    assert len(twilio.messages) == 1
    clock.advance(600)
    outbox.notify()
    await eventually(lambda: store.state[delivery.id] == "sent")
    assert (twilio.posts, len(twilio.messages)) == (1, 1)
    assert store.rows[delivery.id].receipt == twilio.messages[0]["sid"]


@pytest.mark.parametrize("plan", ["hang", "error"])
async def test_a_failure_before_acceptance_sends_once(
    plan: str,
    twilio: TwilioServer,
    open_channel: Callable[..., SmsChannel],
    outgoing: Make,
    store: MemoryOutbox,
    clock: ManualClock,
    started_outbox: Callable[..., Outbox],
    eventually: Eventually,
) -> None:
    twilio.plan = [plan]
    delivery = outgoing(NUMBER).delivery
    outbox = started_outbox(clock, any=open_channel(twilio.url))
    await eventually(lambda: store.rows[delivery.id].attempts == 1)
    clock.advance(600)
    outbox.notify()
    await eventually(lambda: store.state[delivery.id] == "sent")
    assert (twilio.lists, len(twilio.messages)) == (1, 1)


async def test_the_list_tells_two_messages_about_one_incident_apart(
    twilio: TwilioServer, open_channel: Callable[..., SmsChannel], outgoing: Make
) -> None:
    channel = open_channel(twilio.url, timeout_s=5.0)
    alert = outgoing(NUMBER)
    await channel.send(alert)
    assert await channel.find(alert) == Sent(twilio.messages[0]["sid"])
    assert await channel.find(outgoing(NUMBER, severity=Severity.CRITICAL)) is None
    twilio.messages[0]["status"] = "failed"
    assert await channel.find(alert) is None


async def test_a_list_that_cannot_be_read_decides_nothing(
    twilio: TwilioServer, open_channel: Callable[..., SmsChannel], outgoing: Make
) -> None:
    assert isinstance(await open_channel(twilio.url, auth_token="old").find(outgoing(NUMBER)), Blocked)
    await twilio.__aexit__()
    assert isinstance(await open_channel(twilio.url).find(outgoing(NUMBER)), Retry)


async def test_a_number_that_was_taken_out_gets_nothing(
    twilio: TwilioServer, open_channel: Callable[..., SmsChannel], outgoing: Make
) -> None:
    assert isinstance(await open_channel(twilio.url).send(outgoing("+31699999999")), Permanent)
    assert twilio.posts == 0


def test_options_take_numbers_as_people_write_them_and_never_show_the_token() -> None:
    options = SCHEMA({"account_sid": "AC1", "auth_token": "s3cret", "from": SENDER, "to": ["+31 6-1234 5678"]})
    assert options.to == (NUMBER,)
    assert "s3cret" not in repr(options)
    for wrong in ("0612345678", 31612345678, "", "+0123"):
        with pytest.raises(vol.Invalid, match="country code"):
            SCHEMA({"account_sid": "AC1", "auth_token": "s3cret", "from": SENDER, "to": [wrong]})
