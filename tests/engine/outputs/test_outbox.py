"""Tests that nothing is lost, nothing is sent twice where the far end can be asked, and order holds a recipient."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import IncidentChanged
from crime_detect_engine.outputs.channel import Ambiguous, Blocked, Channel, Outcome, Outgoing, Permanent, Retry, Sent
from crime_detect_engine.outputs.outbox import Outbox, retry_delay_s

from tests.fakes import FakeEngine, MemoryOutbox

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
Start = Callable[..., Outbox]


@dataclass
class ScriptedChannel(Channel):
    """Answers what the test wrote, then Sent; an exception in the script is raised."""

    name: str = "sms"
    script: list[Outcome | Exception] = field(default_factory=list)
    answers: list[Outcome | None] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    asked: list[Outgoing] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def send(self, outgoing: Outgoing) -> Outcome:
        self.sent.append(outgoing)
        if self.hold is not None:
            await self.hold.wait()
        outcome = self.script.pop(0) if self.script else Sent("ok")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def find(self, outgoing: Outgoing) -> Outcome | None:
        self.asked.append(outgoing)
        return self.answers.pop(0) if self.answers else None


@pytest.fixture
def happen(engine: FakeEngine, store: MemoryOutbox) -> Callable[..., int]:
    """`happen(recipient)`: an incident that must reach somebody; its delivery id."""

    def happen(recipient: str = "a", channel: str = "sms") -> int:
        engine.open_incident()
        event = engine.events[-1]
        assert isinstance(event, IncidentChanged)
        return store.add(event, channel, recipient).id

    return happen


async def later(outbox: Outbox, clock: ManualClock, seconds: float) -> None:
    clock.advance(seconds)
    outbox.notify()


async def test_half_an_hour_without_network_delays_each_message_and_shows_its_age(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    channel = ScriptedChannel(script=[Retry("no network")] * 3)
    outbox = started_outbox(clock, sms=channel)
    first, second = happen(), happen()
    outbox.notify("sms")
    for tries in (1, 2, 3):
        await eventually(lambda tries=tries: store.rows[first].attempts == tries)
        status = (await outbox.status())["sms"]
        assert (status.pending, status.last_error) == (2, "no network")
        await later(outbox, clock, 600)
    await eventually(lambda: store.state == {first: "sent", second: "sent"})
    assert [message.delivery.id for message in channel.sent] == [first] * 4 + [second]
    assert channel.sent[-1].age_s == 1800
    status = (await outbox.status())["sms"]
    assert (status.pending, status.sent, status.retried, status.last_error, status.last_receipt) == (
        0, 2, 3, None, "ok",
    )  # fmt: skip


async def test_a_message_that_may_have_arrived_is_looked_up_and_not_sent_again(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    channel = ScriptedChannel(script=[Ambiguous("no answer")], answers=[Retry("cannot ask"), Sent("SM1")])
    outbox = started_outbox(clock, sms=channel)
    delivery = happen()
    outbox.notify()
    for tries in (1, 2):
        await eventually(lambda tries=tries: store.rows[delivery].attempts == tries)
        await later(outbox, clock, 600)
    await eventually(lambda: store.state[delivery] == "sent")
    assert (len(channel.sent), len(channel.asked), store.rows[delivery].receipt) == (1, 2, "SM1")
    assert (await outbox.status())["sms"].found == 1


async def test_a_message_that_the_far_end_does_not_have_is_sent_again(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    channel = ScriptedChannel(script=[Ambiguous("no answer")], answers=[None])
    outbox = started_outbox(clock, sms=channel)
    delivery = happen()
    outbox.notify()
    await eventually(lambda: store.rows[delivery].attempts == 1)
    await later(outbox, clock, 600)
    await eventually(lambda: store.state[delivery] == "sent")
    assert (len(channel.sent), len(channel.asked)) == (2, 1)


async def test_a_crash_between_sending_and_marking_asks_first_at_the_next_start(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    crashed = ScriptedChannel(hold=asyncio.Event())
    first_life = started_outbox(clock, sms=crashed)
    delivery = happen()
    first_life.notify()
    await eventually(lambda: len(crashed.sent) == 1)
    await first_life.stop()
    assert store.state[delivery] == "sending"

    channel = ScriptedChannel(answers=[Sent("SM7")])
    started_outbox(clock, sms=channel)
    await eventually(lambda: store.state[delivery] == "sent")
    assert (channel.sent, store.rows[delivery].receipt) == ([], "SM7")


async def test_an_invalid_number_is_given_up_visibly_and_holds_nobody_up(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    channel = ScriptedChannel(script=[Permanent("no such number")])
    outbox = started_outbox(clock, sms=channel)
    bad, good = happen("a"), happen("a")
    outbox.notify()
    await eventually(lambda: store.state == {bad: "failed", good: "sent"})
    assert store.rows[bad].last_error == "no such number"
    status = (await outbox.status())["sms"]
    assert (status.given_up, status.last_given_up, status.last_error) == (1, "no such number", None)


async def test_bad_credentials_pause_the_whole_channel_and_no_other(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    sms, mail = ScriptedChannel(script=[Blocked("bad token", 300.0)]), ScriptedChannel("email")
    outbox = started_outbox(clock, sms=sms, email=mail)
    first = happen("a")
    outbox.notify()
    await eventually(lambda: store.rows[first].attempts == 1)
    other, letter = happen("b"), happen("b", "email")
    await later(outbox, clock, 299)
    await eventually(lambda: store.state[letter] == "sent")
    status = (await outbox.status())["sms"]
    assert (len(sms.sent), status.ready, status.last_error) == (1, False, "bad token")
    await later(outbox, clock, 2)
    await eventually(lambda: store.state[first] == store.state[other] == "sent")


async def test_one_slow_recipient_does_not_hold_up_the_others(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    channel = ScriptedChannel(script=[Retry("busy", 60.0)])
    outbox = started_outbox(clock, sms=channel)
    waits, behind, other = happen("a"), happen("a"), happen("b")
    outbox.notify()
    await eventually(lambda: store.state[other] == "sent")
    assert (store.state[waits], store.state[behind]) == ("pending", "pending")


async def test_a_surprise_in_a_channel_is_survived_counted_and_told_without_its_text(
    store: MemoryOutbox,
    clock: ManualClock,
    happen: Callable[..., int],
    started_outbox: Start,
    eventually: Eventually,
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel = ScriptedChannel(script=[ZeroDivisionError("https://user:secret@provider")])
    outbox = started_outbox(clock, sms=channel)
    delivery = happen()
    outbox.notify()
    await eventually(lambda: store.rows[delivery].attempts == 1)
    assert (await outbox.status())["sms"].last_error == "unexpected ZeroDivisionError"
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in caplog.text
    await later(outbox, clock, 600)
    await eventually(lambda: store.state[delivery] == "sent")


async def test_a_locked_database_stops_nothing_for_good(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    channel = ScriptedChannel()
    store.failing = True
    outbox = started_outbox(clock, sms=channel)
    delivery = happen()
    await eventually(lambda: "StoreError" in (outbox._lanes["sms"].status.last_error or ""))
    store.failing = False
    outbox.notify()
    await eventually(lambda: store.state[delivery] == "sent")


async def test_what_was_deleted_in_the_meantime_is_not_told(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    channel = ScriptedChannel()
    delivery = happen()
    store.events.clear()
    started_outbox(clock, sms=channel)
    await eventually(lambda: store.state[delivery] == "failed")
    assert channel.sent == []


async def test_what_waits_for_a_channel_that_was_taken_out_of_the_configuration_ends(
    store: MemoryOutbox, clock: ManualClock, happen: Callable[..., int], started_outbox: Start, eventually: Eventually
) -> None:
    gone = [happen("a", "webhook"), happen("a", "webhook"), happen("b", "webhook")]
    await store.mark_failed(gone[0], "no network", clock.now() + timedelta(hours=1))
    kept = happen("a", "sms")
    started_outbox(clock, sms=ScriptedChannel(script=[Retry("no network")]))
    await eventually(lambda: [store.state[delivery] for delivery in gone] == ["failed"] * 3)
    assert store.state[kept] == "pending"


async def test_a_test_message_passes_the_store_by(
    store: MemoryOutbox, clock: ManualClock, event: IncidentChanged, started_outbox: Start
) -> None:
    outbox = started_outbox(clock, sms=ScriptedChannel(script=[Retry("no network")]))
    results = await outbox.send_test(event, [("sms", "+31600000000"), ("sms", "+31600000001")])
    assert results == {"sms:+31600000000": Retry("no network"), "sms:+31600000001": Sent("ok")}
    assert store.rows == {}


def test_back_off_grows_to_ten_minutes_and_obeys_the_far_end() -> None:
    assert [retry_delay_s(n, None, 1.0) for n in range(9)] == [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert retry_delay_s(0, None, 0.0) == 2.5
    assert retry_delay_s(8, 7.0, 1.0) == 7.0
