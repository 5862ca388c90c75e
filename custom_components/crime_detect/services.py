"""Owns the actions: what automations and people ask of an engine, with an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import voluptuous as vol
from homeassistant.components.media_source import Unresolvable, async_resolve_media
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_PATH
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service, verify_domain_control
from homeassistant.util import dt as dt_util
from homeassistant.util.json import JsonValueType

from .const import DOMAIN
from .coordinator import CrimeDetectCoordinator
from .engine.client import EngineClient
from .engine.errors import NotOverMqttError
from .engine.models import Incident, Severity
from .errors import engine_errors
from .exports import async_export
from .targets import ATTR_INCIDENT_ID, chosen_cameras, chosen_engine, chosen_incidents, engine_of_incident

ATTR_ACKNOWLEDGED: Final = "acknowledged"
ATTR_HOLD: Final = "hold"
ATTR_LABEL: Final = "label"
ATTR_LIMIT: Final = "limit"
ATTR_MEDIA_CONTENT_ID: Final = "media_content_id"
ATTR_MINUTES: Final = "minutes"
ATTR_RECIPIENT: Final = "recipient"
ATTR_SEVERITY: Final = "severity"
ATTR_SINCE: Final = "since"
ATTR_UNTIL: Final = "until"
ATTR_VERDICT: Final = "verdict"

VERDICTS: Final = ("confirmed", "false_alarm")
UNDECIDED: Final = "none"
"""As a filter: nobody has said yet whether it was real."""
AUTOMATION: Final = "automation"
"""Who asks, in the engine's audit, where no person does."""
MAX_SNOOZE_MINUTES: Final = 7 * 24 * 60
PAGE: Final = 100

_ENGINE = {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string}
_CAMERAS = {**_ENGINE, **cv.TARGET_SERVICE_FIELDS}
_NAME = vol.All(cv.string, vol.Match(r"^[A-Za-z0-9_-]{1,64}$"))

GET_INCIDENTS = vol.Schema(
    {
        **_CAMERAS,
        vol.Optional(ATTR_INCIDENT_ID): _NAME,
        vol.Optional(ATTR_LABEL): cv.string,
        vol.Optional(ATTR_SEVERITY): vol.In([severity.name.lower() for severity in Severity]),
        vol.Optional(ATTR_SINCE): cv.datetime,
        vol.Optional(ATTR_UNTIL): cv.datetime,
        vol.Optional(ATTR_VERDICT): vol.In([*VERDICTS, UNDECIDED]),
        vol.Optional(ATTR_LIMIT, default=50): vol.All(vol.Coerce(int), vol.Range(min=1, max=500)),
    }
)
ACKNOWLEDGE = vol.Schema(
    {**_CAMERAS, vol.Optional(ATTR_INCIDENT_ID): _NAME, vol.Optional(ATTR_ACKNOWLEDGED, default=True): cv.boolean}
)
GIVE_FEEDBACK = vol.Schema(
    {**_CAMERAS, vol.Optional(ATTR_INCIDENT_ID): _NAME, vol.Required(ATTR_VERDICT): vol.In(VERDICTS)}
)
SNOOZE = vol.Schema(
    {
        **_CAMERAS,
        vol.Required(ATTR_MINUTES): vol.All(vol.Coerce(float), vol.Range(min=0, max=MAX_SNOOZE_MINUTES)),
        vol.Optional(ATTR_LABEL): cv.string,
    }
)
EXPORT_EVIDENCE = vol.Schema({**_ENGINE, vol.Required(ATTR_INCIDENT_ID): _NAME})
HOLD = vol.Schema({**_ENGINE, vol.Required(ATTR_INCIDENT_ID): _NAME, vol.Optional(ATTR_HOLD, default=True): cv.boolean})
ANALYZE_MEDIA = vol.Schema(
    vol.All(
        {**_ENGINE, vol.Optional(ATTR_MEDIA_CONTENT_ID): vol.Any(cv.string, dict), vol.Optional(CONF_PATH): cv.path},
        cv.has_at_least_one_key(ATTR_MEDIA_CONTENT_ID, CONF_PATH),
        cv.has_at_most_one_key(ATTR_MEDIA_CONTENT_ID, CONF_PATH),
    )
)
SEND_TEST_ALERT = vol.Schema({**_ENGINE, vol.Optional(ATTR_RECIPIENT): cv.string})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Registers all actions, whether an engine is there or not: automations are checked against them."""
    may_control = verify_domain_control(DOMAIN)
    for name, action, schema, answers in (
        ("get_incidents", _get_incidents, GET_INCIDENTS, SupportsResponse.ONLY),
        ("acknowledge", may_control(_acknowledge), ACKNOWLEDGE, SupportsResponse.OPTIONAL),
        ("give_feedback", may_control(_give_feedback), GIVE_FEEDBACK, SupportsResponse.OPTIONAL),
        ("snooze", may_control(_snooze), SNOOZE, SupportsResponse.OPTIONAL),
        ("analyze_media", may_control(_analyze_media), ANALYZE_MEDIA, SupportsResponse.ONLY),
        ("send_test_alert", may_control(_send_test_alert), SEND_TEST_ALERT, SupportsResponse.OPTIONAL),
    ):
        hass.services.async_register(DOMAIN, name, action, schema, answers)
    for name, action, schema in (
        ("export_evidence", _export_evidence, EXPORT_EVIDENCE),
        ("hold", _hold, HOLD),
    ):
        async_register_admin_service(hass, DOMAIN, name, action, schema, SupportsResponse.OPTIONAL)


async def _get_incidents(call: ServiceCall) -> ServiceResponse:
    found: list[tuple[CrimeDetectCoordinator, Incident]] = []
    wanted = _filters(call.data)
    if incident_id := call.data.get(ATTR_INCIDENT_ID):
        coordinator = engine_of_incident(call)
        with engine_errors():
            found.append((coordinator, await _one(coordinator, incident_id)))
    else:
        for chosen in chosen_cameras(call):
            for camera in (None,) if chosen.whole_engine else chosen.cameras:
                with engine_errors():
                    incidents = await _some(chosen.coordinator, camera, wanted, call.data[ATTR_LIMIT])
                found += [(chosen.coordinator, incident) for incident in incidents]
    found.sort(key=lambda one: (one[1].started_at, one[1].incident_id), reverse=True)
    return {"incidents": [_told(*one) for one in found[: call.data[ATTR_LIMIT]]]}


def _filters(data: Mapping[str, Any]) -> dict[str, str]:
    """As the engine's client takes them."""
    filters = {key: data[key] for key in (ATTR_LABEL, ATTR_SEVERITY, ATTR_VERDICT) if key in data}
    times = {key: dt_util.as_utc(data[key]).isoformat() for key in (ATTR_SINCE, ATTR_UNTIL) if key in data}
    return filters | times


