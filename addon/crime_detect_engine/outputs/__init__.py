"""Owns every way out of the engine: which channels there are, and which events go over which of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.types import IncidentChanged

from . import email, sms, webhook
from .anchor_mail import CHANNEL as ANCHOR
from .anchor_mail import AnchorChannel
from .channel import Channel
from .email import EmailChannel, EmailOptions
from .message import Site, is_for_people
from .report_mail import CHANNEL as REPORT
from .report_mail import ReportChannel
from .schema import not_in_this_version
from .sms import MediaUrl, SmsChannel, SmsOptions
from .webhook import WebhookChannel, WebhookOptions


@dataclass(frozen=True, slots=True)
class AlertOptions:
    """The `alerts` section of the configuration."""

    sms: SmsOptions | None = None
    email: EmailOptions | None = None
    webhook: tuple[WebhookOptions, ...] = ()


def _maybe(schema: vol.All) -> Any:
    """An empty section (`sms: {}`) is a channel that is not used."""
    return lambda value: None if value in (None, {}) else schema(value)


def _webhooks(value: object) -> tuple[WebhookOptions, ...]:
    options = tuple(vol.Schema([webhook.SCHEMA])(value or []))
    if len({option.key for option in options}) < len(options):
        raise vol.Invalid("two webhooks have one name or one url")
    return options


SCHEMA = vol.All(
    vol.Schema(
        {
            "sms": _maybe(sms.SCHEMA),
            "email": _maybe(email.SCHEMA),
            "webhook": _webhooks,
            "push": not_in_this_version,
        }
    ),
    lambda value: AlertOptions(**{key: item for key, item in value.items() if key != "push"}),
)
"""Yields AlertOptions."""


def deliveries_for(event: IncidentChanged, alerts: AlertOptions, *, mqtt: bool) -> Sequence[tuple[str, str]]:
    """(channel, recipient) of everybody who is told of this event; written to the store with the event."""
    incident = event.after or event.before
    if incident is None:
        return []
    deliveries: list[tuple[str, str]] = [("mqtt", incident.camera)] if mqtt else []
    if is_for_people(event):
        for name, options in (("sms", alerts.sms), ("email", alerts.email)):
            if options is not None and (not options.labels or incident.label in options.labels):
                deliveries += [(name, recipient) for recipient in options.to]
    return deliveries + [("webhook", option.key) for option in alerts.webhook if option.wants(event)]


def targets_of_a_test(alerts: AlertOptions, *, mqtt: bool) -> Sequence[tuple[str, str]]:
    """(channel, recipient) of everybody whom a test message reaches."""
    deliveries: list[tuple[str, str]] = [("mqtt", "test")] if mqtt else []
    for name, options in (("sms", alerts.sms), ("email", alerts.email)):
        deliveries += [(name, recipient) for recipient in (options.to if options is not None else ())]
    return deliveries + [("webhook", option.key) for option in alerts.webhook]


def build_channels(
    alerts: AlertOptions,
    site: Site,
    clock: Clock,
    identity: tuple[str, str],
    mqtt: Channel | None = None,
    media_url: MediaUrl | None = None,
    reports: Callable[[EmailOptions], ReportChannel] | None = None,
    anchors: Callable[[EmailOptions], AnchorChannel] | None = None,
) -> Mapping[str, Channel]:
    """The configured channels by name. `identity`: uuid and epoch; `mqtt`: the channel of a MqttOutput; `reports`
    and `anchors` make the channels of reports and of the chain's head, which go by the mail server of alerts."""
    channels: dict[str, Channel | None] = {
        "mqtt": mqtt,
        "sms": SmsChannel(alerts.sms, site, media_url) if alerts.sms else None,
        "email": EmailChannel(alerts.email, site, clock) if alerts.email else None,
        REPORT: reports(alerts.email) if alerts.email and reports else None,
        ANCHOR: anchors(alerts.email) if alerts.email and anchors else None,
        "webhook": WebhookChannel(alerts.webhook, site, clock, identity) if alerts.webhook else None,
    }
    return {name: channel for name, channel in channels.items() if channel is not None}
