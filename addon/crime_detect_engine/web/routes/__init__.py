"""Owns the list of routes; each file of this package declares those of one resource."""

from __future__ import annotations

from crime_detect_engine.web.route import Route

from . import (
    alerts,
    analyze,
    audit,
    cameras,
    events,
    evidence,
    incidents,
    media,
    models,
    oidc,
    originals,
    pages,
    people,
    public,
    reports,
    retention,
    service,
    session,
    settings,
    sources,
    subjects,
    tokens,
    users,
)

ROUTES: tuple[Route, ...] = (
    *service.ROUTES,
    *session.ROUTES,
    *users.ROUTES,
    *audit.ROUTES,
    *tokens.ROUTES,
    *cameras.ROUTES,
    *incidents.ROUTES,
    *public.ROUTES,
    *reports.ROUTES,
    *media.ROUTES,
    *originals.ROUTES,
    *evidence.ROUTES,
    *analyze.ROUTES,
    *subjects.ROUTES,
    *alerts.ROUTES,
    *sources.ROUTES,
    *settings.ROUTES,
    *retention.ROUTES,
    *models.ROUTES,
    *events.ROUTES,
    *oidc.ROUTES,
    *pages.ROUTES,
    *people.ROUTES,
)
