"""Owns the difference of two configurations: what is swapped in place, and which cameras must be built anew."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from .settings import CameraConfig, Config, model_name


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """Camera ids, each in one set at most; `sections` are the other top-level keys whose settings differ."""

    rules_changed: frozenset[str] = frozenset()
    """Rules, schedule, zones, blurring, name, location or what is unusual: swapped while the stream goes on."""
    rebuild: frozenset[str] = frozenset()
    """Source, masks, sampling, or the model: only this camera's line is built anew."""
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    sections: frozenset[str] = frozenset()


def changes(old: Config, new: Config) -> ConfigChange:
    """What to do to get from one running configuration to the other."""
    kept = old.cameras.keys() & new.cameras.keys()
    sections = frozenset(
        field.name
        for field in fields(Config)
        if field.name not in {"cameras", "warnings"} and getattr(old, field.name) != getattr(new, field.name)
    )
    rebuild = {name for name in kept if _needs_rebuild(old, new, name, sections)}
    swapped = {name for name in kept - rebuild if old.cameras[name] != new.cameras[name]}
    return ConfigChange(
        rules_changed=frozenset(swapped),
        rebuild=frozenset(rebuild),
        added=frozenset(new.cameras.keys() - kept),
        removed=frozenset(old.cameras.keys() - kept),
        sections=sections,
    )


def _needs_rebuild(old: Config, new: Config, name: str, sections: frozenset[str]) -> bool:
    before, after = old.cameras[name], new.cameras[name]
    by_frigate = after.source.startswith("frigate:") and "frigate" in sections
    other_model = model_name(before, old.model.name) != model_name(after, new.model.name)
    other_device = replace(old.model, name="") != replace(new.model, name="")
    return other_model or other_device or by_frigate or _without_rules(before) != _without_rules(after)


def _without_rules(camera: CameraConfig) -> CameraConfig:
    plain = CameraConfig(id=camera.id, source="", name="")
    return replace(
        camera,
        rules=plain.rules,
        schedule=plain.schedule,
        name=plain.name,
        location=plain.location,
        anomaly=plain.anomaly,
        zones=plain.zones,
        lines=plain.lines,
        detector=plain.detector,
        tamper=plain.tamper,
        privacy=plain.privacy,
    )
