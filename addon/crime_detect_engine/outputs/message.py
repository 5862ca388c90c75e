"""Owns the words of an alert: one standard content for SMS, mail and webhook readers, in three lengths."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from jinja2 import Environment

from crime_detect_engine.domain.types import ChangeType, Incident, IncidentChanged, Severity

from .channel import Outgoing

_SMS_SEPTETS = 160
_SMS_UNICODE = 70
_LATE_S = 60.0
_GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = "^{}\\[~]|€"

_MAIL_TEXT = """\
{{ headline }}{% if late %} ({{ late }}){% endif %}


What:       {{ label }} ({{ severity }})
{% if zone %}
Zone:       {{ zone }}
{% endif %}
Where:      {{ camera }}{% if position %} ({{ position }}){% endif %}

When:       {{ time }}
Confidence: {{ confidence }}
{% for reason in why %}
Because:    {{ reason }}
{% endfor %}
Reference:  {{ reference }}
{% if link %}
Clip, score and answer: {{ link }}
{% endif %}
This is a machine's judgement of a picture and can be wrong. Look before you act.
"""

_MAIL_HTML = """\
<!doctype html>
<html><body style="font-family:sans-serif;max-width:40em">
<h2>{{ headline }}{% if late %} <small>({{ late }})</small>{% endif %}</h2>
{% if picture %}<p><img src="cid:{{ picture }}" alt="{{ label }} at {{ camera }}" style="max-width:100%"></p>{% endif %}
<table cellpadding="4">
<tr><td>What</td><td><b>{{ label }}</b> ({{ severity }})</td></tr>
{% if zone %}<tr><td>Zone</td><td>{{ zone }}</td></tr>
{% endif %}
<tr><td>Where</td><td>{{ camera }}{% if position %} ({{ position }}){% endif %}</td></tr>
<tr><td>When</td><td>{{ time }}</td></tr>
<tr><td>Confidence</td><td>{{ confidence }}</td></tr>
{% for reason in why %}
<tr><td>Because</td><td>{{ reason }}</td></tr>
{% endfor %}
<tr><td>Reference</td><td>{{ reference }}</td></tr>
</table>
{% if link %}<p><a href="{{ link }}">Clip, score and answer</a></p>{% endif %}
<p><small>This is a machine's judgement of a picture and can be wrong. Look before you act.</small></p>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Site:
    """What messages say about the place. `base_url`: where people reach the engine's pages; None leaves links out."""

    base_url: str | None = None
    timezone: tzinfo = UTC
    camera_name: Callable[[str], str] = str
    """Name for people of a camera's id."""

    def link(self, incident_id: str) -> str | None:
        return None if self.base_url is None else f"{self.base_url.rstrip('/')}/incidents/{incident_id}"


def is_for_people(event: IncidentChanged) -> bool:
    """Whether SMS and mail tell it: at `new`, and when notification or severity rises; never when suppressed."""
    before, after = event.before, event.after
    if after is None or not after.notify or after.severity < Severity.ALERT:
        return False
    if event.type not in (ChangeType.NEW, ChangeType.UPDATE):
        return False
    return before is None or not before.notify or after.severity > before.severity


def incident_of(event: IncidentChanged) -> Incident:
    """The incident as it is, or as it was before it was deleted. Raises ValueError for an event without either."""
    incident = event.after or event.before
    if incident is None:
        raise ValueError("an event without an incident")
    return incident


def age_text(age_s: float) -> str:
    """`12 min ago` for a message that comes late, else nothing."""
    if age_s < _LATE_S:
        return ""
    if age_s < 2 * 3600:
        return f"{int(age_s // 60)} min ago"
    if age_s < 48 * 3600:
        return f"{int(age_s // 3600)} h ago"
    return f"{int(age_s // 86400)} days ago"


def local_time(at: datetime, site: Site) -> str:
    """`Sat 21 Nov 2026 22:14:05 CET`."""
    return at.astimezone(site.timezone).strftime("%a %d %b %Y %H:%M:%S %Z").strip()


