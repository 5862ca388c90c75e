"""Owns the rules of one recipient: whether a message about an incident is for this phone, now, and how loud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any

from ..engine.models import Incident, Severity

REPEATS = 10
"""A message that nobody answers is repeated this often at most."""


class Button(StrEnum):
    """What a person can answer on the phone. Android shows three at most."""

    CONFIRM = "confirm"
    FALSE_ALARM = "false_alarm"
    SNOOZE = "snooze"


class Critical(StrEnum):
    """When a message may break through a phone's silence."""

    NEVER = "never"
    CRITICAL = "critical"
    ALWAYS = "always"


class Occasion(StrEnum):
    """Why somebody may be rung. What rose breaks the cooldown; a repetition knows none."""

    NEW = "new"
    RAISED = "raised"
    REPEAT = "repeat"


class Why(StrEnum):
    """The rule that decided; for the debug log and for tests."""

    RING = "ring"
    NOT_TO_NOTIFY = "not_to_notify"
    MUTED = "muted"
    SNOOZED = "snoozed"
    CAMERA = "camera"
    LABEL = "class"
    SEVERITY = "severity"
    NOT_NOW = "not_now"
    COOLDOWN = "cooldown"
    TOLD = "told"
    QUIETLY = "quietly"


@dataclass(frozen=True, slots=True)
class Recipient:
    """A phone and its rules, as a subentry keeps them."""

    id: str
    name: str
    action: str
    """`mobile_app_annas_phone` of `notify.mobile_app_annas_phone`."""
    cameras: frozenset[str] = frozenset()
    """Empty: all."""
    classes: frozenset[str] = frozenset()
    """Empty: all."""
    min_severity: Severity = Severity.ALERT
    persons: tuple[str, ...] = ()
    only_when_away: bool = False
    at_night: bool = False
    night_from: time = time(22)
    night_to: time = time(6)
    critical: Critical = Critical.CRITICAL
    cooldown_s: float = 60
    renotify: bool = True
    repeat_minutes: float = 0
    """0: never repeated."""
    buttons: tuple[Button, ...] = tuple(Button)
    snooze_minutes: int = 30

    @classmethod
    def from_data(cls, id: str, data: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> Recipient:
        """`defaults` are the entry's options for all recipients (cooldown_s, renotify); `data` goes first."""
        known = {**(defaults or {}), **data}
        return cls(
            id=id,
            name=known["name"],
            action=str(known["action"]).removeprefix("notify."),
            cameras=frozenset(known.get("cameras", ())),
            classes=frozenset(known.get("classes", ())),
            min_severity=Severity[str(known.get("min_severity", "alert")).upper()],
            persons=tuple(known.get("persons", ())),
            only_when_away=bool(known.get("only_when_away", False)),
            at_night=bool(known.get("at_night", False)),
            night_from=time.fromisoformat(known.get("from") or "22:00:00"),
            night_to=time.fromisoformat(known.get("to") or "06:00:00"),
            critical=Critical(known.get("critical", Critical.CRITICAL)),
            cooldown_s=float(known.get("cooldown_s", 60)),
            renotify=bool(known.get("renotify", True)),
            repeat_minutes=float(known.get("repeat_minutes", 0)),
            buttons=tuple(Button(one) for one in known.get("buttons", tuple(Button))),
            snooze_minutes=int(known.get("snooze_minutes", 30)),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What the phone already shows of this incident."""

    label: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Context:
    """The world at the moment of deciding."""

    now: datetime
    """In Home Assistant's time zone."""
    at_home: frozenset[str] = frozenset()
    """Persons known to be at home; where a phone's whereabouts are unknown, its owner is not known to be."""
    muted: bool = False
    """The camera's switch `notifications` is off."""
    snoozed_until: datetime | None = None
    """Of the camera, as the engine says."""
    last_sent_at: datetime | None = None
    """When this phone last got a message about this camera and class; one that failed does not count."""
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`critical` says how loud it would be, also where nothing is sent."""

    send: bool
    critical: bool
    why: Why


def decide(recipient: Recipient, incident: Incident, context: Context, occasion: Occasion) -> Decision:
    """Whether to ring this phone about this incident, now."""
    why = (
        _not_for_this_phone(recipient, incident)
        or _not_at_this_moment(recipient, context)
        or _said_already(recipient, incident, context, occasion)
    )
    return Decision(why is None, is_critical(recipient, incident.severity), why or Why.RING)


def is_critical(recipient: Recipient, severity: Severity) -> bool:
    match recipient.critical:
        case Critical.ALWAYS:
            return True
        case Critical.CRITICAL:
            return severity >= Severity.CRITICAL
        case Critical.NEVER:
            return False


def is_night(recipient: Recipient, now: datetime) -> bool:
    """`now` in Home Assistant's time zone. From 22:00 to 06:00 goes over midnight; equal times mean the whole day."""
    at = now.time().replace(tzinfo=None)
    if recipient.night_from < recipient.night_to:
        return recipient.night_from <= at < recipient.night_to
    return at >= recipient.night_from or at < recipient.night_to


def _not_for_this_phone(recipient: Recipient, incident: Incident) -> Why | None:
    if not incident.notify:
        return Why.NOT_TO_NOTIFY
    if recipient.cameras and incident.camera not in recipient.cameras:
        return Why.CAMERA
    if recipient.classes and incident.label not in recipient.classes:
        return Why.LABEL
    if incident.severity < recipient.min_severity:
        return Why.SEVERITY
    return None


def _not_at_this_moment(recipient: Recipient, context: Context) -> Why | None:
    if context.muted:
        return Why.MUTED
    if context.snoozed_until is not None and context.now < context.snoozed_until:
        return Why.SNOOZED
    # "When we are away" and "at night" together mean either of them: asleep at home is as good as away.
    wanted = []
    if recipient.only_when_away and recipient.persons:
        wanted.append(context.at_home.isdisjoint(recipient.persons))
    if recipient.at_night:
        wanted.append(is_night(recipient, context.now))
    return Why.NOT_NOW if wanted and not any(wanted) else None


def _said_already(recipient: Recipient, incident: Incident, context: Context, occasion: Occasion) -> Why | None:
    told = context.told
    match occasion:
        case Occasion.NEW if told:
            return Why.TOLD
        case Occasion.NEW if context.last_sent_at is not None:
            cooled = context.last_sent_at + timedelta(seconds=recipient.cooldown_s)
            return Why.COOLDOWN if context.now < cooled else None
        case Occasion.RAISED if told:
            if incident.label == told.label and incident.severity <= told.severity:
                return Why.TOLD
            return None if recipient.renotify else Why.QUIETLY
    return None
