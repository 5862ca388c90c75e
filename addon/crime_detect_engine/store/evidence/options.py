"""Owns the options of evidence: where the chain's head is told to once a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol


@dataclass(frozen=True, slots=True)
class EvidenceOptions:
    """`anchor_mqtt`: retained on the broker, where one is configured."""

    anchor_mqtt: bool = True


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _later(value: object) -> None:
    if value not in (None, False, [], {}):
        raise vol.Invalid("not in this version")


def _build(values: Mapping[str, Any]) -> EvidenceOptions:
    return EvidenceOptions(anchor_mqtt=(values.get("anchor") or {}).get("mqtt", True))


SCHEMA = vol.All(
    {
        vol.Optional("anchor"): vol.Any(
            None,
            {vol.Optional("mqtt"): _flag, vol.Optional("email"): _later, vol.Optional("rfc3161"): _later},
        )
    },
    _build,
)
