"""Owns the scopes that a token may be limited to."""

from __future__ import annotations

SCOPES = {
    "status": "what the engine is, and its metrics",
    "cameras:read": "the cameras and their state",
    "live": "live pictures, and who is in view",
    "incidents:read": "incidents, their scores, and exports of them",
    "media:read": "pictures and clips of incidents",
    "events": "the event stream",
    "commands": "switches, snooze, verdict, acknowledgement, hold, and reporting an incident",
    "incidents:delete": "deleting incidents",
    "evidence": "evidence packages and unblurred originals",
    "reports": "reports and trends",
    "analyze": "uploads to analyse",
    "settings": "cameras, thresholds, models and test alerts",
    "retention": "what is kept for how long",
    "privacy": "export and erasure for people in the picture",
    "audit": "the audit",
    "accounts:read": "who has an account or a token",
}
"""What a scope opens, for people. A token still needs the role."""
