"""Owns what the tests of the outputs share: a broker, an engine in memory, messages to send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from crime_detect_engine.domain.clock import ManualClock, SystemClock
from crime_detect_engine.domain.types import IncidentChanged
from crime_detect_engine.outputs.channel import Outgoing
from crime_detect_engine.outputs.message import Site
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_options import MqttOptions
from crime_detect_engine.outputs.outbox import Outbox

from tests.fakes import NOON, FakeEngine, MemoryOutbox
from tests.rig.mosquitto import Mosquitto, MqttListener, mosquitto_missing


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    return FakeEngine(tmp_path)


@pytest.fixture
def site() -> Site:
    return Site("https://home.example/", camera_name={"front_door": "Front door"}.__getitem__)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def store(clock: ManualClock) -> MemoryOutbox:
    return MemoryOutbox(clock.now)


@pytest.fixture
def event(engine: FakeEngine) -> IncidentChanged:
    engine.open_incident()
    event = engine.events[-1]
    assert isinstance(event, IncidentChanged)
    return event


@pytest.fixture
def outgoing(event: IncidentChanged, store: MemoryOutbox) -> Callable[..., Outgoing]:
    """`outgoing(recipient, age_s=…, picture=…, **incident_fields)`: one message as the outbox hands it over."""

    def make(
        recipient: str = "someone", *, age_s: float = 0.0, picture: bytes | None = None, **fields: object
    ) -> Outgoing:
        assert event.after is not None
        changed = replace(event, after=replace(event.after, **fields))  # type: ignore[arg-type]
        delivery = store.add(changed, "any", recipient)

        async def snapshot() -> bytes | None:
            return picture

        return Outgoing(delivery, changed, age_s, snapshot)

    return make


@pytest.fixture
async def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits for a condition that other tasks bring about."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110 the condition is not an event of this loop
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
async def started_outbox(store: MemoryOutbox) -> AsyncIterator[Callable[..., Outbox]]:
    """`started_outbox(clock, **channels)`; stopped at the end."""
    running: list[Outbox] = []

    def start(clock: ManualClock | SystemClock, **channels: object) -> Outbox:
        outbox = Outbox(store, channels, clock)  # type: ignore[arg-type]
        outbox.start()
        running.append(outbox)
        return outbox

    yield start
    for outbox in running:
        await outbox.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    if reason := mosquitto_missing():
        pytest.skip(reason)
    with Mosquitto(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[MqttListener]:
    listening = MqttListener(broker)
    yield listening
    listening.close()


class Gate:
    """A way to the broker that can be shut; with `oldest` it speaks for a broker that knows only MQTT 3.1.1."""

    def __init__(self, broker: Mosquitto, *, oldest: bool) -> None:
        self.open = True
        self._broker = broker
        self._oldest = oldest
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            connect = await reader.read(1024)
            if self._oldest and connect[8] == 5:
                writer.write(b"\x20\x02\x00\x01")  # CONNACK of 3.1.1: unacceptable protocol version
            elif self.open:
                there = await asyncio.open_connection(self._broker.host, self._broker.port)
                there[1].write(connect)
                try:
                    await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
                finally:
                    there[1].close()
        except OSError:
            return
        finally:
            writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
    sink.close()


@pytest.fixture
async def open_gate() -> AsyncIterator[Callable[..., Awaitable[Gate]]]:
    """`await open_gate(broker, oldest=…)`."""
    gates: list[Gate] = []

    async def start(broker: Mosquitto, *, oldest: bool = False) -> Gate:
        gate = Gate(broker, oldest=oldest)
        await gate.start()
        gates.append(gate)
        return gate

    yield start
    for gate in gates:
        await gate.stop()


@pytest.fixture
async def mqtt(engine: FakeEngine) -> AsyncIterator[Callable[..., MqttOutput]]:
    """`mqtt(broker, **options)` starts an output for the instance `home`; stopped at the end."""
    running: list[MqttOutput] = []

    def start(
        broker: Mosquitto, *, of: FakeEngine | None = None, api_url: str | None = None, **options: object
    ) -> MqttOutput:
        settings = {"host": "127.0.0.1", "port": broker.port, **options}
        output = MqttOutput(MqttOptions(**settings), of or engine, "home", api_url, SystemClock())  # type: ignore[arg-type]
        output.start()
        running.append(output)
        return output

    yield start
    for output in running:
        await output.stop()