async def _one(coordinator: CrimeDetectCoordinator, incident_id: str) -> Incident:
    if client := coordinator.link.client:
        return await client.incident(incident_id)
    if known := coordinator.event_for(incident_id):
        return known
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="unknown_incident", translation_placeholders={"id": incident_id}
    )


async def _some(
    coordinator: CrimeDetectCoordinator, camera: str | None, wanted: dict[str, str], limit: int
) -> list[Incident]:
    """Newest first; over a broker those that we remember."""
    if (client := coordinator.link.client) is None:
        known = coordinator.history.newest(camera, Severity.DETECTION)
        return [incident for incident in known if _matches(incident, wanted)][:limit]
    undecided = wanted.get(ATTR_VERDICT) == UNDECIDED
    asked = {key: value for key, value in wanted.items() if not (undecided and key == ATTR_VERDICT)}
    found: list[Incident] = []
    cursor: str | None = None
    while True:
        page, cursor = await client.incidents(camera=camera, cursor=cursor, limit=min(limit, PAGE), **asked)
        found += [incident for incident in page if not undecided or incident.verdict is None]
        if cursor is None or len(found) >= limit:
            return found[:limit]


def _matches(incident: Incident, wanted: Mapping[str, str]) -> bool:
    verdict = wanted.get(ATTR_VERDICT)
    return (
        wanted.get(ATTR_LABEL) in (None, incident.label)
        and wanted.get(ATTR_SEVERITY) in (None, incident.severity.name.lower())
        and verdict in (None, incident.verdict or UNDECIDED)
        and (ATTR_SINCE not in wanted or incident.started_at >= datetime.fromisoformat(wanted[ATTR_SINCE]))
        and (ATTR_UNTIL not in wanted or incident.started_at <= datetime.fromisoformat(wanted[ATTR_UNTIL]))
    )


def _told(coordinator: CrimeDetectCoordinator, incident: Incident) -> dict[str, Any]:
    """As on the wire, with what leads to it within Home Assistant."""
    path = coordinator.pictures.path(incident)
    return {
        **incident.raw,
        ATTR_CONFIG_ENTRY_ID: coordinator.config_entry.entry_id,
        "picture": f"/media/local/{DOMAIN}/{path.parent.name}/{path.name}" if path else None,
    }


async def _acknowledge(call: ServiceCall) -> ServiceResponse:
    on, who = call.data[ATTR_ACKNOWLEDGED], await _who(call)
    incidents = chosen_incidents(call)
    with engine_errors():
        for coordinator, incident_id in incidents:
            await coordinator.link.acknowledge(incident_id, on, who)
    return {"incidents": [incident_id for _, incident_id in incidents], ATTR_ACKNOWLEDGED: on}


