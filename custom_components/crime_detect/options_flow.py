"""Owns the options: what is Home Assistant's is kept here, what is the engine's is written to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    TimeSelector,
)
from homeassistant.helpers.translation import async_get_translations

from .camera_steps import CameraSteps, pick_one
from .const import CONF_FEED, DOMAIN, FEED_MQTT
from .engine.client import EngineCamera
from .engine_settings import (
    DAYS,
    days_of_duration,
    duration_of_days,
    fraction,
    gigabytes_of_size,
    percent,
    schedule_of,
    shown_schedule,
    size_of_gigabytes,
)

_DAYS_KEPT = NumberSelector(
    NumberSelectorConfig(min=1, max=3650, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="d")
)
_PERCENT = NumberSelector(
    NumberSelectorConfig(min=5, max=100, step=1, mode=NumberSelectorMode.SLIDER, unit_of_measurement="%")
)
_PERCENT_OR_NONE = NumberSelector(
    NumberSelectorConfig(min=5, max=100, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement="%")
)
_SECONDS = NumberSelector(
    NumberSelectorConfig(min=0, max=3600, step=1, mode=NumberSelectorMode.BOX, unit_of_measurement="s")
)
_GIGABYTES = NumberSelector(
    NumberSelectorConfig(min=0.1, max=100_000, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement="GB")
)
NOTIFICATION_DEFAULTS: Mapping[str, Any] = {"cooldown_s": 60, "renotify": True}
PICTURE_DEFAULTS: Mapping[str, Any] = {"keep_days": 30}
_NOTIFICATIONS = vol.Schema(
    {
        vol.Required("notifications"): section(
            vol.Schema({vol.Required("cooldown_s"): _SECONDS, vol.Required("renotify"): BooleanSelector()})
        ),
        vol.Required("pictures"): section(vol.Schema({vol.Required("keep_days"): _DAYS_KEPT})),
    }
)


class CrimeDetectOptionsFlow(CameraSteps):
    """An engine behind a broker only has no settings here: it is set up where it runs."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if self.config_entry.data[CONF_FEED] == FEED_MQTT:
            return await self.async_step_notifications()
        return self.async_show_menu(
            step_id="init",
            menu_options=["notifications", "detection", "retention", "add_camera", "remove_camera"],
        )

    async def async_step_notifications(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """What holds for all recipients, and how long pictures stay in Home Assistant."""
        options = self.config_entry.options
        if user_input is not None:
            user_input["notifications"]["cooldown_s"] = int(user_input["notifications"]["cooldown_s"])
            return self.async_create_entry(data={**options, **user_input})
        shown = {
            "notifications": {**NOTIFICATION_DEFAULTS, **options.get("notifications", {})},
            "pictures": {**PICTURE_DEFAULTS, **options.get("pictures", {})},
        }
        return self.async_show_form(
            step_id="notifications", data_schema=self.add_suggested_values_to_schema(_NOTIFICATIONS, shown)
        )

    async def async_step_detection(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Which camera; with only one there is no question."""
        if user_input is not None:
            self._camera = user_input["camera"]
            return await self.async_step_detection_rules()
        if aborted := await self._async_load():
            return aborted
        if len(self._cameras) == 1:
            self._camera = next(iter(self._cameras))
            return await self.async_step_detection_rules()
        return self.async_show_form(step_id="detection", data_schema=pick_one(self._cameras))

    async def async_step_detection_rules(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """How sure, and when."""
        camera = self._cameras[self._camera]
        shown = _shown_rules(camera)
        errors: dict[str, str] = {}
        placeholders = {"camera": camera.name, "url": self.config_entry.data["url"]}
        if user_input is not None:
            try:
                changes = _changed_rules(camera, user_input)
            except ValueError:
                errors["base"] = "incomplete_window"
            else:
                if not changes or await self._async_tell(self._client.change_camera(camera.id, changes)):
                    return self._done()
                errors, placeholders = self._errors, placeholders | self._placeholders
            shown = user_input
        windows = await _windows(self.hass)
        schema = vol.Schema(
            {
                vol.Required("threshold"): _PERCENT,
                vol.Required("per_class"): section(self._by_class(_PERCENT_OR_NONE), {"collapsed": True}),
                vol.Required("schedule"): section(vol.Schema({vol.Optional("windows"): windows}), {"collapsed": True}),
            }
        )
        return self.async_show_form(
            step_id="detection_rules",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_retention(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """How long the engine keeps what it saw."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is None:
            if aborted := await self._async_load(retention=True):
                return aborted
            shown = _shown_retention(self._retention)
        else:
            changes = _changed_retention(self._retention, user_input)
            if not changes or await self._async_tell(self._client.put_retention(changes)):
                return self._done()
            errors, placeholders, shown = self._errors, self._placeholders, user_input
        schema = vol.Schema(
            {
                vol.Required("incidents"): _DAYS_KEPT,
                vol.Required("below_threshold"): _DAYS_KEPT,
                vol.Required("media_quota"): _GIGABYTES,
                vol.Required("per_class"): section(self._by_class(_DAYS_KEPT), {"collapsed": True}),
            }
        )
        return self.async_show_form(
            step_id="retention",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _by_class(self, selector: NumberSelector) -> vol.Schema:
        """A field a class; an empty one follows what holds for all."""
        return vol.Schema({vol.Optional(label): selector for label in self._classes})


async def _windows(hass: HomeAssistant) -> ObjectSelector:
    """Rows of days and hours. The frontend does not translate options inside of rows: their labels go along."""
    texts = await async_get_translations(hass, hass.config.language, "selector", {DOMAIN})
    days = [
        SelectOptionDict(value=day, label=texts.get(f"component.{DOMAIN}.selector.days.options.{day}", day))
        for day in DAYS
    ]
    return ObjectSelector(
        ObjectSelectorConfig(
            fields={
                "days": {
                    "selector": SelectSelector(SelectSelectorConfig(options=days, multiple=True)),
                    "required": True,
                    "default": list(DAYS),
                },
                "from": {"selector": TimeSelector(), "required": True, "default": "22:00:00"},
                "to": {"selector": TimeSelector(), "required": True, "default": "06:00:00"},
            },
            multiple=True,
            label_field="days",
            description_field="from",
            translation_key="schedule",
        )
    )


def _shown_rules(camera: EngineCamera) -> dict[str, Any]:
    settings = camera.settings
    return {
        "threshold": percent(settings.get("threshold") or camera.state.threshold),
        "per_class": {label: percent(value) for label, value in (settings.get("per_class") or {}).items()},
        "schedule": {"windows": shown_schedule(settings.get("schedule"))},
    }


def _changed_rules(camera: EngineCamera, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Only what a person changed: the rest stays in the file as it is written there. Raises ValueError."""
    shown = _shown_rules(camera)
    changes: dict[str, Any] = {}
    if typed["threshold"] != shown["threshold"]:
        changes["threshold"] = fraction(typed["threshold"])
    if typed["per_class"] != shown["per_class"]:
        changes["per_class"] = {label: fraction(value) for label, value in typed["per_class"].items()}
    windows = typed["schedule"].get("windows") or []
    if windows != shown["schedule"]["windows"]:
        changes["schedule"] = schedule_of(windows)
    return changes


def _shown_retention(retention: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "incidents": days_of_duration(retention.get("incidents")),
        "below_threshold": days_of_duration(retention.get("below_threshold")),
        "media_quota": gigabytes_of_size(retention.get("media_quota")),
        "per_class": {label: days_of_duration(text) for label, text in (retention.get("per_class") or {}).items()},
    }


def _changed_retention(retention: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Only what a person changed, and the engine's own words for what did not."""
    shown = _shown_retention(retention)
    changed: dict[str, Any] = {}
    for key in ("incidents", "below_threshold"):
        if typed[key] != shown[key]:
            changed[key] = duration_of_days(typed[key])
    if typed["media_quota"] != shown["media_quota"]:
        changed["media_quota"] = size_of_gigabytes(typed["media_quota"])
    if typed["per_class"] != shown["per_class"]:
        before = retention.get("per_class") or {}
        changed["per_class"] = {
            label: before[label] if days == shown["per_class"].get(label) else duration_of_days(days)
            for label, days in typed["per_class"].items()
        }
    return changed


__all__ = ("NOTIFICATION_DEFAULTS", "PICTURE_DEFAULTS", "CrimeDetectOptionsFlow")
