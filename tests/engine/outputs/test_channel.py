"""Tests what every channel gets for nothing: always ready, and a repetition where nothing can be asked."""

from __future__ import annotations

from collections.abc import Callable

from crime_detect_engine.outputs.channel import Channel, Outcome, Outgoing, Sent


class Plain(Channel):
    name = "plain"

    async def send(self, outgoing: Outgoing) -> Outcome:
        return Sent()


async def test_a_channel_that_only_sends_is_ready_and_has_nothing_to_ask(outgoing: Callable[..., Outgoing]) -> None:
    channel = Plain()
    channel.bind(lambda: None)
    assert channel.ready
    assert await channel.find(outgoing()) is None
    await channel.close()
