"""Owns the chain's head by mail: once a day to whom the configuration names, through the outbox."""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import StoreError

from .channel import Channel, Outcome, Outgoing, Permanent, Retry
from .email import EmailOptions, submit

CHANNEL = "anchor"
_KEY = re.compile(r"(\d{4}-\d\d-\d\d) (\S+)")


@dataclass(frozen=True, slots=True)
class ChainHead:
    """`signature` (64 bytes) is over `text`."""

    seq: int
    text: str
    signature: bytes
    key_id: str


ReadHead = Callable[[], Awaitable[ChainHead]]


def recipient_key(day: date, address: str) -> str:
    return f"{day.isoformat()} {address}"


class AnchorChannel(Channel):
    """A channel of its own. The head is that of the moment in which it is sent."""

    name = CHANNEL

    def __init__(self, mail: EmailOptions, to: Callable[[], Sequence[str]], read: ReadHead, clock: Clock) -> None:
        self._mail = mail
        self._to = to
        self._read = read
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> Outcome:
        key = _KEY.fullmatch(outgoing.delivery.recipient)
        if key is None or key[2] not in self._to():
            return Permanent("the chain's head is no longer sent to this address")
        try:
            head = await self._read()
        except StoreError as error:
            return Retry(f"the chain's head cannot be read: {error}")
        return await submit(self._mail, self._compose(head, key[1], key[2]), key[2])

    def _compose(self, head: ChainHead, day: str, address: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = Address("crime_detect", addr_spec=self._mail.sender)
        message["To"] = address
        message["Subject"] = f"Chain of evidence: link {head.seq}"
        message["Date"] = format_datetime(self._clock.now())
        domain = self._mail.sender.rpartition("@")[2]
        message["Message-ID"] = f"<chain.{day}.{address.replace('@', '.')}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(
            "Keep this mail. It holds the newest link of a hash chain over incidents and audit entries: whoever "
            "changes what came before cannot make this link fit again. It tells nothing of anybody.\n\n"
            f"{head.text}\nSignature (Ed25519, base64): {base64.b64encode(head.signature).decode()}\n"
            f"Key: {head.key_id}\n"
        )
        message.add_attachment(head.text.encode(), maintype="text", subtype="plain", filename=f"chain-{head.seq}.txt")
        message.add_attachment(
            head.signature, maintype="application", subtype="octet-stream", filename=f"chain-{head.seq}.sig"
        )
        return message


def anchor_channel(
    to: Callable[[], Sequence[str]], read: ReadHead, clock: Clock
) -> Callable[[EmailOptions], AnchorChannel]:
    """For `build_channels`, which knows the mail server."""
    return lambda mail: AnchorChannel(mail, to, read, clock)
