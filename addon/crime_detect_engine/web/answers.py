"""Owns the description of what routes answer: media types and, for JSON, the schemas of the bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crime_detect_engine.domain.types import IncidentSource, Severity, SuppressedBy, Verdict

JsonSchema = Mapping[str, Any]
_TEXT, _NUMBER, _COUNT, _TRUTH = {"type": "string"}, {"type": "number"}, {"type": "integer"}, {"type": "boolean"}
_FRACTION = {"type": "number", "minimum": 0, "maximum": 1}
_TIME = {"type": "string", "format": "date-time"}
_ANYTHING = {"type": "object"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler says when all is well. `schema` is of a JSON body; other media and empty bodies have none."""

    status: int = 200
    schema: JsonSchema | None = None
    media_type: str | None = None


def optional(schema: JsonSchema) -> dict[str, Any]:
    return {**schema, "nullable": True}


def thing(**fields: JsonSchema) -> dict[str, Any]:
    """An object that has all of these fields, and may have more."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def many(item: JsonSchema) -> dict[str, Any]:
    return {"type": "array", "items": dict(item)}


def named(name: str) -> dict[str, Any]:
    """A schema of `SCHEMAS` by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def page(item: JsonSchema) -> Answer:
    """A list; the cursor leads to its next page."""
    return Answer(schema=thing(items=many(item), next_cursor=optional(_TEXT)))


def json_answer(schema: JsonSchema, status: int = 200) -> Answer:
    return Answer(status, schema)


def media(*types: str) -> tuple[Answer, ...]:
    """Any of these media types, as it was asked for."""
    return tuple(Answer(media_type=one) for one in types)


EMPTY = Answer(204)

_PLACE = thing(latitude=_NUMBER, longitude=_NUMBER)
_BOX = thing(label=_TEXT, box={**many(_NUMBER), "minItems": 4, "maxItems": 4}, score=_NUMBER)

SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": thing(error=thing(code=_TEXT, message=_TEXT, details=_ANYTHING)),
    "Incident": thing(
        incident_id=_TEXT,
        camera=_TEXT,
        source={"type": "string", "enum": [str(one) for one in IncidentSource]},
        label=_TEXT,
        confidence=_FRACTION,
        threshold=_FRACTION,
        probabilities={"type": "object", "additionalProperties": _FRACTION},
        boxes=many(_BOX),
        zone=optional(_TEXT),
        rule=optional(_TEXT),
        why=many(_ANYTHING),
        attributes=_ANYTHING,
        location=optional(_PLACE),
        identities=many(_TEXT),
        severity={"type": "string", "enum": [one.wire for one in Severity]},
        notify=_TRUTH,
        suppressed_by={"type": "string", "enum": [*map(str, SuppressedBy), None], "nullable": True},
        started_at=_TIME,
        ended_at=optional(_TIME),
        scores_summary=_ANYTHING,
        model=optional(thing(name=_TEXT, version=_TEXT)),
        media=thing(snapshot=optional(_TEXT), snapshot_rev=_COUNT, clip=optional(_TEXT)),
        verdict={"type": "string", "enum": [*map(str, Verdict), None], "nullable": True},
        acknowledged=_TRUTH,
        hold=_TRUTH,
        frigate_event_id=optional(_TEXT),
    ),
    "Camera": thing(
        id=_TEXT,
        name=_TEXT,
        source=_TEXT,
        location=optional(_PLACE),
        masked=_TRUTH,
        state=thing(state=_TEXT, online=_TRUTH, detection=_TRUTH, privacy=_TRUTH),
        problem=optional(_TEXT),
        settings=_ANYTHING,
    ),
    "Job": thing(
        job_id=_TEXT,
        name=_TEXT,
        state={"type": "string", "enum": ["queued", "running", "done", "failed"]},
        result=optional(_ANYTHING),
        error=optional(_TEXT),
    ),
    "AuditEntry": thing(
        id=_COUNT,
        at=_TIME,
        actor=_TEXT,
        role=_TEXT,
        action=_TEXT,
        target=_TEXT,
        details=_ANYTHING,
        link=thing(seq=optional(_COUNT), hash=optional(_TEXT)),
    ),
    "User": thing(
        id=_COUNT,
        name=_TEXT,
        display_name=optional(_TEXT),
        role=_TEXT,
        cameras=optional(_ANYTHING),
        issuer=optional(_TEXT),
        created_at=_TIME,
        last_login_at=optional(_TIME),
        disabled=_TRUTH,
        must_change=_TRUTH,
    ),
    "Token": thing(
        id=_COUNT,
        name=_TEXT,
        role=_TEXT,
        cameras=optional(_ANYTHING),
        scopes=optional(many(_TEXT)),
        created_at=_TIME,
        expires_at=optional(_TIME),
        last_used_at=optional(_TIME),
        revoked_at=optional(_TIME),
    ),
}

INCIDENT, INCIDENTS = json_answer(named("Incident")), page(named("Incident"))
CAMERA, CAMERAS = json_answer(named("Camera")), page(named("Camera"))
JOB = json_answer(named("Job"))
SCORES = page(thing(at=_TIME, probabilities={"type": "object", "additionalProperties": _FRACTION}))
OBJECTS = json_answer(thing(at=_TIME, items=many(_BOX)))
HEALTH = thing(ok=_TRUTH, reasons=many(_TEXT))
INFO = json_answer(
    thing(
        uuid=_TEXT, epoch=_TEXT, instance=_TEXT, version=_TEXT, features=many(_TEXT), labels=many(_TEXT),
        problems=many(thing(code=_TEXT, camera=optional(_TEXT), detail=_TEXT)), warnings=many(_TEXT),
    )
)  # fmt: skip
OBJECT = json_answer(_ANYTHING)
RETENTION = json_answer(
    thing(incidents=_TEXT, below_threshold=_TEXT, per_class={"type": "object", "additionalProperties": _TEXT})
)
SESSION = json_answer(thing(csrf_token=_TEXT, actor=thing(name=_TEXT, role=_TEXT), must_change_password=_TRUTH), 201)
MODELS = page(thing(name=_TEXT, version=optional(_TEXT), labels=many(_TEXT), active=_TRUTH, usable=_TRUTH))
ACTIVE = json_answer(thing(active=_TEXT))
SOURCES = page(thing(source=_TEXT, name=_TEXT))


def answers_json(answers: tuple[Answer, ...]) -> dict[str, Any]:
    """The `responses` of an operation: what was declared, and how every error looks."""
    told: dict[str, Any] = {}
    for one in answers:
        described = told.setdefault(str(one.status), {"description": "done"})
        kind = "application/json" if one.schema is not None else one.media_type
        if kind is not None:
            binary = {"type": "string", "format": "binary"}
            described.setdefault("content", {})[kind] = {"schema": dict(one.schema) if one.schema else binary}
    refused = {"description": "refused", "content": {"application/json": {"schema": named("Error")}}}
    failed = {"description": "cannot be done at present", "content": {"application/json": {"schema": named("Error")}}}
    # A failure that nobody foresaw (500) is not among them: it is always a fault of the engine.
    return {"4XX": refused, "503": failed, **(told or {"2XX": {"description": "done"}})}
