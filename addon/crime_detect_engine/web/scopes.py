"""Owns the scope that each address needs of a token that has some only; what no rule names, none of them opens."""

from __future__ import annotations

import re

from crime_detect_engine.domain.scopes import SCOPES as SCOPES

PAGES = "pages"
"""Pages show whatever the role may see: nothing that a token with scopes may do."""
OWN = "own"
"""One's own session: for everybody who has one."""

_READ = {"GET", "HEAD"}
_RULES: tuple[tuple[str, str, str | None], ...] = (
    # method ("read", "write" or "any"), pattern below /api/v1, scope
    ("any", r"session|users/me(/.*)?", OWN),
    ("read", r"(users|tokens|sessions)(/.*)?", "accounts:read"),
    ("any", r"audit(/.*)?", "audit"),
    ("any", r"(subjects|privacy)(/.*)?", "privacy"),
    ("any", r"retention(/.*)?", "retention"),
    ("any", r"(reports|analytics)(/.*)?", "reports"),
    ("any", r"analyze|jobs/.*", "analyze"),
    ("read", r"events", "events"),
    ("read", r"info", "status"),
    ("any", r"incidents/\{incident\}/(evidence\..*|original.*)|evidence/.*|originals?(/.*)?", "evidence"),
    ("read", r"incidents/\{incident\}/(snapshot\.jpg|clip\.mp4)", "media:read"),
    ("read", r"incidents(/.*)?", "incidents:read"),
    ("DELETE", r"incidents/\{incident\}", "incidents:delete"),
    ("write", r"incidents(/.*)?", "commands"),
    ("read", r"cameras/\{camera\}/(live\..*|objects)", "live"),
    ("read", r"cameras(/\{camera\})?", "cameras:read"),
    ("PATCH", r"cameras/\{camera\}", "commands"),
    ("write", r"cameras/\{camera\}/(snooze|accept_view)", "commands"),
    ("any", r"(cameras|models|training|settings|sources|alerts|mqtt)(/.*)?", "settings"),
)
_COMPILED = tuple((method, re.compile(pattern), scope) for method, pattern, scope in _RULES)


def scope_of(method: str, path: str) -> str | None:
    """Of a route by its pattern, like `/api/v1/cameras/{camera}`; None where no rule names it."""
    if path == "/metrics":
        return "status"
    if not path.startswith("/api/v1/"):
        return PAGES
    below = path.removeprefix("/api/v1/")
    kinds = {"any", method, "read" if method in _READ else "write"}
    for kind, pattern, scope in _COMPILED:
        if kind in kinds and pattern.fullmatch(below):
            return scope
    return None
