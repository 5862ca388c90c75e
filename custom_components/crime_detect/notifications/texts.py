"""Owns the words on phones: category `common` of our translations, in Home Assistant's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations, async_get_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..engine.models import Incident

BY_RULE = "zone"
"""The source of incidents that rules found."""
PERSON = "person"
_CLASS = f"component.{DOMAIN}.entity.sensor.threat_class.state."


@dataclass(frozen=True, slots=True)
class Texts:
    """Sentences by key, with the names of the model's classes. A key without a translation shows itself."""

    sentences: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)

    def say(self, key: str, **values: object) -> str:
        return self.sentences.get(key, key).format(**values)

    def name_of(self, label: str, zone: str | None = None) -> str:
        name = self.classes.get(label) or label.replace("_", " ").capitalize()
        return name if zone is None else self.say("label_in_zone", label=name, zone=zone_name(zone))


async def async_load_texts(hass: HomeAssistant) -> Texts:
    language = hass.config.language
    common = await async_get_translations(hass, language, "common", {DOMAIN})
    return _texts(common, await async_get_translations(hass, language, "entity", {DOMAIN}))


@callback
def cached_texts(hass: HomeAssistant) -> Texts:
    """What Home Assistant has loaded, which is all of it once the integration is set up."""
    language = hass.config.language
    common = async_get_cached_translations(hass, language, "common", DOMAIN)
    return _texts(common, async_get_cached_translations(hass, language, "entity", DOMAIN))


def _texts(common: Mapping[str, str], entity: Mapping[str, str]) -> Texts:
    prefix = f"component.{DOMAIN}.common."
    return Texts(
        {key.removeprefix(prefix): text for key, text in common.items()},
        {key.removeprefix(_CLASS): text for key, text in entity.items() if key.startswith(_CLASS)},
    )


def clock_time(at: datetime, now: datetime) -> str:
    """`03:00`, with the date where it is not of today; in Home Assistant's time zone."""
    local, today = dt_util.as_local(at), dt_util.as_local(now)
    return f"{local:%H:%M}" if local.date() == today.date() else f"{local:%Y-%m-%d %H:%M}"


def zone_name(zone: str) -> str:
    """As people read the name of a zone or a line."""
    return zone.replace("_", " ").capitalize()


def title_of(texts: Texts, incident: Incident, camera_name: str) -> str:
    return texts.say("alert_title", label=texts.name_of(incident.label, incident.zone), camera=camera_name)


def message_of(texts: Texts, incident: Incident, now: datetime, key: str, *, picture: bool) -> str:
    """`key`: message_new, message_raised or message_repeat."""
    values = {"time": clock_time(incident.started_at, now), "percent": round(100 * incident.confidence)}
    sentences = (_seen(texts, incident), texts.say(key, **values), None if picture else texts.say("no_picture"))
    return " ".join(filter(None, sentences))


def _seen(texts: Texts, incident: Incident) -> str | None:
    """What a rule found, in plain words: `A person is in Yard.`"""
    if incident.source != BY_RULE:
        return None
    # What the rule says is closer than the class: loitering may be a long stay or many returns.
    key = next((key for key in (f"seen_{incident.rule}", f"seen_{incident.label}") if key in texts.sentences), None)
    if key is None or (incident.zone is None and "{zone}" in texts.sentences[key]):
        return None
    who = "who_person" if not incident.things or PERSON in incident.things else "who_other"
    return texts.say(key, who=texts.say(who), zone=zone_name(incident.zone or ""))
