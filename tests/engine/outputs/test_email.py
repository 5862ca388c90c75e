"""Tests mail against a real SMTP server: what arrives, over which security, and what a refusal means."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.outputs.channel import Ambiguous, Blocked, Outgoing, Permanent, Retry, Sent
from crime_detect_engine.outputs.email import SCHEMA, EmailChannel, EmailOptions
from crime_detect_engine.outputs.message import Site

from tests.rig.mosquitto import free_port, make_certificate

Make = Callable[..., Outgoing]
JPEG = b"\xff\xd8\xff picture \xff\xd9"


class Mailbox:
    """What the server took over; `rcpt` and `data` are what it answers instead of taking over."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.rcpt: str | None = None
        self.data: str | None = None
        self.break_off = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.rcpt is not None:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        if self.data is not None:
            return self.data
        mail = message_from_bytes(envelope.content or b"", policy=policy.default)  # type: ignore[arg-type]
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        if self.break_off:
            server.transport.abort()
        return "250 queued as 4711"


class Servers:
    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self._running: list[Controller] = []

    def start(self, **options: Any) -> int:
        controller = Controller(self.mailbox, hostname="127.0.0.1", port=free_port(), **options)
        controller.start()
        self._running.append(controller)
        return int(controller.port)

    def stop(self) -> None:
        for controller in self._running:
            controller.stop()


@pytest.fixture
def smtp() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture
def open_channel(site: Site, clock: ManualClock) -> Callable[..., EmailChannel]:
    def make(port: int, **options: Any) -> EmailChannel:
        settings = {"security": "none", **options}
        return EmailChannel(
            EmailOptions("127.0.0.1", port, "cam@home.example", ("me@home.example",), **settings), site, clock
        )

    return make


async def test_the_mail_has_the_picture_inside_and_an_id_that_names_the_incident(
    smtp: Servers, open_channel: Callable[..., EmailChannel], outgoing: Make
) -> None:
    channel = open_channel(smtp.start())
    message = outgoing("me@home.example", age_s=725.0, picture=JPEG)
    assert message.event.after is not None
    outcome = await channel.send(message)
    assert isinstance(outcome, Sent)
    assert "4711" in (outcome.receipt or "")
    await channel.send(message)
    mail, again = smtp.mailbox.mails
    reference = message.event.after.incident_id
    assert mail["Subject"] == "[alert] Fighting at Front door (12 min ago)"
    assert mail["To"] == "me@home.example"
    assert mail["Message-ID"] == again["Message-ID"] == f"<{reference}.{message.event.seq}@home.example>"
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    assert f"https://home.example/incidents/{reference}" in plain.get_content()
    pictures = [part for part in mail.walk() if part.get_content_type() == "image/jpeg"]
    assert [part.get_content() for part in pictures] == [JPEG]
    assert f"cid:{pictures[0]['Content-ID'].strip('<>')}" in html.get_content()


async def test_without_a_picture_the_mail_goes_out_all_the_same(
    smtp: Servers, open_channel: Callable[..., EmailChannel], outgoing: Make
) -> None:
    assert isinstance(await open_channel(smtp.start()).send(outgoing("me@home.example")), Sent)
    assert "cid:" not in smtp.mailbox.mails[0].as_string()


@pytest.mark.parametrize(
    ("rcpt", "data", "kind"),
    [
        ("550 no such user", None, Permanent),
        ("451 come back later", None, Retry),
        (None, "552 too large", Permanent),
        (None, "452 disk full", Retry),
    ],
)
async def test_a_refusal_for_good_is_given_up_and_one_for_now_is_not(
    rcpt: str | None,
    data: str | None,
    kind: type,
    smtp: Servers,
    open_channel: Callable[..., EmailChannel],
    outgoing: Make,
) -> None:
    smtp.mailbox.rcpt, smtp.mailbox.data = rcpt, data
    outcome = await open_channel(smtp.start()).send(outgoing("me@home.example"))
    assert type(outcome) is kind
    assert (rcpt or data or "")[4:] in outcome.error


async def test_a_connection_that_breaks_after_the_message_is_ambiguous(
    smtp: Servers, open_channel: Callable[..., EmailChannel], outgoing: Make
) -> None:
    smtp.mailbox.break_off = True
    assert isinstance(await open_channel(smtp.start()).send(outgoing("me@home.example")), Ambiguous)


async def test_a_server_that_is_down_or_hangs_up_is_tried_again(
    open_channel: Callable[..., EmailChannel], outgoing: Make
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    assert isinstance(await open_channel(port).send(outgoing("me@home.example")), Retry)


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_passwords_go_over_tls_only_and_a_wrong_one_pauses_the_channel(
    security: str, tmp_path: Path, smtp: Servers, open_channel: Callable[..., EmailChannel], outgoing: Make
) -> None:
    certificate, key = make_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"right", handled=False)

    tls = {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    port = smtp.start(authenticator=check, auth_required=True, auth_require_tls=security == "starttls", **tls)
    login = {"security": security, "username": "me", "ca": str(certificate)}
    assert isinstance(await open_channel(port, password="right", **login).send(outgoing("me@home.example")), Sent)
    refused = await open_channel(port, password="wr0ng", **login).send(outgoing("me@home.example"))
    assert isinstance(refused, Blocked)
    assert "wr0ng" not in refused.error
    stranger = open_channel(port, password="right", security=security, username="me")
    outcome = await stranger.send(outgoing("me@home.example"))
    assert isinstance(outcome, Blocked | Retry)
    assert "certificate" in outcome.error
    assert len(smtp.mailbox.mails) == 1


async def test_a_server_without_starttls_gets_no_password(
    smtp: Servers, open_channel: Callable[..., EmailChannel], outgoing: Make
) -> None:
    channel = open_channel(smtp.start(), security="starttls", username="me", password="right")
    assert isinstance(await channel.send(outgoing("me@home.example")), Blocked)
    assert smtp.mailbox.mails == []


async def test_an_address_that_was_taken_out_gets_nothing(
    smtp: Servers, open_channel: Callable[..., EmailChannel], outgoing: Make
) -> None:
    assert isinstance(await open_channel(smtp.start()).send(outgoing("old@home.example")), Permanent)
    assert smtp.mailbox.mails == []


def test_options_choose_the_port_and_refuse_a_readable_password() -> None:
    basics = {"host": "mail.example", "from": "cam@home.example", "to": "me@home.example"}
    assert SCHEMA(basics).port == 587
    assert SCHEMA({**basics, "security": "tls", "username": "u", "password": "s3cret"}).port == 465
    assert "s3cret" not in repr(SCHEMA({**basics, "username": "u", "password": "s3cret"}))
    for wrong in (
        {"security": "none", "username": "u", "password": "p"},
        {"password": "p"},
        {"to": ["not an address"]},
        {"from": "a@b\r\nBcc: all@example.org"},
        {"host": "https://mail.example"},
    ):
        with pytest.raises(vol.Invalid):
            SCHEMA({**basics, **wrong})
