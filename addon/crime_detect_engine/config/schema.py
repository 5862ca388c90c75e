"""Owns the shape of the configuration file (contracts.md) and how its sections become one Config."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import voluptuous as vol

from crime_detect_engine.decision.fusion import SCHEMA as FUSION
from crime_detect_engine.decision.patterns import SCHEMA as PATTERNS
from crime_detect_engine.decision.profiles import DEFAULT_PROFILE, PROFILES
from crime_detect_engine.decision.schedule import SCHEMA as SCHEDULE
from crime_detect_engine.domain.types import Rules, Severity
from crime_detect_engine.outputs import SCHEMA as ALERTS
from crime_detect_engine.outputs import AlertOptions
from crime_detect_engine.outputs.mqtt_options import SCHEMA as MQTT
from crime_detect_engine.outputs.report_mail import SCHEMA as REPORTS
from crime_detect_engine.outputs.report_mail import ReportsOptions
from crime_detect_engine.sources.frigate import SCHEMA as FRIGATE
from crime_detect_engine.store.address import SCHEMA as DATABASE
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.evidence.options import SCHEMA as EVIDENCE
from crime_detect_engine.store.evidence.options import EvidenceOptions
from crime_detect_engine.store.privacy import CAMERA_SCHEMA as BLUR
from crime_detect_engine.store.privacy import SCHEMA as PRIVACY
from crime_detect_engine.store.privacy import BlurChoice, PrivacyOptions
from crime_detect_engine.store.retention import SCHEMA as RETENTION
from crime_detect_engine.store.retention import RetentionOptions
from crime_detect_engine.tracking.places import LINE_KEYS, ZONE_KEYS
from crime_detect_engine.tracking.tamper import SCHEMA as TAMPER
from crime_detect_engine.tracking.tamper import TamperOptions
from crime_detect_engine.vision.anomaly import SCHEMA as ANOMALY
from crime_detect_engine.vision.anomaly import AnomalyOptions
from crime_detect_engine.web.options import SCHEMA as ACCESS
from crime_detect_engine.web.options import TLS_SCHEMA as TLS
from crime_detect_engine.web.options import AccessOptions

from . import fields
from .areas import lines_of, zones_of
from .encryption import encryption_faults
from .fields import LOCATION, Maybe, not_in_this_version
from .settings import INSECURE_WARNING, UTC_WARNING, CameraConfig, Config, DetectorOptions, ModelOptions

DETECTION = vol.Schema(
    {
        "mode": Maybe(fields.mode),
        "threshold": Maybe(fields.number(0, 1, above=True)),
        "per_class": Maybe({fields.rated_label: fields.number(0, 1, above=True)}),
        "profile": Maybe(fields.one_of(*PROFILES)),
        "frame_skip": Maybe(fields.whole(1, 60)),
        "sequence_length": Maybe(fields.whole(10, 50)),
        "votes": Maybe(fields.whole(1, 50)),
        "window": Maybe(fields.whole(1, 50)),
        "cooldown": Maybe(fields.duration),
        "false_alarm_budget": not_in_this_version,
        "shadow": not_in_this_version,
    }
)

CAMERA = vol.Schema(
    {
        vol.Required("source"): fields.source,
        "name": Maybe(fields.text),
        "location": Maybe(LOCATION),
        "detection": Maybe(DETECTION),
        "schedule": Maybe([SCHEDULE]),
        "masks": Maybe([fields.polygon]),
        "anomaly": Maybe(ANOMALY),
        "zones": Maybe({fields.slug: vol.Schema({**ZONE_KEYS, "schedule": Maybe([SCHEDULE])})}),
        "lines": Maybe({fields.slug: vol.Schema({**LINE_KEYS, "schedule": Maybe([SCHEDULE])})}),
        "detector": Maybe(fields.auto_on_off),
        "tamper": Maybe(TAMPER),
        "privacy": Maybe(BLUR),
    }
)

MODEL = vol.All(
    vol.Schema(
        {
            "name": fields.text,
            "device": fields.one_of("auto", "cuda", "openvino", "cpu"),
            "precision": fields.one_of("auto", "fp32", "bf16", "int8"),
        }
    ),
    lambda value: ModelOptions(**value),
)

DETECTOR = vol.All(
    vol.Schema(
        {
            "name": fields.one_of("auto", "nanodet_m", "yolox_nano", "fasterrcnn", "ssdlite"),
            "confidence": fields.number(0.1, 0.95),
            "rate": fields.number(0.5, 8),
            "carried": fields.flag,
        }
    ),
    lambda value: DetectorOptions(**value),
)

SECTIONS = vol.Schema(
    {
        "instance": Maybe(fields.slug),
        "timezone": Maybe(fields.timezone),
        "url": Maybe(fields.page_address),
        "cameras": Maybe({fields.camera_id: CAMERA}),
        "frigate": Maybe(FRIGATE),
        "mqtt": Maybe(MQTT),
        "model": Maybe(MODEL),
        "detector": Maybe(DETECTOR),
        "fusion": Maybe(FUSION),
        "patterns": Maybe(PATTERNS),
        "severity": Maybe({fields.incident_label: fields.severity}),
        "alerts": Maybe(ALERTS),
        "reports": Maybe(REPORTS),
        "retention": Maybe(RETENTION),
        "evidence": Maybe(EVIDENCE),
        "privacy": Maybe(PRIVACY),
        "access": Maybe(ACCESS),
        "tls": Maybe(TLS),
        "zeroconf": Maybe(fields.auto_or_off),
        "database": Maybe(DATABASE),
    }
)


def build(value: Mapping[str, Any], default_zone: ZoneInfo | None) -> Config:
    """The validated file as a Config. Raises Invalid for what only shows when sections meet."""
    given = {key: part for key, part in value.items() if part is not None}
    severity = given.get("severity", {})
    zone = given.pop("timezone", None) or default_zone
    base_url = given.pop("url", None)
    cameras: dict[str, CameraConfig] = {}
    errors: list[vol.Invalid] = [*_unknown_labels(given)]
    for name, options in given.pop("cameras", {}).items():
        try:
            cameras[name] = _camera(name, options, severity)
            if options["source"].lower().startswith("frigate:") and "frigate" not in given:
                raise vol.Invalid("frigate:NAME needs the section frigate with its url", path=["source"])
        except vol.Invalid as error:
            error.prepend(["cameras", name])
            errors.append(error)
    alerts = given.get("alerts", AlertOptions())
    if alerts.sms is not None and alerts.sms.mms and base_url is None:
        reason = "needs `url`: Twilio fetches the picture from there, so it must be reachable from the internet"
        errors.append(vol.Invalid(reason, path=["alerts", "sms", "mms"]))
    if alerts.email is None and given.get("reports", ReportsOptions()).mailed:
        reason = "needs `alerts.email`: reports are sent by its mail server"
        errors.append(vol.Invalid(reason, path=["reports"]))
    if alerts.email is None and given.get("evidence", EvidenceOptions()).anchor_email:
        reason = "needs `alerts.email`: the chain's head is sent by its mail server"
        errors.append(vol.Invalid(reason, path=["evidence", "anchor", "email"]))
    if given.get("access", AccessOptions()).oidc is not None and base_url is None:
        reason = "needs `url`, the address under which people reach this page: the provider sends them back there"
        errors.append(vol.Invalid(reason, path=["access", "oidc"]))
    privacy, database = given.get("privacy", PrivacyOptions()), given.get("database", DatabaseOptions())
    errors += encryption_faults(privacy, (camera.privacy for camera in cameras.values()), database)
    if errors:
        raise vol.MultipleInvalid(errors)
    warnings: tuple[str, ...] = () if zone is not None else (UTC_WARNING,)
    broker = given.get("mqtt")
    if broker is not None and broker.tls is not None and broker.tls.insecure:
        warnings += (INSECURE_WARNING,)
    zone_info = zone or ZoneInfo("UTC")
    return Config(**given, cameras=cameras, timezone=zone_info, base_url=base_url, warnings=warnings)


def _unknown_labels(given: Mapping[str, Any]) -> Iterator[vol.Invalid]:
    """Classes that sections of other stages name: they know no vocabulary, and a misspelt one would never match."""
    retention, alerts = given.get("retention", RetentionOptions()), given.get("alerts", AlertOptions())
    named: list[tuple[list[Hashable], Iterable[str]]] = [(["retention", "per_class"], retention.per_class_s)]
    named += [
        (["alerts", name, "labels"], getattr(alerts, name).labels) for name in ("sms", "email") if getattr(alerts, name)
    ]
    named += [(["alerts", "webhook", index, "labels"], one.labels) for index, one in enumerate(alerts.webhook)]
    for path, labels in named:
        for label in labels:
            try:
                fields.incident_label(label)
            except vol.Invalid as error:
                yield vol.Invalid(f"{label}: {error}", path=path)


def _camera(name: str, options: Mapping[str, Any], severity: Mapping[str, Severity]) -> CameraConfig:
    given = {key: part for key, part in options.items() if part is not None}
    detection = {key: part for key, part in given.pop("detection", {}).items() if part is not None}
    return CameraConfig(
        id=name,
        source=given["source"],
        name=given.get("name", name.replace("_", " ").capitalize()),
        location=given.get("location"),
        frame_skip=detection.pop("frame_skip", None),
        sequence_length=detection.pop("sequence_length", None),
        schedule=tuple(given.get("schedule", ())),
        masks=tuple(given.get("masks", ())),
        anomaly=given.get("anomaly", AnomalyOptions()),
        zones=zones_of(given.get("zones", {})),
        lines=lines_of(given.get("lines", {})),
        detector=given.get("detector", "auto"),
        tamper=given.get("tamper", TamperOptions()),
        privacy=given.get("privacy", BlurChoice()),
        rules=rules_of(detection, severity),
    )


def rules_of(detection: Mapping[str, Any], severity: Mapping[str, Severity]) -> Rules:
    """The profile's rules, overridden by the camera's own; a camera's own `threshold` replaces all of the profile's.

    Otherwise a raised threshold would leave the profile's lower ones of single classes standing, unseen.
    """
    profile = PROFILES[detection.get("profile", DEFAULT_PROFILE)]
    inherited = {} if "threshold" in detection else profile.per_class
    rules = replace(
        profile,
        mode=detection.get("mode", profile.mode),
        threshold=detection.get("threshold", profile.threshold),
        per_class={**inherited, **detection.get("per_class", {})},
        votes=detection.get("votes", profile.votes),
        window=detection.get("window", max(profile.window, detection.get("votes", 1))),
        cooldown_s=detection.get("cooldown", profile.cooldown_s),
        severity={**profile.severity, **severity},
    )
    if rules.votes > rules.window:
        key = "votes" if "votes" in detection else "window"
        raise vol.Invalid(f"{rules.votes} votes do not fit in a window of {rules.window}", path=["detection", key])
    return rules
