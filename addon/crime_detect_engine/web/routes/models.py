"""Owns the models: which there are, which is in force, and another in its place."""

from __future__ import annotations

from aiohttp import web

from crime_detect_engine.web.access import ACTOR, role
from crime_detect_engine.web.answers import ACTIVE, MODELS
from crime_detect_engine.web.auditing import BY_ENGINE, IMPERSONAL, unaudited
from crime_detect_engine.web.route import API, ENGINE, Route
from crime_detect_engine.web.visibility import require_all_cameras


@unaudited(IMPERSONAL)
@role("admin")
async def list_models(request: web.Request) -> web.Response:
    """All models that are here, what each knows, which is active and which cameras it reads."""
    require_all_cameras(request, "Models cover all cameras")
    return web.json_response({"items": [dict(one) for one in await request.app[ENGINE].models()], "next_cursor": None})


@unaudited(BY_ENGINE)
@role("admin")
async def activate_model(request: web.Request) -> web.Response:
    """Puts a model in force, or loads it anew; one that cannot be loaded is refused and the one before goes on."""
    require_all_cameras(request, "A model covers all cameras")
    name = request.match_info["model"]
    await request.app[ENGINE].activate_model(name, request[ACTOR])
    return web.json_response({"active": name})


@unaudited(BY_ENGINE)
@role("admin")
async def roll_back_model(request: web.Request) -> web.Response:
    """Back to the model that was in force before this one, which must be active."""
    require_all_cameras(request, "A model covers all cameras")
    engine = request.app[ENGINE]
    return web.json_response({"active": await engine.roll_back_model(request.match_info["model"], request[ACTOR])})


ROUTES = (
    Route("GET", f"{API}/models", list_models, answers=(MODELS,)),
    Route("POST", f"{API}/models/{{model}}/activate", activate_model, answers=(ACTIVE,)),
    Route("POST", f"{API}/models/{{model}}/rollback", roll_back_model, answers=(ACTIVE,)),
)