async def _give_feedback(call: ServiceCall) -> ServiceResponse:
    verdict, who = call.data[ATTR_VERDICT], await _who(call)
    incidents = chosen_incidents(call)
    with engine_errors():
        for coordinator, incident_id in incidents:
            await coordinator.link.set_verdict(incident_id, verdict, who)
    return {"incidents": [incident_id for _, incident_id in incidents], ATTR_VERDICT: verdict}


async def _snooze(call: ServiceCall) -> ServiceResponse:
    minutes, label = call.data[ATTR_MINUTES], call.data.get(ATTR_LABEL)
    chosen = chosen_cameras(call)
    with engine_errors():
        for one in chosen:
            for camera in one.cameras:
                await one.coordinator.link.snooze(camera, minutes, label)
    until = dt_util.utcnow() + timedelta(minutes=minutes) if minutes else None
    cameras: list[JsonValueType] = [camera for one in chosen for camera in one.cameras]
    return {"cameras": cameras, "until": until.isoformat() if until else None}


async def _hold(call: ServiceCall) -> ServiceResponse:
    coordinator, incident_id, on = engine_of_incident(call), call.data[ATTR_INCIDENT_ID], call.data[ATTR_HOLD]
    with engine_errors():
        await coordinator.link.hold(incident_id, on, await _who(call))
    return {ATTR_INCIDENT_ID: incident_id, ATTR_HOLD: on}


async def _export_evidence(call: ServiceCall) -> ServiceResponse:
    coordinator, incident_id = engine_of_incident(call), call.data[ATTR_INCIDENT_ID]
    with engine_errors(), _file_errors():
        export = await async_export(call.hass, coordinator, incident_id, await _who(call))
    return {
        ATTR_INCIDENT_ID: incident_id,
        "folder": str(export.folder),
        "files": list(export.files),
        "signed": export.signed,
    }


async def _analyze_media(call: ServiceCall) -> ServiceResponse:
    coordinator = chosen_engine(call)
    with engine_errors():
        client = _http(coordinator)
    path = await _media_file(call)
    with engine_errors(), _file_errors():
        return dict(await client.analyze(path, path.name))


async def _media_file(call: ServiceCall) -> Path:
    """The file that is meant, if it may be read."""
    if (item := call.data.get(ATTR_MEDIA_CONTENT_ID)) is not None:
        # The media selector gives {"media_content_id": …, "media_content_type": …}.
        media_id = str(item.get(ATTR_MEDIA_CONTENT_ID) if isinstance(item, dict) else item)
        try:
            media = await async_resolve_media(call.hass, media_id, None)
        except Unresolvable as error:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="no_media", translation_placeholders={"media": media_id}
            ) from error
        if media.path is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="media_no_file", translation_placeholders={"media": media_id}
            )
        return media.path
    path = Path(call.data[CONF_PATH])
    if not await call.hass.async_add_executor_job(call.hass.config.is_allowed_path, str(path)):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="path_not_allowed", translation_placeholders={"path": str(path)}
        )
    if not await call.hass.async_add_executor_job(path.is_file):
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_media", translation_placeholders={"media": str(path)}
        )
    return path


async def _send_test_alert(call: ServiceCall) -> ServiceResponse:
    """To one recipient, or to all and over the engine's own outputs (SMS, mail, …)."""
    coordinator, recipient = chosen_engine(call), call.data.get(ATTR_RECIPIENT)
    subentry_id = None
    if recipient is not None:
        subentry_id = next(
            (
                key
                for key, subentry in coordinator.config_entry.subentries.items()
                if recipient in (key, subentry.title, subentry.data.get("name"))
            ),
            None,
        )
        if subentry_id is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="unknown_recipient",
                translation_placeholders={"recipient": recipient},
            )
    client = coordinator.link.client if recipient is None else None
    names: list[str] = []
    notifier = coordinator.notifier
    # With outputs of its own an engine may have nobody here to tell.
    if notifier is not None and (notifier.recipients or client is None):
        names = await notifier.async_send_test(subentry_id)
    outputs: dict[str, Any] | None = None
    if client:
        with engine_errors():
            outputs = dict(await client.test_alert())
    return {"recipients": [*names], "engine": outputs}


def _http(coordinator: CrimeDetectCoordinator) -> EngineClient:
    if coordinator.link.client is None:
        raise NotOverMqttError("needs the engine's HTTP address", "not_over_mqtt")
    return coordinator.link.client


async def _who(call: ServiceCall) -> str:
    user = await call.hass.auth.async_get_user(call.context.user_id) if call.context.user_id else None
    return (user and user.name) or AUTOMATION


@contextmanager
def _file_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="file_error",
            translation_placeholders={"error": error.strerror or str(error), "path": str(error.filename or "")},
        ) from error
