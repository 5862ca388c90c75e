"""Tests incidents on a real broker: the picture is there first, and a refusal is not taken for delivery."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from crime_detect_engine.domain.types import ChangeType, IncidentChanged
from crime_detect_engine.outputs.channel import Ambiguous, Blocked, Outgoing, Retry, Sent
from crime_detect_engine.outputs.mqtt import MqttOutput

from tests.fakes import FakeEngine
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
ROOT = "crime_detect/home"


async def test_the_picture_comes_before_its_incident_and_only_when_it_is_new(
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    listener: MqttListener,
    engine: FakeEngine,
    outgoing: Callable[..., Outgoing],
    eventually: Eventually,
) -> None:
    output = mqtt(broker, media="on")
    await eventually(lambda: output.status().state == "connected")
    new = outgoing(picture=b"jpeg")
    assert new.event.after is not None
    outcome = await output.channel.send(new)
    assert outcome == Sent(f"{engine.epoch}:{new.event.seq}")
    seen_before = IncidentChanged(9, ChangeType.UPDATE, new.event.after, new.event.after, new.event.at)
    await output.channel.send(Outgoing(new.delivery, seen_before, 0.0, new.snapshot))

    incident, picture = f"{ROOT}/front_door/incident", f"{ROOT}/media/{new.event.after.incident_id}.jpg"
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(incident)) == 2)
    order = [message.topic for message in listener.heard if message.topic in (incident, picture)]
    assert order == [picture, incident, incident]
    assert listener.payloads(picture) == [b"jpeg"]
    message = json.loads(listener.payloads(incident)[0])
    assert (message["type"], message["before"], message["seq"]) == ("new", None, new.event.seq)
    assert message["after"]["incident_id"] == new.event.after.incident_id


async def test_pictures_stay_at_home_on_an_anonymous_broker(
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    listener: MqttListener,
    outgoing: Callable[..., Outgoing],
    eventually: Eventually,
) -> None:
    output = mqtt(broker)
    await eventually(lambda: output.status().state == "connected")
    assert isinstance(await output.channel.send(outgoing(picture=b"jpeg")), Sent)
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(f"{ROOT}/front_door/incident")))
    assert not [message for message in listener.heard if "/media/" in message.topic]


async def test_without_a_connection_a_delivery_waits(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], outgoing: Callable[..., Outgoing]
) -> None:
    broker.stop()
    output = mqtt(broker)
    assert output.channel.ready is False
    assert isinstance(await output.channel.send(outgoing()), Retry)


async def test_a_broker_that_stops_answering_leaves_the_delivery_ambiguous(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], outgoing: Callable[..., Outgoing], eventually: Eventually
) -> None:
    output = mqtt(broker)
    await eventually(lambda: output.status().state == "connected")
    broker.kill()
    assert isinstance(await output.channel.send(outgoing()), Ambiguous | Retry)


async def test_what_the_access_list_forbids_is_not_counted_as_sent(
    tmp_path: Path, mqtt: Callable[..., MqttOutput], outgoing: Callable[..., Outgoing], eventually: Eventually
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"user {USERNAME}\ntopic readwrite {ROOT}/available\ntopic write {ROOT}/info\n"
                     f"topic readwrite {ROOT}/+/state\ntopic write {ROOT}/stats\n")  # fmt: skip
    with Mosquitto(tmp_path / "strict", password=True, extra=f"acl_file {rules}") as strict:
        output = mqtt(strict, protocol="5", username=USERNAME, password=PASSWORD)
        await eventually(lambda: output.status().state == "connected")
        outcome = await output.channel.send(outgoing())
        assert isinstance(outcome, Blocked)
        assert "not authorized" in outcome.error
        await output.stop()


async def test_a_picture_that_the_broker_does_not_take_does_not_cost_the_incident(
    tmp_path: Path, mqtt: Callable[..., MqttOutput], outgoing: Callable[..., Outgoing], eventually: Eventually
) -> None:
    with Mosquitto(tmp_path / "small", extra="max_packet_size 20000") as small:
        listener = MqttListener(small)
        output = mqtt(small, media="on")
        await eventually(lambda: output.status().state == "connected")
        assert isinstance(await output.channel.send(outgoing(picture=b"x" * 30000)), Sent)
        await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(f"{ROOT}/front_door/incident")))
        assert not [message for message in listener.heard if "/media/" in message.topic]
        assert output.status().state == "connected"
        listener.close()
        await output.stop()
