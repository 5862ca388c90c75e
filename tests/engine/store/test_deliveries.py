"""Owns the tests of the outbox's durable half: order, retries, ambiguity, and that nothing is lost."""

from __future__ import annotations

from datetime import timedelta

from crime_detect_engine.domain.types import ChangeType
from crime_detect_engine.store.cleaning import Retention


async def seqs(store, clock, channel="mqtt") -> list[int]:
    return [one.event_seq for one in await store.outbox.due(channel, clock.now())]


async def test_a_recipient_gets_one_message_at_a_time_in_order(store, make_alert, clock):
    await store.write(make_alert(), b"picture")
    await store.write(make_alert(ChangeType.END), None)
    (first,) = await store.outbox.due("mqtt", clock.now())
    assert (first.event_seq, first.recipient, first.attempts, first.receipt) == (1, "yard", 0, None)
    assert (await store.outbox.event(first.event_seq)).type is ChangeType.NEW
    assert await store.outbox.snapshot_jpeg(first.incident_id) == b"picture"
    await store.outbox.mark_sending(first.id)
    await store.outbox.mark_sent(first.id, "sid", clock.now())
    assert await seqs(store, clock) == [2]
    assert await seqs(store, clock, "sms") == [1]
    assert await store.outbox.pending_counts() == {"mqtt": 1, "sms": 2}


async def test_a_retry_waits_and_holds_later_messages_back(store, make_alert, clock):
    await store.write(make_alert(), None)
    await store.write(make_alert(ChangeType.END), None)
    (first,) = await store.outbox.due("mqtt", clock.now())
    await store.outbox.mark_sending(first.id)
    await store.outbox.mark_failed(first.id, "timeout", clock.now() + timedelta(seconds=30))
    assert await seqs(store, clock) == []
    clock.advance(30)
    (again,) = await store.outbox.due("mqtt", clock.now())
    assert (again.id, again.attempts, again.last_error, again.receipt) == (first.id, 1, "timeout", None)


async def test_giving_up_lets_the_next_one_through_and_keeps_the_error(store, make_alert, clock):
    await store.write(make_alert(), None)
    await store.write(make_alert(ChangeType.END), None)
    (first,) = await store.outbox.due("sms", clock.now())
    await store.outbox.mark_failed(first.id, "invalid number", None)
    assert await seqs(store, clock, "sms") == [2]
    assert await store.outbox.pending_counts() == {"mqtt": 2, "sms": 1}


async def test_what_was_being_sent_at_a_crash_comes_back_as_ambiguous(open_store, make_alert, clock):
    store = await open_store(deliveries_for=lambda _event: [("sms", "owner")])
    await store.write(make_alert(), None)
    (first,) = await store.outbox.due("sms", clock.now())
    await store.outbox.mark_sending(first.id)
    await store.close()
    store = await open_store()
    await store.recover()
    (again,) = await store.outbox.due("sms", clock.now())
    assert (again.id, again.receipt) == (first.id, "maybe")
    await store.outbox.mark_failed(again.id, "no answer", clock.now(), ambiguous=True)
    assert (await store.outbox.due("sms", clock.now()))[0].receipt == "maybe"


async def test_a_message_leaves_although_the_clock_went_back(store, make_alert, clock):
    await store.write(make_alert(), None)
    clock.step(-7200)
    assert await seqs(store, clock) == [1]


async def test_old_messages_are_pruned_and_their_events_wait_for_delivery(store, make_alert, clock):
    await store.write(make_alert(), None)
    await store.write(make_alert(ChangeType.END), None)
    (first,) = await store.outbox.due("mqtt", clock.now())
    await store.outbox.mark_sent(first.id, None, clock.now())
    (sms,) = await store.outbox.due("sms", clock.now())
    await store.outbox.mark_sent(sms.id, "sid", clock.now())
    clock.advance(31 * 86400)
    assert isinstance(store.retention, Retention)
    await store.retention.clean()
    assert await store.outbox.event(1) is None
    assert (await store.outbox.event(2)).type is ChangeType.END
    assert await seqs(store, clock) == [2]
