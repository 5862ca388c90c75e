"""Owns one connection to the MQTT broker: paho's network thread on one side, awaitables on the other."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

_KEEPALIVE_S = 30
_ANSWER_S = 15.0
_PROTOCOL_REFUSALS = {"Unsupported protocol version", "Protocol error"}
_CREDENTIAL_REFUSALS = {"Bad user name or password", "Not authorized", "Banned", "Bad authentication method"}


class MqttError(Exception):
    """The broker refused, answered too late or went away; the message is fit for people."""

    def __init__(
        self, message: str, *, refused: bool = False, wrong_protocol: bool = False, unheard: bool = False
    ) -> None:
        super().__init__(message)
        self.refused = refused
        """True where asking again soon cannot help: credentials, permissions."""
        self.wrong_protocol = wrong_protocol
        self.unheard = unheard
        """The broker hung up before it said anything."""


class MqttConnection:
    """From CONNECT to the end of one TCP connection.

    A lost connection is replaced by a new object: what paho still holds of the old one is never sent again behind the
    outbox's back. All methods belong to the event loop.
    """

    def __init__(
        self, client_id: str, protocol: MQTTProtocolVersion, on_message: Callable[[str, bytes, bool], None]
    ) -> None:
        """`on_message` gets topic, payload and the retain flag, in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._protocol = protocol
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self.most_bytes: int | None = None
        """The largest packet that the broker takes, where it said so (MQTT 5): a larger one ends the connection."""
        self.closed: asyncio.Future[MqttError] = self._loop.create_future()
        """Done with the reason when the connection has ended."""
        client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=protocol, reconnect_on_failure=False)
        client.on_connect = self._connected
        client.on_connect_fail = self._connect_failed
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_subscribe = self._subscribed
        client.on_unsubscribe = self._subscribed
        client.on_message = self._received
        self._client = client

    async def open(
        self,
        address: tuple[str, int],
        credentials: tuple[str | None, str | None],
        tls: ssl.SSLContext | None,
        will: tuple[str, bytes],
    ) -> None:
        """Connects and waits for the broker's word. The will is retained, QoS 1. Raises MqttError."""
        host, port = address
        username, password = credentials
        if username is not None or password is not None:
            self._client.username_pw_set(username, password)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._client.connect_async(host, port, keepalive=_KEEPALIVE_S)
        self._client.loop_start()
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._opened
        except TimeoutError:
            self.drop()
            raise MqttError(f"{host}:{port} did not answer") from None

    async def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Returns when the broker has acknowledged (QoS 1) or at once (QoS 0). Raises MqttError."""
        self._require_open()
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if qos:
            await self._answer(info.mid)

    async def subscribe(self, filters: Sequence[str], *, qos: int = 1) -> None:
        """Retained messages come to `on_message`. Raises MqttError when the broker refuses one of them."""
        self._require_open()
        _, mid = self._client.subscribe([(name, qos) for name in filters])
        await self._answer(mid)

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        self._require_open()
        _, mid = self._client.unsubscribe(list(filters))
        await self._answer(mid)

    def drop(self) -> None:
        """Says goodbye to the broker, which then does not send the will. `closed` follows."""
        self._client.disconnect()
        self._end(MqttError("closed"))

    def _require_open(self) -> None:
        if self.closed.done():
            raise self.closed.result()

    async def _answer(self, mid: int | None) -> None:
        if mid is None:
            raise MqttError("not connected")
        answer: asyncio.Future[None] = self._loop.create_future()
        self._answers[mid] = answer
        try:
            async with asyncio.timeout(_ANSWER_S):
                await answer
        except TimeoutError:
            raise MqttError("the broker did not acknowledge in time") from None
        finally:
            self._answers.pop(mid, None)

    def _resolve(self, mid: int, problem: MqttError | None) -> None:
        answer = self._answers.get(mid)
        if answer is None or answer.done():
            return
        if problem is None:
            answer.set_result(None)
        else:
            answer.set_exception(problem)

    def _begin(self, most_bytes: int | None) -> None:
        self.most_bytes = most_bytes
        if not self._opened.done():
            self._opened.set_result(None)

    def _end(self, reason: MqttError) -> None:
        if not self._opened.done():
            self._opened.set_exception(reason)
            self._opened.exception()  # whoever opened it may have gone; an unread exception would be logged
        if not self.closed.done():
            self.closed.set_result(reason)
        for mid in list(self._answers):
            self._resolve(mid, reason)

    # --- paho's thread --------------------------------------------------------------------------------------------

    def _post(self, callback: Callable[..., None], *values: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *values)
        except RuntimeError:
            return  # the loop has ended, nobody listens any more

    def _connected(
        self, _client: Client, _userdata: Any, _flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if not reason.is_failure:
            self._post(self._begin, getattr(properties, "MaximumPacketSize", None))
            return
        name = reason.getName()
        refused = name in _CREDENTIAL_REFUSALS
        hint = " (user name, password, or what the broker's access list allows)" if refused else ""
        self._post(
            self._end,
            MqttError(
                f"the broker refused: {name.lower()}{hint}", refused=refused, wrong_protocol=name in _PROTOCOL_REFUSALS
            ),
        )

    def _connect_failed(self, _client: Client, _userdata: Any) -> None:
        # paho calls this inside its `except OSError`, and hands the reason over in no other way.
        self._post(self._end, MqttError(describe_error(sys.exc_info()[1])))

    def _disconnected(
        self,
        _client: Client,
        _userdata: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        unheard = not self._opened.done()
        self._post(
            self._end,
            MqttError(
                "the broker closed the connection before it answered"
                if unheard
                else f"connection lost: {reason.getName().lower()}",
                wrong_protocol=unheard,
                unheard=unheard,
            ),
        )

    def _published(
        self, _client: Client, _userdata: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        problem = (
            MqttError(f"the broker refused the message: {reason.getName().lower()}", refused=True)
            if reason.is_failure
            else None
        )
        self._post(self._resolve, mid, problem)

    def _subscribed(
        self, _client: Client, _userdata: Any, mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        failed = [reason.getName().lower() for reason in reasons if reason.is_failure]
        problem = MqttError(f"the broker refused to subscribe: {failed[0]}", refused=True) if failed else None
        self._post(self._resolve, mid, problem)

    def _received(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._post(self._deliver, message.topic, bytes(message.payload), bool(message.retain))

    def _deliver(self, topic: str, payload: bytes, retain: bool) -> None:
        self._on_message(topic, payload, retain)


def describe_error(error: BaseException | None) -> str:
    """What a person can act upon, from an error of the network or of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {getattr(error, 'reason', None) or type(error).__name__}"
    if isinstance(error, TimeoutError):
        return "the broker did not answer"
    if isinstance(error, OSError):
        return f"cannot connect: {error.strerror or error}"
    return f"cannot connect: {type(error).__name__}"
