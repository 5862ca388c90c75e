"""Owns alerts by mail: SMTP with the picture inside, one message a recipient."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import aiosmtplib
import voluptuous as vol

from crime_detect_engine.domain.clock import Clock

from .channel import Ambiguous, Blocked, Channel, Outcome, Outgoing, Permanent, Retry, Sent
from .message import Site, age_text, headline, incident_of, mail_texts
from .schema import PORT, host_name, list_of, mail_address, optional_text, text

_TIMEOUT_S = 20.0
_PORTS = {"tls": 465, "starttls": 587, "none": 25}


@dataclass(frozen=True, slots=True)
class EmailOptions:
    """`security`: tls from the first byte, starttls (refused where the server cannot), or none."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    security: str = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    """PEM file of the authority of the server's certificate; None trusts the system's."""
    labels: tuple[str, ...] = ()
    """Classes to tell; empty is all."""


def _build(value: Mapping[str, Any]) -> EmailOptions:
    options = {key: item for key, item in value.items() if key != "from"}
    if (options.get("username") is None) != (options.get("password") is None):
        raise vol.Invalid("username and password belong together")
    security = options.setdefault("security", "starttls")
    if security == "none" and options.get("password") is not None:
        raise vol.Invalid("security none would send the password readable to all; use tls or starttls")
    options.setdefault("port", _PORTS[security])
    return EmailOptions(sender=value["from"], **options)


SCHEMA = vol.All(
    vol.Schema(
        {
            vol.Required("host"): host_name,
            "port": PORT,
            vol.Required("from"): mail_address,
            vol.Required("to"): list_of(mail_address, at_least=1),
            "security": vol.In(_PORTS, msg="expected tls, starttls or none"),
            "username": optional_text,
            "password": optional_text,
            "ca": optional_text,
            "labels": list_of(text),
        }
    ),
    _build,
)
"""Yields EmailOptions."""


class EmailChannel(Channel):
    """A repetition carries the same Message-ID, by which mail programs and most servers know it."""

    name = "email"

    def __init__(self, options: EmailOptions, site: Site, clock: Clock) -> None:
        self._options = options
        self._site = site
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> Outcome:
        if outgoing.delivery.recipient not in self._options.to:
            return Permanent("the address is no longer configured")
        return await submit(self._options, await self._compose(outgoing), outgoing.delivery.recipient)

    async def _compose(self, outgoing: Outgoing) -> EmailMessage:
        incident = incident_of(outgoing.event)
        domain = self._options.sender.rpartition("@")[2]
        late = age_text(outgoing.age_s)
        picture = await outgoing.snapshot()
        name = None if picture is None else f"{incident.incident_id}@{domain}"
        text_part, html_part = mail_texts(outgoing, self._site, name)
        message = EmailMessage()
        message["From"] = Address("crime_detect", addr_spec=self._options.sender)
        message["To"] = outgoing.delivery.recipient
        message["Subject"] = f"[{incident.severity.wire}] {headline(outgoing, self._site)}" + (
            f" ({late})" if late else ""
        )
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{incident.incident_id}.{outgoing.event.seq}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text_part)
        message.add_alternative(html_part, subtype="html")
        if picture is not None:
            html = message.get_payload()[1]  # type: ignore[index]
            html.add_related(  # type: ignore[union-attr]
                picture, "image", "jpeg", cid=f"<{name}>", filename=f"{incident.incident_id}.jpg", disposition="inline"
            )
        return message


async def submit(options: EmailOptions, message: EmailMessage, recipient: str) -> Outcome:
    """Hands one message over to the server, once."""
    try:
        smtp = aiosmtplib.SMTP(
            hostname=options.host,
            port=options.port,
            use_tls=options.security == "tls",
            start_tls=options.security == "starttls",
            tls_context=None if options.security == "none" else ssl.create_default_context(cafile=options.ca),
            timeout=_TIMEOUT_S,
        )
    except OSError as error:
        return Blocked(f"the mail server's authority (ca) cannot be read: {error.strerror or type(error).__name__}")
    handed_over = False
    try:
        await smtp.connect()
        if options.username is not None and options.password is not None:
            await smtp.login(options.username, options.password)
        handed_over = True
        _, answer = await smtp.send_message(message, recipients=[recipient])
    except (aiosmtplib.SMTPException, OSError) as error:
        return _refusal(error, handed_over=handed_over)
    finally:
        smtp.close()
    return Sent(answer[:200])


def _refusal(error: Exception, *, handed_over: bool) -> Outcome:
    """What an SMTP error means for this message and for the channel; the server's words are shown."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        first = error.recipients[0]
        problem = f"the mail server refuses the recipient: {first.code} {_words(first.message)}"
        return Permanent(problem) if first.code >= 500 else Retry(problem)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        problem = f"the mail server refuses user name or password: {error.code} {_words(error.message)}"
        return Blocked(problem) if error.code >= 500 else Retry(problem)
    if isinstance(error, aiosmtplib.SMTPSenderRefused):
        problem = f"the mail server refuses the sender: {error.code} {_words(error.message)}"
        return Blocked(problem) if error.code >= 500 else Retry(problem)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        problem = f"the mail server refuses the message: {error.code} {_words(error.message)}"
        return Permanent(problem) if error.code >= 500 and handed_over else Retry(problem)
    certificate = _certificate_problem(error)
    if certificate is not None:
        return Blocked(f"the mail server's certificate is not accepted: {certificate.verify_message}")
    if type(error) in {aiosmtplib.SMTPException, aiosmtplib.SMTPNotSupported}:
        return Blocked(f"the mail server cannot do what is configured: {_words(str(error))}")
    problem = f"no {'answer from' if isinstance(error, TimeoutError) else 'connection to'} the mail server"
    return Ambiguous(problem) if handed_over else Retry(problem)


def _certificate_problem(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What aiosmtplib wraps."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__
    return error


def _words(answer: str) -> str:
    return " ".join(answer.split())[:200]
