"""Owns which roles there are, and which of them includes which."""

from __future__ import annotations

ROLES = ("analyst", "viewer", "operator", "investigator", "admin", "integration")
PERSONAL_ROLES = ROLES[:-1]
"""The roles of people, each including those before it; `integration` is for programs."""
CAMERA_ROLES = ROLES[1:-1]
"""What somebody may be at one camera."""


def includes(role: str, needed: str) -> bool:
    """Whether who has one role may do what another one may."""
    if role == "integration":
        return needed in ("analyst", "viewer", "operator", "integration")
    return role == needed or (needed in PERSONAL_ROLES and PERSONAL_ROLES.index(needed) <= _rank(role))


def _rank(role: str) -> int:
    return PERSONAL_ROLES.index(role) if role in PERSONAL_ROLES else -1
