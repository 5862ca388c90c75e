"""Owns what Home Assistant's repairs say of one engine: only what a person can mend, gone when its cause is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN, MIN_ENGINE_VERSION, TOO_NEW, TOO_OLD
from .coordinator import CrimeDetectCoordinator
from .engine.models import EngineInfo, Problem

DOCUMENTATION = "https://github.com/crime-detect/crime-detect/blob/main/docs/home-assistant.md"

CAMERA_CREDENTIALS = "camera_credentials"
FRIGATE_NOT_ADMIN = "frigate_not_admin"
GPU_ABSENT = "gpu_absent"
MQTT_DISCOVERY_DUPLICATE = "mqtt_discovery_duplicate"
MQTT_DUPLICATE_INSTANCE = "mqtt_duplicate_instance"
STORAGE_LOW = "storage_low"

_SEVERITIES = {
    CAMERA_CREDENTIALS: ir.IssueSeverity.ERROR,
    FRIGATE_NOT_ADMIN: ir.IssueSeverity.WARNING,
    GPU_ABSENT: ir.IssueSeverity.WARNING,
    MQTT_DISCOVERY_DUPLICATE: ir.IssueSeverity.WARNING,
    MQTT_DUPLICATE_INSTANCE: ir.IssueSeverity.ERROR,
    STORAGE_LOW: ir.IssueSeverity.ERROR,
    TOO_NEW: ir.IssueSeverity.ERROR,
    TOO_OLD: ir.IssueSeverity.ERROR,
}
_PROBLEMS = (CAMERA_CREDENTIALS, FRIGATE_NOT_ADMIN, GPU_ABSENT, MQTT_DUPLICATE_INSTANCE, STORAGE_LOW)
"""Codes of the engine that have a text here; what a newer engine may add is not actionable for us."""


@dataclass(frozen=True, slots=True)
class _Issue:
    key: str
    placeholders: dict[str, str] = field(default_factory=dict)
    camera: str | None = None
    fixable: bool = False


@callback
def async_watch_issues(hass: HomeAssistant, coordinator: CrimeDetectCoordinator) -> CALLBACK_TYPE:
    """Call before the first refresh, so that an engine that cannot be understood is told of, too."""
    entry = coordinator.config_entry
    shown: dict[str, _Issue] = {}

    @callback
    def check() -> None:
        wanted = {_id(issue, entry.entry_id): issue for issue in _issues(coordinator)}
        there = _ids(hass, entry.entry_id)
        for issue_id in there - wanted.keys():
            ir.async_delete_issue(hass, DOMAIN, issue_id)
        for issue_id, issue in wanted.items():
            # A repair that did not help took the issue away, and its cause is still there.
            if issue_id not in there or shown.get(issue_id) != issue:
                shown[issue_id] = issue
                _create(hass, entry.entry_id, issue_id, issue)

    remove = coordinator.async_add_listener(check)

    @callback
    def stop() -> None:
        remove()
        if coordinator.incompatible and not coordinator.started:
            check()  # set-up failed because of it, and is tried again: it must be told meanwhile
        else:
            async_forget_issues(hass, entry.entry_id)

    return stop


@callback
def async_forget_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Of an entry that is unloaded or removed."""
    for issue_id in _ids(hass, entry_id):
        ir.async_delete_issue(hass, DOMAIN, issue_id)


def _issues(coordinator: CrimeDetectCoordinator) -> Iterator[_Issue]:
    name = coordinator.config_entry.title
    if coordinator.incompatible:
        yield _Issue(coordinator.incompatible, {"name": name, "needed": MIN_ENGINE_VERSION})
    if not coordinator.data:
        return
    info = coordinator.data.info
    for problem in info.problems:
        if problem.code in _PROBLEMS:
            yield _of_problem(coordinator, problem)
    if info.fallback and GPU_ABSENT not in {problem.code for problem in info.problems}:
        yield _Issue(GPU_ABSENT, {"name": name, "detail": info.fallback})
    if info.mqtt_discovery:
        yield _Issue(MQTT_DISCOVERY_DUPLICATE, {"name": name}, fixable=True)


def _of_problem(coordinator: CrimeDetectCoordinator, problem: Problem) -> _Issue:
    info = coordinator.data.info
    placeholders = {"name": coordinator.config_entry.title, "detail": problem.detail}
    if problem.camera:
        placeholders["camera"] = info.cameras.get(problem.camera, problem.camera)
    fixable = problem.code == CAMERA_CREDENTIALS and problem.camera is not None and can_change_sources(coordinator)
    return _Issue(problem.code, placeholders, problem.camera, fixable)


def can_change_sources(coordinator: CrimeDetectCoordinator) -> bool:
    """The engine takes a new address of a camera, and tries it first."""
    return coordinator.link.client is not None and _knows_sources(coordinator.data.info)


def _knows_sources(info: EngineInfo) -> bool:
    return {"cameras", "sources_test"} <= info.features


def _create(hass: HomeAssistant, entry_id: str, issue_id: str, issue: _Issue) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        data={"entry_id": entry_id, "camera": issue.camera},
        is_fixable=issue.fixable,
        learn_more_url=f"{DOCUMENTATION}#{issue.key.replace('_', '-')}",
        severity=_SEVERITIES[issue.key],
        translation_key=f"{issue.key}_fixable" if issue.fixable and issue.key == CAMERA_CREDENTIALS else issue.key,
        translation_placeholders=issue.placeholders,
    )


def _id(issue: _Issue, entry_id: str) -> str:
    return "/".join(part for part in (issue.key, entry_id, issue.camera) if part)


def _ids(hass: HomeAssistant, entry_id: str) -> set[str]:
    return {
        issue_id
        for domain, issue_id in ir.async_get(hass).issues
        if domain == DOMAIN and issue_id.split("/")[1:2] == [entry_id]
    }