def headline(outgoing: Outgoing, site: Site) -> str:
    """`Fighting at Front door`, `Trespassing (yard) at Front door`, one line; says so when it is a test."""
    incident = incident_of(outgoing.event)
    zone = f" ({_zone(incident)})" if incident.zone else ""
    words = f"{_label(incident)}{zone} at {_one_line(site.camera_name(incident.camera))}"
    return f"TEST: {words}" if outgoing.test else words


def sms_text(outgoing: Outgoing, site: Site) -> str:
    """One SMS where that is possible: 160 characters of GSM's alphabet (70 outside it); else as short as it gets.

    Ends with the link, whose last part is the reference, or with the reference itself.
    """
    incident = incident_of(outgoing.event)
    at = incident.started_at.astimezone(site.timezone)
    late = age_text(outgoing.age_s)
    core = (
        f"{_severity(incident).upper()}: {headline(outgoing, site)}, {at:%d %b %H:%M:%S}{f' ({late})' if late else ''}"
        f", {incident.confidence:.0%}"
    )
    tail = f" {site.link(incident.incident_id) or f'Ref {incident.incident_id}'}"
    position = _position(incident)
    full = gsm(f"{core}, {position}{tail}" if position else core + tail)
    if _fits(full):
        return full
    return gsm(core + tail)


def mail_texts(outgoing: Outgoing, site: Site, picture: str | None) -> tuple[str, str]:
    """Plain text and HTML; `picture` is the content id of the attached snapshot."""
    incident = incident_of(outgoing.event)
    values = {
        "headline": headline(outgoing, site),
        "late": age_text(outgoing.age_s),
        "label": _label(incident),
        "severity": _severity(incident),
        "zone": _zone(incident),
        "why": _why(incident),
        "camera": _one_line(site.camera_name(incident.camera)),
        "position": _position(incident),
        "time": local_time(incident.started_at, site),
        "confidence": f"{incident.confidence:.0%}",
        "reference": incident.incident_id,
        "link": site.link(incident.incident_id),
        "picture": picture,
    }
    return _TEXT.render(values), _HTML.render(values)


def gsm(text: str) -> str:
    """Letters outside GSM's alphabet lose their accents (č → c); other scripts stay as they are."""
    return "".join(_gsm_letter(letter) for letter in text)


def _gsm_letter(letter: str) -> str:
    if letter in _GSM or letter in _GSM_TWICE:
        return letter
    base = unicodedata.normalize("NFKD", letter)[:1]
    return base if base in _GSM else letter


def _fits(text: str) -> bool:
    if all(letter in _GSM or letter in _GSM_TWICE for letter in text):
        return len(text) + sum(letter in _GSM_TWICE for letter in text) <= _SMS_SEPTETS
    return len(text.encode("utf-16-be")) // 2 <= _SMS_UNICODE


def _label(incident: Incident) -> str:
    return _one_line(incident.label.replace("_", " ")).capitalize()


def _zone(incident: Incident) -> str:
    return _one_line((incident.zone or "").replace("_", " "))


def _why(incident: Incident) -> list[str]:
    """`lingered: somebody lingered in yard for 41 s, until now`, in the order of the incident."""
    said = [(str(one.get("reason", "")).replace("_", " "), one.get("detail")) for one in incident.why]
    return [_one_line(f"{reason}: {detail}" if detail else reason) for reason, detail in said]


def _severity(incident: Incident) -> str:
    return incident.severity.wire


def _position(incident: Incident) -> str:
    place = incident.location
    return "" if place is None else f"{place.latitude:.5f},{place.longitude:.5f}"


def _one_line(text: str) -> str:
    """Names come from people: no line of theirs may become a header or a line of the message."""
    return " ".join(text.split())


_TEXT = Environment(autoescape=False, trim_blocks=True).from_string(_MAIL_TEXT)  # noqa: S701 plain text
_HTML = Environment(autoescape=True, trim_blocks=True).from_string(_MAIL_HTML)
