"""What docs/access.md says of roles and scopes is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from crime_detect_engine.domain.roles import ROLES
from crime_detect_engine.web.access import declared_roles
from crime_detect_engine.web.routes import ROUTES
from crime_detect_engine.web.routes.people import ROLE_WORDS
from crime_detect_engine.web.scopes import SCOPES

TEXT = (Path(__file__).parents[2] / "docs/access.md").read_text()


def rows(head: str) -> dict[str, str]:
    table = TEXT.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
    return dict(re.findall(r"^\| `([\w:]+)` \| (.+) \|$", table, re.MULTILINE))


def test_the_roles_are_told_in_the_words_of_the_pages() -> None:
    assert rows("role | for") == ROLE_WORDS
    assert tuple(ROLE_WORDS) == ROLES


def test_every_scope_is_told() -> None:
    assert rows("scope | opens") == SCOPES


def test_everything_that_analysts_are_shown_is_told() -> None:
    part = TEXT.split("### Analysts", 1)[1].split("###", 1)[0]
    told = {(method, path) for method, path in re.findall(r"`(GET|POST|DELETE) (/[^`]*)`", part)}
    shown = {(one.method, one.path) for one in ROUTES if "analyst" in (declared_roles(one.handler) or ())}
    assert told == shown
