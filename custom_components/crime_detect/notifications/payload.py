"""Owns the form of messages: what the companion apps of iOS and Android take, in one payload for both.

Keys that one system does not know are ignored by it. What each means: companion.home-assistant.io/docs/notifications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .recipients import Button, Recipient
from .texts import Texts

type Payload = dict[str, Any]

CHANNEL = "Incidents"
CHANNEL_QUIET = "Incident updates"
"""Android freezes a channel's loudness when it is first used, so the quiet ones have their own."""
CHANNEL_CRITICAL = "alarm_stream"
"""A channel of this name rings as alarm clocks do, also on a silenced phone."""

CLEAR = "clear_notification"
"""As `message`: takes away what carries the tag."""

ACTIONS = {Button.CONFIRM: "CD_CONFIRM_", Button.FALSE_ALARM: "CD_FALSE_", Button.SNOOZE: "CD_SNOOZE_"}
"""Followed by the incident's id."""


def read_action(action: str) -> tuple[Button, str] | None:
    """The button and the incident of an answer; None where it is not one of ours."""
    for button, prefix in ACTIONS.items():
        incident_id = action.removeprefix(prefix)
        if incident_id not in ("", action):
            return button, incident_id
    return None


@dataclass(frozen=True, slots=True)
class Alert:
    """What a message is to say."""

    incident_id: str
    camera: str
    title: str
    message: str
    image: str | None
    """`/media/local/…`; None: without a picture."""
    link: str
    """Where a tap leads to, in Home Assistant."""


def ring(recipient: Recipient, alert: Alert, texts: Texts, *, critical: bool) -> Payload:
    """A message that is heard. No video: beside a picture it keeps iOS from showing either."""
    return _message(recipient, alert, texts, loudness=_critical() if critical else _time_sensitive())


def update_quietly(recipient: Recipient, alert: Alert, texts: Texts) -> Payload:
    """Replaces what the phone shows, without a sound."""
    return _message(recipient, alert, texts, loudness=_quiet())


def clear(tag: str) -> Payload:
    return {"message": CLEAR, "data": {"tag": tag}}


def notice(tag: str, title: str, message: str, *, critical: bool = False) -> Payload:
    """A few words with nothing to answer: a test, or in place of a message."""
    return {
        "title": title,
        "message": message,
        "data": {"tag": tag, **(_critical() if critical else _time_sensitive())},
    }


def _message(recipient: Recipient, alert: Alert, texts: Texts, loudness: Mapping[str, Any]) -> Payload:
    data: Payload = {
        "tag": alert.incident_id,
        "group": alert.camera,
        "url": alert.link,
        "clickAction": alert.link,
        **loudness,
    }
    if alert.image is not None:
        data["image"] = alert.image
    if recipient.buttons:
        data["actions"] = [
            {"action": f"{ACTIONS[button]}{alert.incident_id}", "title": _title(button, recipient, texts)}
            for button in recipient.buttons
        ]
    if Button.SNOOZE in recipient.buttons:
        # iOS sends this back with the answer.
        data["action_data"] = {"snooze_minutes": recipient.snooze_minutes}
    return {"title": alert.title, "message": alert.message, "data": data}


def _title(button: Button, recipient: Recipient, texts: Texts) -> str:
    return texts.say(f"button_{button}", minutes=recipient.snooze_minutes)


def _critical() -> Payload:
    return {
        "push": {"sound": {"name": "default", "critical": 1, "volume": 1.0}},
        "ttl": 0,
        "priority": "high",
        "channel": CHANNEL_CRITICAL,
        "importance": "high",
    }


def _time_sensitive() -> Payload:
    return {
        "push": {"interruption-level": "time-sensitive"},
        "ttl": 0,
        "priority": "high",
        "channel": CHANNEL,
        "importance": "high",
    }


def _quiet() -> Payload:
    return {
        "push": {"interruption-level": "passive", "sound": "none"},
        "ttl": 0,
        "priority": "high",
        "channel": CHANNEL_QUIET,
        "importance": "low",
        "alert_once": True,
    }
