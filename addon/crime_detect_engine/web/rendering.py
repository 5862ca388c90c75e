"""Owns how pages are rendered: the Jinja2 environment and what every page knows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import web

from crime_detect_engine.domain.ports import CameraView
from crime_detect_engine.domain.types import INCIDENT_CLASSES, Incident
from crime_detect_engine.domain.wire import timestamp

from .access import ACCESS, ACTOR, COOKIE, LOGIN_LINKS, allows, allows_at
from .route import ENGINE
from .words import LABELS, amount, attributes, readable, reason, weighed

_PAGES = Path(__file__).parent / "pages"
ENVIRONMENT = web.AppKey("environment", jinja2.Environment)


def build_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "label": readable,
        "percent": lambda value: f"{value * 100:.0f} %",
        "timestamp": timestamp,
        "fallback_time": fallback_time,
        "length_of": length_of,
        "reason": reason,
        "weighed": weighed,
        "attributes": attributes,
        "bytes": amount,
    }
    return environment


def fallback_time(at: datetime | None) -> str:
    """What stands in a `<time>` until the browser puts the reader's own time there."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def length_of(incident: Incident) -> str:
    if incident.ended_at is None:
        return "still going on"
    seconds = max(0, round((incident.ended_at - incident.started_at).total_seconds()))
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s"


def base_path(request: web.Request) -> str:
    """The way from this page back to the root, so that every link works below any prefix (ingress, a proxy)."""
    return "../" * (request.path.count("/") - 1) or "./"


def render(request: web.Request, page: str, *, status: int = 200, **values: Any) -> web.Response:
    """A page for the caller of this request; `request[ACTOR]` may be absent."""
    actor = request.get(ACTOR)
    info: Mapping[str, Any] = request.app[ENGINE].info() if actor else {}
    text = (
        request.app[ENVIRONMENT]
        .get_template(page)
        .render(
            base=base_path(request),
            path=request.path.lstrip("/"),
            actor=actor,
            can=lambda *roles: actor is not None and allows(actor, *roles),
            can_at=lambda camera, *roles: actor is not None and allows_at(actor, camera, *roles),
            csrf=request.app[ACCESS].csrf_token(request) if actor else "",
            login_links=request.app.get(LOGIN_LINKS, ()),
            by_cookie=actor is not None and COOKIE in request.cookies,
            info=info,
            model=model_facts(info),
            words=json.dumps(LABELS),
            **values,
        )
    )
    return web.Response(text=text, content_type="text/html", status=status)


def model_facts(info: Mapping[str, Any]) -> dict[str, Any]:
    """Name, classes and whether it is the demo; forgiving, for an engine that is still loading has none."""
    model = info.get("model")
    known = model if isinstance(model, Mapping) else {"name": model or ""}
    name = str(known.get("name") or "")
    labels = known.get("labels") or info.get("labels") or ()
    demo = bool(known.get("demo", name == "demo" or name.startswith("demo")))
    return {"name": name, "version": known.get("version", ""), "labels": list(labels), "demo": demo}


def camera_names(cameras: Sequence[CameraView]) -> dict[str, str]:
    return {camera.id: camera.name for camera in cameras}


def incident_labels(info: Mapping[str, Any]) -> list[str]:
    """Classes to choose from in forms: those of the model first, then everything else that an incident may be."""
    known = [label for label in model_facts(info)["labels"] if label != "normal"]
    return known + [label for label in INCIDENT_CLASSES if label not in known]
