"""Owns docs/delivery.md: how long an alert takes from the picture that decides it to whoever is told.

`python bench/delivery.py docs/delivery.md`: a whole engine with drawn cameras, a real broker (mosquitto), a webhook and
a WebSocket like the one that Home Assistant holds, all on this machine. Takes six minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web
from crime_detect_engine.domain.clock import SystemClock
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

CAMERAS, SECONDS, READY_S = 6, 330.0, 60.0
THRESHOLD, VOTES, WINDOW = 0.8, 3, 5
WAYS = ("WebSocket", "MQTT", "webhook")
CARD = Path(__file__).resolve().parents[1] / "models" / "fight-mobilenet_v2-lstm" / "report.json"


class Arrivals:
    """When each way brought an incident first with the word that people are to be told; seconds of the epoch."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.first: dict[str, dict[str, float]] = {way: {} for way in WAYS}

    def came(self, way: str, data: Mapping[str, Any]) -> None:
        after = data.get("after")
        if after and after["notify"] and after["severity"] != "detection":
            self.first[way].setdefault(after["incident_id"], self._clock.now().timestamp())


async def measure(folder: Path, seconds: float) -> tuple[Arrivals, dict[str, float]]:
    """What arrived, and the moment of the picture whose score decided, by incident."""
    arrivals, ports = Arrivals(), [_free_port() for _ in range(3)]
    with ExitStack() as stack:
        _start_broker(stack, folder, ports[0])
        await _wait_for(lambda: _answers(ports[0]), "the broker")
        listener = Client(CallbackAPIVersion.VERSION2)
        listener.on_message = lambda _client, _data, message: _heard(arrivals, message)
        listener.connect("127.0.0.1", ports[0])
        listener.subscribe("crime_detect/#", qos=1)
        listener.loop_start()
        stack.callback(listener.loop_stop)
        receiver = await _start_receiver(arrivals, ports[1])
        _start_engine(stack, folder, ports)
        try:
            await _wait_for(lambda: _answers(ports[2]), "the engine")
            headers = {"Authorization": f"Bearer {(folder / 'data' / 'admin-token').read_text().strip()}"}
            async with ClientSession(f"http://127.0.0.1:{ports[2]}", headers=headers) as session:
                listening = asyncio.create_task(_listen(session, arrivals))
                await asyncio.sleep(seconds)
                listening.cancel()
                decided = {one: await _decided(session, one) for one in set().union(*arrivals.first.values())}
        finally:
            await receiver.cleanup()
    return arrivals, {one: at for one, at in decided.items() if at is not None}


def _heard(arrivals: Arrivals, message: MQTTMessage) -> None:
    if message.retain or not message.payload.startswith(b"{"):
        return
    arrivals.came("MQTT", json.loads(message.payload))


def _start_broker(stack: ExitStack, folder: Path, port: int) -> None:
    binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        raise SystemExit("mosquitto is not installed (apt install mosquitto)")
    settings = folder / "broker.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    _keep(stack, subprocess.Popen([binary, "-c", str(settings)], stderr=subprocess.DEVNULL))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _wait_for(ready: Callable[[], bool], what: str) -> None:
    for _ in range(int(READY_S * 10)):
        if ready():
            return
        await asyncio.sleep(0.1)
    raise SystemExit(f"{what} did not start")


async def _start_receiver(arrivals: Arrivals, port: int) -> web.AppRunner:
    async def receive(request: web.Request) -> web.Response:
        arrivals.came("webhook", await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


def _start_engine(stack: ExitStack, folder: Path, ports: Sequence[int]) -> None:
    config, data = folder / "crime_detect.yaml", folder / "data"
    detection = f"{{threshold: {THRESHOLD}, votes: {VOTES}, window: {WINDOW}, cooldown: 1s}}"
    cameras = "".join(
        f"  drawn_{n}: {{source: 'synthetic:{n + 1}', detection: {detection}, tamper: {{enabled: false}}}}\n"
        for n in range(CAMERAS)
    )
    config.write_text(
        f"timezone: UTC\nmqtt: {{host: 127.0.0.1, port: {ports[0]}}}\n"
        f"alerts: {{webhook: [{{url: 'http://127.0.0.1:{ports[1]}/', events: [new, update], allow_private: true}}]}}\n"
        f"cameras:\n{cameras}"
    )
    command = [str(Path(sys.executable).with_name("crime-detect")), "run", "--config", str(config)]
    with (folder / "engine.log").open("w") as log:
        _keep(
            stack,
            subprocess.Popen([*command, "--data", str(data), "--port", str(ports[2])], stdout=log, stderr=log),
        )


def _keep(stack: ExitStack, process: subprocess.Popen[bytes]) -> None:
    def end() -> None:
        process.terminate()
        process.wait(READY_S)

    stack.callback(end)


async def _listen(session: ClientSession, arrivals: Arrivals) -> None:
    async with session.ws_connect("/api/v1/events") as socket_:
        async for message in socket_:
            said = json.loads(message.data)
            if said["kind"] == "incident":
                arrivals.came("WebSocket", said["data"])


async def _decided(session: ClientSession, incident: str) -> float | None:
    """When the picture was taken whose score was the last vote that was needed; None where it cannot be told."""
    async with session.get(f"/api/v1/incidents/{incident}") as answer:
        label = (await answer.json())["label"]
    async with session.get(f"/api/v1/incidents/{incident}/scores") as answer:
        scores = (await answer.json())["items"]
    votes = [one["probabilities"].get(label, 0.0) >= THRESHOLD for one in scores]
    for index, one in enumerate(scores):
        if sum(votes[max(0, index + 1 - WINDOW) : index + 1]) >= VOTES:
            return datetime.fromisoformat(one["at"]).timestamp()
    return None


def write_page(arrivals: Arrivals, decided: Mapping[str, float]) -> Iterator[str]:
    """Markdown: from the fight to the picture that decides, from there to everybody who is told."""
    onset = json.loads(CARD.read_text(encoding="utf-8"))["splices"]["delay_s"]
    yield "# How long an alert takes"
    yield ""
    yield "Written by `bench/delivery.py` and, for the first row, from the report of the shipped model."
    yield ""
    yield f"{CAMERAS} drawn cameras for {SECONDS / 60:.1f} minutes in a whole engine on {os.cpu_count()} cores"
    yield f"({platform.machine()}), {len(decided)} incidents; broker, webhook and WebSocket on the same machine."
    yield ""
    yield "| from | to | median, s | 95 of 100, s |"
    yield "|--|--|--|--|"
    yield (
        f"| a fight begins | the picture whose score decides ({VOTES} votes of {WINDOW}, threshold {THRESHOLD}) "
        f"| {onset['median']} | {onset['p95']} |"
    )
    for way in WAYS:
        took = sorted(at - decided[one] for one, at in arrivals.first[way].items() if one in decided)
        if not took:
            raise SystemExit(f"nothing came by {way}")
        middle, late = took[len(took) // 2], took[int(0.95 * (len(took) - 1))]
        yield f"| that picture | {way}, written down and with its snapshot | {middle:.2f} | {late:.2f} |"
    yield ""
    yield "The first row is of fights that were found, spliced into quiet clips that the model had not learned from"
    yield "([card](../models/fight-mobilenet_v2-lstm/card.md)). The WebSocket is how Home Assistant hears of it. What"
    yield "its automation and Google's or Apple's push service need on top is not in it, nor what a mobile network"
    yield "needs for an SMS."


def main(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="crime-detect-delivery-") as name:
        arrivals, decided = asyncio.run(measure(Path(name), SECONDS))
    target.write_text("\n".join(write_page(arrivals, decided)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
