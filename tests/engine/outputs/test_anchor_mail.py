"""The chain's head by mail: what it has in it, and who gets it; against a real mail server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import NO_EVENT, Delivery
from crime_detect_engine.domain.types import ChangeType, IncidentChanged
from crime_detect_engine.outputs.anchor_mail import AnchorChannel, ChainHead
from crime_detect_engine.outputs.channel import Outgoing, Permanent, Retry, Sent
from crime_detect_engine.outputs.email import EmailOptions

from tests.fakes import NOON
from tests.rig.mosquitto import free_port

NOTARY = "notary@example.org"
HEAD = ChainHead(1204, "crime_detect chain\nuuid\n1204\n", b"s" * 64, "0a" * 32)


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
async def smtp() -> AsyncIterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield mailbox, int(controller.port)
    await asyncio.to_thread(controller.stop)


def outgoing(recipient: str) -> Outgoing:
    async def nothing() -> bytes | None:
        return None

    delivery = Delivery(1, "anchor", recipient, NO_EVENT, None, NOON, 0, None, None)
    return Outgoing(delivery, IncidentChanged(NO_EVENT, ChangeType.UPDATE, None, None, NOON), 0.0, nothing)


def channel(port: int, refuse: bool = False) -> AnchorChannel:
    async def read() -> ChainHead:
        if refuse:
            raise StoreError("the database is locked")
        return HEAD

    mail = EmailOptions("127.0.0.1", port, "cam@home.example", ("x@home.example",), "none")
    return AnchorChannel(mail, lambda: (NOTARY,), read, SystemClock())


async def test_the_mail_has_the_head_and_its_signature(smtp: tuple[Mailbox, int]) -> None:
    mailbox, port = smtp
    for _ in range(2):
        assert isinstance(await channel(port).send(outgoing(f"2026-11-21 {NOTARY}")), Sent)
    mail, again = mailbox.mails
    assert mail["To"] == NOTARY
    assert mail["Message-ID"] == again["Message-ID"] == "<chain.2026-11-21.notary.example.org@home.example>"
    text, signature = mail.iter_attachments()
    assert text.get_content() == HEAD.text
    assert signature.get_content() == HEAD.signature
    assert [part.get_filename() for part in (text, signature)] == ["chain-1204.txt", "chain-1204.sig"]


@pytest.mark.parametrize("recipient", ["2026-11-21 eve@example.org", "what is this"])
async def test_who_is_not_configured_gets_nothing(smtp: tuple[Mailbox, int], recipient: str) -> None:
    mailbox, port = smtp
    assert isinstance(await channel(port).send(outgoing(recipient)), Permanent)
    assert not mailbox.mails


async def test_a_store_that_refuses_is_asked_again(smtp: tuple[Mailbox, int]) -> None:
    assert isinstance(await channel(smtp[1], refuse=True).send(outgoing(f"2026-11-21 {NOTARY}")), Retry)
