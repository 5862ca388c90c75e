"""Owns the feed of an engine that is reached through Home Assistant's broker only (docs/mqtt.md)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

from homeassistant.components import mqtt
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import SUPPORTED_SCHEMA
from .engine.errors import BadMessageError, CannotConnectError, EngineError, NotOverMqttError
from .engine.models import CameraState, EngineInfo, Hello, Incident, IncidentMessage, Position
from .link import LinkSink
from .mqtt_pictures import MqttPictures

_LOGGER = logging.getLogger(__name__)

FIRST_S = 10.0
STATES_S = 2.0
"""Of cameras that are announced, and whose states are not retained: not waited for longer."""
ANSWER_S = 5.0
"""A command that is not seen to be obeyed by then will not be."""
REPLAY_S = 5.0
"""A replay that has not begun by then will not."""
QUIET_S = 1.0
_FROM_STATS = ("device", "model", "storage", "alerts_today", "gpu_load")


class MqttLink:
    """An EngineLink over Home Assistant's broker. `topic`: <prefix>/<instance>."""

    def __init__(self, hass: HomeAssistant, topic: str) -> None:
        self._hass = hass
        self._topic = topic
        self._pictures = MqttPictures()
        self._sink: LinkSink | None = None
        self._position: Callable[[], Position | None] = lambda: None
        self._first: asyncio.Future[None] | None = None
        self._available: bool | None = None
        self._info: dict[str, Any] = {}
        self._stats: dict[str, Any] = {}
        self._states: dict[str, CameraState] = {}
        self._marks: dict[str, Mapping[str, Any]] = {}
        """Newest words about incidents, to see whether commands are obeyed."""
        self._connected = False
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._cancel_greeting: CALLBACK_TYPE | None = None
        self._cancel_replay: CALLBACK_TYPE | None = None
        self._expected: dict[asyncio.Future[None], Callable[[], bool]] = {}

    @property
    def client(self) -> None:
        return None

    async def start(self, sink: LinkSink, position: Callable[[], Position | None]) -> None:
        self._sink, self._position = sink, position
        self._first = self._hass.loop.create_future()
        if not await mqtt.async_wait_for_mqtt_client(self._hass):
            raise CannotConnectError("Home Assistant's MQTT is not set up", "no_mqtt")
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            try:
                await self._subscribe()
                async with asyncio.timeout(FIRST_S):
                    await self._first
            except TimeoutError as error:
                said = "the engine is offline" if self._available is False else "nothing retained below its topic"
                raise CannotConnectError(said, "offline") from error
            except HomeAssistantError as error:
                raise CannotConnectError(str(error), "no_mqtt") from error
            undo.pop_all()

    async def stop(self) -> None:
        while self._unsubscribe:
            self._unsubscribe.pop()()
        for cancel in (self._cancel_greeting, self._cancel_replay):
            if cancel:
                cancel()
        self._cancel_greeting = self._cancel_replay = None
        self._connected = False
        for expected in self._expected:
            if not expected.done():
                expected.set_exception(CannotConnectError("it was stopped meanwhile", "offline"))

    async def _subscribe(self) -> None:
        topics: dict[str, tuple[Callable[[str, Any], None], str | None]] = {
            "media/+": (self._on_picture, None),
            "available": (self._on_available, "utf-8"),
            "+/state": (self._on_state, "utf-8"),
            "info": (self._on_info, "utf-8"),
            "stats": (self._on_stats, "utf-8"),
            "+/incident": (self._on_incident, "utf-8"),
            "replay": (self._on_replay, "utf-8"),
        }
        self._unsubscribe.append(mqtt.async_subscribe_connection_status(self._hass, self._on_broker))
        for name, (listener, encoding) in topics.items():
            unsubscribe = await mqtt.async_subscribe(
                self._hass, f"{self._topic}/{name}", self._guarded(listener), 1, encoding
            )
            self._unsubscribe.append(unsubscribe)

    def _guarded(self, listener: Callable[[str, Any], None]) -> Callable[[mqtt.ReceiveMessage], None]:
        """Whatever is published there must not disturb what follows."""

        @callback
        def receive(message: mqtt.ReceiveMessage) -> None:
            words = message.topic.removeprefix(f"{self._topic}/").split("/")
            try:
                listener(words[-1] if words[0] == "media" else words[0], message.payload)
            except (BadMessageError, KeyError, TypeError, ValueError, AttributeError) as error:
                _LOGGER.warning("Ignored a message on %s: %s: %s", message.topic, type(error).__name__, error)

        return receive

    # --- what is published ----------------------------------------------------------------------------------------

    @callback
    def _on_broker(self, connected: bool) -> None:
        if not connected:
            self._available = None
            self._lost("the broker is not reached")

    def _on_available(self, _: str, payload: str) -> None:
        self._available = payload == "online"
        if self._available:
            self._greet()
        else:
            self._lost("it is not connected to the broker")

    def _on_info(self, _: str, payload: str) -> None:
        info = _object(payload)
        if int(info.get("schema_version", 0)) > SUPPORTED_SCHEMA:
            self._refuse(BadMessageError(f"it speaks version {info['schema_version']}", "newer_schema"))
            return
        EngineInfo.from_json(info)
        self._info = info
        self._info_changed()

    def _on_stats(self, _: str, payload: str) -> None:
        stats = _object(payload)
        self._stats = {key: stats[key] for key in _FROM_STATS if key in stats}
        if self._info and stats.get("uuid") == self._info["uuid"]:
            self._info_changed()

    def _info_changed(self) -> None:
        if self._connected and self._sink:
            self._sink.engine(self._engine(), None)
        else:
            self._greet()
        self._check_expected()

    def _on_state(self, camera: str, payload: str) -> None:
        if not payload:
            self._states.pop(camera, None)
            if self._connected and self._sink:
                self._sink.camera_gone(camera)
            return
        state = CameraState.from_json(_object(payload))
        self._states[camera] = state
        if self._connected and self._sink:
            self._sink.camera(camera, state, None)
        else:
            self._greet()
        self._check_expected()

    def _on_incident(self, _: str, payload: str) -> None:
        self._forward(IncidentMessage.from_json(_object(payload)))

    def _on_replay(self, _: str, payload: str) -> None:
        message = _object(payload)
        if not self._connected or self._sink is None:
            return
        self._expect_replay(QUIET_S)
        if message["kind"] == "incident":
            self._forward(IncidentMessage.from_json(message["data"], replayed=True))
        elif message["kind"] == "reset":
            self._sink.reset()

    def _on_picture(self, name: str, payload: bytes) -> None:
        self._pictures.add(name.removesuffix(".jpg"), bytes(payload))

    def _forward(self, message: IncidentMessage) -> None:
        incident = message.incident
        self._marks.pop(incident.incident_id, None)
        self._marks[incident.incident_id] = incident.raw
        while len(self._marks) > 200:
            del self._marks[next(iter(self._marks))]
        if self._connected and self._sink:
            self._sink.incident(message)
        self._check_expected()

    # --- being connected ------------------------------------------------------------------------------------------

    def _engine(self) -> EngineInfo:
        return EngineInfo.from_json(self._info | self._stats)

    @callback
    def _greet(self, now: datetime | None = None) -> None:
        """Once all that is retained is here, or after a while what there is of it (`now`)."""
        if now is not None:
            self._cancel_greeting = None
        if self._connected or self._sink is None or not self._available or not self._info:
            return
        info = self._engine()
        if now is None and not set(info.cameras) <= set(self._states):
            if self._cancel_greeting is None:
                self._cancel_greeting = async_call_later(self._hass, STATES_S, self._greet)
            return
        if self._cancel_greeting:
            self._cancel_greeting()
            self._cancel_greeting = None
        states = {camera: state for camera, state in self._states.items() if camera in info.cameras}
        position = self._position()
        self._sink.connected(Hello(info, states, None))
        self._connected = True
        if self._first and not self._first.done():
            self._first.set_result(None)
        if position is None:
            self._sink.replay_over()
        else:
            self._expect_replay(REPLAY_S)
            wanted = json.dumps({"since": position.seq, "epoch": position.epoch})
            self._hass.async_create_task(self._ask_for_replay(wanted), "crime_detect replay")

    async def _ask_for_replay(self, wanted: str) -> None:
        try:
            await self._publish("replay", wanted)
        except EngineError as error:
            _LOGGER.debug("No replay: %s", error)  # said as a lost connection

    def _expect_replay(self, quiet_s: float) -> None:
        if self._cancel_replay:
            self._cancel_replay()
        self._cancel_replay = async_call_later(self._hass, quiet_s, self._replay_over)

    @callback
    def _replay_over(self, _now: datetime) -> None:
        self._cancel_replay = None
        if self._connected and self._sink:
            self._sink.replay_over()

    def _lost(self, reason: str) -> None:
        if self._connected and self._sink:
            self._connected = False
            self._sink.disconnected(reason)

    def _refuse(self, error: BadMessageError) -> None:
        if self._first and not self._first.done():
            self._first.set_exception(error)
        elif self._sink:
            self._lost(str(error))
            self._info = {}
            self._sink.incompatible(str(error))

    # --- commands -------------------------------------------------------------------------------------------------

    async def picture(self, incident: Incident) -> bytes:
        return await self._pictures.take(incident.incident_id)

    async def set_detection(self, camera: str, on: bool) -> None:
        await self._publish(f"{camera}/detection", _switch(on), lambda: self._states[camera].detection is on)

    async def set_privacy(self, camera: str, on: bool) -> None:
        await self._publish(f"{camera}/privacy", _switch(on), lambda: self._states[camera].privacy is on)

    async def set_threshold(self, camera: str, threshold: float) -> None:
        # The state tells the threshold of its class, which may have one of its own: nothing to wait for.
        await self._publish(f"{camera}/threshold", f"{threshold:g}")

    async def snooze(self, camera: str, minutes: float, label: str | None = None) -> None:
        if label is not None:
            raise NotOverMqttError("one class alone cannot be snoozed over MQTT", "not_over_mqtt")

        def obeyed() -> bool:
            until = self._states[camera].snoozed_until
            return (until is not None and until > dt_util.utcnow()) is (minutes > 0)

        await self._publish(f"{camera}/snooze", f"{minutes:g}", obeyed)

    async def set_verdict(self, incident_id: str, verdict: str, on_behalf_of: str | None = None) -> None:
        await self._change_incident(incident_id, "verdict", verdict, "verdict", verdict)

    async def acknowledge(self, incident_id: str, on: bool = True, on_behalf_of: str | None = None) -> None:
        await self._change_incident(incident_id, "acknowledge", _switch(on), "acknowledged", on)

    async def hold(self, incident_id: str, on: bool = True, on_behalf_of: str | None = None) -> None:
        await self._change_incident(incident_id, "hold", _switch(on), "hold", on)

    async def switch_off_mqtt_discovery(self) -> None:
        await self._publish("ha_discovery", "OFF", lambda: not self._info.get("mqtt_discovery", False))

    async def _change_incident(self, incident_id: str, what: str, payload: str, key: str, value: Any) -> None:
        await self._publish(
            f"incident/{incident_id}/{what}", payload, lambda: self._marks.get(incident_id, {}).get(key) == value
        )

    async def _publish(self, what: str, payload: str, obeyed: Callable[[], bool] | None = None) -> None:
        """Returns when the engine is seen to have obeyed. Nothing answers over MQTT where commands are off."""
        if not self._connected:
            raise CannotConnectError("the engine is not connected to the broker", "offline")
        expected: asyncio.Future[None] = self._hass.loop.create_future()
        if obeyed is not None:
            self._expected[expected] = obeyed
        try:
            await mqtt.async_publish(self._hass, f"{self._topic}/{what}/set", payload, 1, False)
            if obeyed is not None:
                self._check_expected()
                async with asyncio.timeout(ANSWER_S):
                    await expected
        except TimeoutError as error:
            raise EngineError(
                "the engine did not obey; are commands on (`mqtt: {commands: on}`)?", "commands_off"
            ) from error
        except HomeAssistantError as error:
            raise CannotConnectError(str(error), "no_mqtt") from error
        finally:
            self._expected.pop(expected, None)

    def _check_expected(self) -> None:
        for expected, obeyed in self._expected.items():
            try:
                if obeyed() and not expected.done():
                    expected.set_result(None)
            except KeyError:
                continue  # a camera that is gone


def _object(payload: str) -> dict[str, Any]:
    value = json.loads(payload)
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _switch(on: bool) -> str:
    return "ON" if on else "OFF"
