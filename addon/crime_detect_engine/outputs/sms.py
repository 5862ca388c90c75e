"""Owns SMS and MMS by Twilio: sending, and asking Twilio's list whether a message was taken over."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import requests
import voluptuous as vol
from urllib3.exceptions import NewConnectionError

from .channel import Ambiguous, Blocked, Channel, Outcome, Outgoing, Permanent, Retry, Sent
from .message import Site, incident_of, sms_text
from .schema import e164, http_url, list_of, text

if TYPE_CHECKING:
    from twilio.rest import Client

    from .sms_transport import Transport

MediaUrl = Callable[[str], str | None]
NotSent = Retry | Ambiguous | Permanent | Blocked
Answer = TypeVar("Answer")

_TIMEOUT_S = 15.0
_THREADS = 4
_ASK_AGAIN_S = 20.0
_LISTED = 200
_INVALID_NUMBER = {21211, 21214, 21217, 21265, 21408, 21610, 21612, 21614, 30006}
"""Twilio's codes for a number that cannot be reached: wrong, not mobile, region not allowed, unsubscribed."""
_OURS = {20003, 20005, 20006, 20008, 20404, 21212, 21603, 21606, 21659, 21660}
"""Twilio's codes for what is wrong on our side of the account: credentials, suspended, the sender's number."""
_NEVER_SENT = {"failed", "canceled"}


@dataclass(frozen=True, slots=True)
class SmsOptions:
    """`api_base` replaces https://api.twilio.com: a proxy, or the double in tests."""

    account_sid: str
    auth_token: str = field(repr=False)
    sender: str
    to: tuple[str, ...]
    labels: tuple[str, ...] = ()
    """Classes to tell; empty is all."""
    mms: bool = False
    """Sends the picture too, where `public_url` lets Twilio fetch it."""
    api_base: str | None = None
    timeout_s: float = _TIMEOUT_S


def _sender(value: object) -> str:
    """A number, or an alphanumeric sender id or messaging service (MG…)."""
    sender = text(value).strip()
    return e164(sender) if sender.startswith("+") else sender


def _build(value: Mapping[str, Any]) -> SmsOptions:
    return SmsOptions(sender=value["from"], **{key: item for key, item in value.items() if key != "from"})


SCHEMA = vol.All(
    vol.Schema(
        {
            vol.Required("account_sid"): text,
            vol.Required("auth_token"): text,
            vol.Required("from"): _sender,
            vol.Required("to"): list_of(e164, at_least=1),
            "labels": list_of(text),
            "mms": vol.All(bool, msg="expected true or false"),
            "api_base": vol.Any(None, http_url, msg="expected an address like https://proxy.example.org"),
        }
    ),
    _build,
)
"""Yields SmsOptions."""


class SmsChannel(Channel):
    """One message a delivery. Twilio knows no idempotency key, so an ambiguous one is looked up before a repetition."""

    name = "sms"

    def __init__(self, options: SmsOptions, site: Site, media_url: MediaUrl | None = None) -> None:
        """`media_url` gives the public address of an incident's picture for MMS, None where there is none."""
        self._options = options
        self._site = site
        self._media_url = media_url
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sms")

    async def send(self, outgoing: Outgoing) -> Outcome:
        if outgoing.delivery.recipient not in self._options.to:
            return Permanent("the number is no longer configured")
        return await self._in_thread(self._create, outgoing)

    async def find(self, outgoing: Outgoing) -> Outcome | None:
        return await self._in_thread(self._look_up, outgoing)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, call: Callable[[Outgoing], Answer], outgoing: Outgoing) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, outgoing)

    # --- in a thread: Twilio's SDK blocks -------------------------------------------------------------------------

    def _create(self, outgoing: Outgoing) -> Outcome:
        from twilio.base.exceptions import TwilioException, TwilioRestException

        arguments: dict[str, Any] = {"to": outgoing.delivery.recipient, "body": sms_text(outgoing, self._site)}
        sender = self._options.sender
        arguments["messaging_service_sid" if re.fullmatch(r"MG[0-9a-f]{32}", sender) else "from_"] = sender
        if self._options.mms and self._media_url is not None and (incident := outgoing.event.after) is not None:
            address = self._media_url(incident.incident_id) if incident.snapshot else None
            arguments |= {} if address is None else {"media_url": [address]}
        client, transport = self._connect()
        try:
            message = client.messages.create(**arguments)
        except TwilioRestException as error:
            return _refusal(error.status, error.code, error.msg, transport.retry_after_s)
        except requests.RequestException as error:
            problem = f"Twilio: {_network_problem(error)}"
            return Retry(problem) if _never_left(error) else Ambiguous(problem, after_s=_ASK_AGAIN_S)
        except (TwilioException, ValueError) as error:
            return Ambiguous(f"Twilio gave an answer that is none: {type(error).__name__}", after_s=_ASK_AGAIN_S)
        return Sent(message.sid)

    def _look_up(self, outgoing: Outgoing) -> Outcome | None:
        """Matches reference and severity: a second SMS about one incident is another message."""
        from twilio.base.exceptions import TwilioException

        incident = incident_of(outgoing.event)
        client, transport = self._connect()
        try:
            # Not filtered by date: a message that is still queued at Twilio has no sending date yet.
            for message in client.messages.list(to=outgoing.delivery.recipient, limit=_LISTED):
                body = message.body or ""
                ours = incident.incident_id in body and body.startswith(incident.severity.wire.upper())
                if ours and message.status not in _NEVER_SENT:
                    return Sent(message.sid)
        except (TwilioException, requests.RequestException, ValueError) as error:
            reason = f"HTTP {transport.status}" if isinstance(error, TwilioException) else _network_problem(error)
            problem = f"cannot ask Twilio whether it arrived: {reason}"
            return Blocked(problem) if transport.status in {401, 403} else Retry(problem, _ASK_AGAIN_S)
        return None

    def _connect(self) -> tuple[Client, Transport]:
        from twilio.rest import Client

        from .sms_transport import Transport

        transport = Transport(self._options.api_base, self._options.timeout_s)
        return Client(self._options.account_sid, self._options.auth_token, http_client=transport), transport


def _refusal(status: int, code: int | None, message: str, retry_after_s: float | None) -> NotSent:
    """What an HTTP error of Twilio means for this message and for the channel."""
    problem = f"Twilio {status}, error {code}: {_without_numbers(message)}"
    if status == 429:
        return Retry(problem, retry_after_s)
    if status >= 500:
        return Ambiguous(problem, after_s=_ASK_AGAIN_S)
    if code in _INVALID_NUMBER:
        return Permanent(problem)
    if status in {401, 403, 404} or code in _OURS:
        return Blocked(problem)
    return Permanent(problem)


def _never_left(error: requests.RequestException) -> bool:
    """Whether the request cannot have reached Twilio: no name, no connection, no TLS."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _network_problem(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _without_numbers(message: str) -> str:
    """Errors are shown and logged; of people's numbers only the last digits, enough to tell which is wrong."""
    return re.sub(r"\+?\d{4,}(\d{3})", r"…\1", message)
