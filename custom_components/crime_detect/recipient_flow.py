"""Owns the form of a recipient: which phone, what it hears about, when, and how loud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntry,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TimeSelector,
)
from homeassistant.util import slugify

from .options_flow import NOTIFICATION_DEFAULTS

_PHONE = "mobile_app_"
_NO_PEOPLE = ("send_message", "persistent_notification", "notify")
"""Actions of `notify` that reach no phone of their own, or cannot carry pictures and buttons."""
_DEFAULTS: Mapping[str, Any] = {
    "what": {"min_severity": "alert"},
    "when": {"at_night": False, "from": "22:00:00", "to": "06:00:00"},
    "how": {
        "critical": "critical",
        "repeat_minutes": 0,
        "buttons": ["confirm", "false_alarm", "snooze"],
        "snooze_minutes": 30,
    },
}


class RecipientFlow(ConfigSubentryFlow):
    """Choosing the phone is enough: everything else has a default that works."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        return await self._async_form("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        return await self._async_form("reconfigure", user_input)

    async def _async_form(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        phones = phones_of(self.hass)
        if not phones:
            return self.async_abort(reason="no_phones")
        errors: dict[str, str] = {}
        if user_input is None:
            shown = self._shown(entry)
        else:
            shown = user_input
            errors = _complaints(user_input, phones)
            if not errors:
                return self._finish(entry, _data_of(user_input, phones))
        schema = _schema(entry, phones, shown)
        return self.async_show_form(
            step_id=step_id, data_schema=self.add_suggested_values_to_schema(schema, shown), errors=errors
        )

    def _shown(self, entry: ConfigEntry) -> dict[str, Any]:
        if self.source == SOURCE_RECONFIGURE:
            return _form_of(self._get_reconfigure_subentry().data)
        renotify = {**NOTIFICATION_DEFAULTS, **entry.options.get("notifications", {})}["renotify"]
        return {**_DEFAULTS, "how": {**_DEFAULTS["how"], "renotify": renotify}}

    def _finish(self, entry: ConfigEntry, data: dict[str, Any]) -> SubentryFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(entry, self._get_reconfigure_subentry(), title=data["name"], data=data)
        return self.async_create_entry(title=data["name"], data=data)


def phones_of(hass: HomeAssistant) -> dict[str, str]:
    """Name by action below `notify.`; phones with the companion app first."""
    actions = [name for name in hass.services.async_services_for_domain(Platform.NOTIFY) if name not in _NO_PEOPLE]
    owned = [entry.data.get("device_name", entry.title) for entry in hass.config_entries.async_entries("mobile_app")]
    apps = {f"{_PHONE}{slugify(name)}": name for name in owned}
    named = {name: apps.get(name) or name.removeprefix(_PHONE).replace("_", " ").capitalize() for name in actions}
    return dict(sorted(named.items(), key=lambda one: (not one[0].startswith(_PHONE), one[1].casefold())))


def _schema(entry: ConfigEntry, phones: Mapping[str, str], shown: Mapping[str, Any]) -> vol.Schema:
    info = entry.runtime_data.data.info
    what = shown.get("what", {})
    cameras = {camera: info.cameras.get(camera, camera) for camera in (*info.cameras, *what.get("cameras", ()))}
    labels = dict.fromkeys((*info.classes, *what.get("classes", ())))
    return vol.Schema(
        {
            vol.Required("action"): SelectSelector(
                SelectSelectorConfig(
                    options=[SelectOptionDict(value=action, label=name) for action, name in phones.items()],
                    mode=SelectSelectorMode.DROPDOWN,
                )
            ),
            vol.Optional("name"): TextSelector(),
            vol.Required("what"): section(_what(cameras, list(labels)), {"collapsed": True}),
            vol.Required("when"): section(_WHEN, {"collapsed": True}),
            vol.Required("how"): section(_HOW, {"collapsed": True}),
        }
    )


def _what(cameras: Mapping[str, str], labels: list[str]) -> vol.Schema:
    return vol.Schema(
        {
            vol.Optional("cameras"): SelectSelector(
                SelectSelectorConfig(
                    options=[SelectOptionDict(value=camera, label=name) for camera, name in cameras.items()],
                    multiple=True,
                )
            ),
            vol.Optional("classes"): SelectSelector(
                SelectSelectorConfig(options=labels, multiple=True, translation_key="class")
            ),
            vol.Required("min_severity"): _choice("severity", "alert", "critical"),
        }
    )


def _choice(translation_key: str, *options: str) -> SelectSelector:
    return SelectSelector(SelectSelectorConfig(options=list(options), translation_key=translation_key))


def _number(maximum: int, unit: str, minimum: int = 0) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(min=minimum, max=maximum, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement=unit)
    )


_WHEN = vol.Schema(
    {
        vol.Optional("persons"): EntitySelector(EntitySelectorConfig(domain="person", multiple=True)),
        vol.Required("at_night"): BooleanSelector(),
        vol.Required("from"): TimeSelector(),
        vol.Required("to"): TimeSelector(),
    }
)
_HOW = vol.Schema(
    {
        vol.Required("critical"): _choice("critical", "never", "critical", "always"),
        vol.Optional("buttons"): SelectSelector(
            SelectSelectorConfig(options=["confirm", "false_alarm", "snooze"], multiple=True, translation_key="buttons")
        ),
        vol.Required("snooze_minutes"): _number(10_080, "min", 1),
        vol.Required("renotify"): BooleanSelector(),
        vol.Required("repeat_minutes"): _number(60, "min"),
        vol.Optional("cooldown_s"): _number(3600, "s"),
    }
)


def _complaints(typed: Mapping[str, Any], phones: Mapping[str, str]) -> dict[str, str]:
    if typed["action"] not in phones:
        return {"action": "unknown_action"}
    when = typed["when"]
    if when["at_night"] and when["from"] == when["to"]:
        return {"base": "no_night"}
    return {}


def _data_of(typed: Mapping[str, Any], phones: Mapping[str, str]) -> dict[str, Any]:
    """What the notifier reads; `cooldown_s` is left out where the options of all recipients rule."""
    what, when, how = typed["what"], typed["when"], typed["how"]
    persons = when.get("persons", [])
    numbers = {key: int(how[key]) for key in ("repeat_minutes", "snooze_minutes", "cooldown_s") if key in how}
    return {
        "name": str(typed.get("name", "")).strip() or phones[typed["action"]],
        "action": typed["action"],
        "cameras": what.get("cameras", []),
        "classes": what.get("classes", []),
        "min_severity": what["min_severity"],
        "persons": persons,
        "only_when_away": bool(persons),
        "at_night": when["at_night"],
        "from": when["from"],
        "to": when["to"],
        "critical": how["critical"],
        "renotify": how["renotify"],
        "buttons": how.get("buttons", []),
        **numbers,
    }


def _form_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The other way round."""
    parts = {
        "what": ("cameras", "classes", "min_severity"),
        "when": ("persons", "at_night", "from", "to"),
        "how": ("critical", "buttons", "snooze_minutes", "renotify", "repeat_minutes", "cooldown_s"),
    }
    shown: dict[str, Any] = {key: data[key] for key in ("action", "name")}
    for part, keys in parts.items():
        shown[part] = {**_DEFAULTS[part], **{key: data[key] for key in keys if key in data}}
    return shown
