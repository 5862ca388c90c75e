"""Tests one connection's life: awaited acknowledgements, and an end that nobody waits for in vain."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from crime_detect_engine.outputs.mqtt_connection import MqttConnection, MqttError, describe_error
from paho.mqtt.enums import MQTTProtocolVersion

from tests.rig.mosquitto import Mosquitto, MqttListener

WILL = ("t/available", b"offline")
NOTICED_S = 25.0
"""Before a keep-alive, 30 s, could find out."""


async def opened(broker: Mosquitto, heard: list[tuple[str, bytes, bool]], name: str = "one") -> MqttConnection:
    connection = MqttConnection(name, MQTTProtocolVersion.MQTTv5, lambda *message: heard.append(message))
    await connection.open((broker.host, broker.port), (None, None), None, WILL)
    return connection


async def test_a_publication_is_awaited_until_the_broker_has_it(broker: Mosquitto, listener: MqttListener) -> None:
    connection = await opened(broker, [])
    await asyncio.gather(*(connection.publish("t/number", str(n).encode()) for n in range(200)))
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads("t/number")) == 200)
    assert listener.payloads("t/number") == [str(n).encode() for n in range(200)]
    connection.drop()


async def test_retained_messages_are_there_when_a_second_subscription_is_answered(
    broker: Mosquitto, listener: MqttListener
) -> None:
    for number in range(50):
        listener.publish(f"t/{number}", b"x", retain=True)
    heard: list[tuple[str, bytes, bool]] = []
    connection = await opened(broker, heard)
    await connection.subscribe(["t/#"], qos=0)
    await connection.subscribe(["elsewhere"], qos=0)
    assert sorted(heard) == sorted((f"t/{number}", b"x", True) for number in range(50))
    connection.drop()


async def test_the_death_of_the_broker_ends_every_wait(broker: Mosquitto) -> None:
    connection = await opened(broker, [])
    broker.kill()
    with pytest.raises(MqttError):
        await connection.publish("t/a", b"x")
    async with asyncio.timeout(NOTICED_S):
        reason = await connection.closed
    assert "connection lost" in str(reason)
    with pytest.raises(MqttError):
        await connection.subscribe(["t/#"])


async def test_leaving_sends_no_will_and_being_pushed_out_by_a_twin_is_noticed(
    broker: Mosquitto, listener: MqttListener
) -> None:
    first = await opened(broker, [], "twin")
    second = await opened(broker, [], "twin")
    async with asyncio.timeout(NOTICED_S):
        assert "connection lost" in str(await first.closed)
    second.drop()
    third = await opened(broker, [], "third")
    await third.publish("t/last", b"x")
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads("t/last")))
    # The will of the one that was pushed out, and none of the one that left.
    assert listener.payloads("t/available") == [b"offline"]
    third.drop()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError(), "did not answer"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "TLS failed"),
        (None, "cannot connect"),
    ],
)
def test_errors_of_the_network_are_told_in_words(error: BaseException | None, words: str) -> None:
    assert words in describe_error(error)
